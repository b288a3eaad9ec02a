package bind

import (
	"context"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/vector/expr"
)

// exprs binds expressions over the columns of one scope.
type exprs struct {
	b     *Binder
	ctx   context.Context
	scope *scope
	// groups is set above a GROUP BY: aggregates and keys become columns of
	// the aggregation, other columns are errors.
	groups *groups
	// windows collects the calls with OVER; it is nil where none may stand.
	windows *windows
	// aliases are the items of the select list by name, for QUALIFY.
	aliases map[string]Value
	// match is set within MATCH_RECOGNIZE, where columns are those of the rows
	// of variables.
	match *matching
	// queries joins the queries within expressions; it is nil where none may stand.
	queries *queries
}

// bind binds e.
func (x *exprs) bind(e ast.Expr) (Value, error) {
	if c, ok := e.(*ast.Call); ok && c.Over != nil && x.windows != nil {
		return x.windows.take(x, c)
	}
	if v, ok := x.alias(e); ok {
		return v, nil
	}
	if x.match != nil {
		if v, ok, err := x.match.take(x, e); ok || err != nil {
			return v, err
		}
	}
	if q, ok := e.(*ast.Subquery); ok {
		return x.scalar(q)
	}
	if x.groups != nil {
		if v, ok, err := x.groups.take(x, e); ok || err != nil {
			return v, err
		}
	}
	switch e := e.(type) {
	case *ast.Column:
		return x.column(e)
	case *ast.Null:
		return null(datatype.Type{}), nil
	case *ast.Bool:
		if e.Unknown {
			return null(datatype.Of(datatype.Boolean)), nil
		}
		return boolean(e.Value), nil
	case *ast.Number:
		return number(e, false)
	case *ast.Text:
		return text(e.Value), nil
	case *ast.Bytes:
		return literal(e.Value, datatype.Type{Kind: datatype.Binary, Length: len(e.Value)}), nil
	case *ast.Temporal:
		return x.b.temporal(e)
	case *ast.Interval:
		return x.interval(e)
	case *ast.Unary:
		return x.unary(e)
	case *ast.Binary:
		return x.binary(e)
	case *ast.Is:
		return x.is(e)
	case *ast.Between:
		return x.between(e)
	case *ast.In:
		return x.in(e)
	case *ast.Like:
		return x.like(e)
	case *ast.Case:
		return x.caseWhen(e)
	case *ast.Cast:
		return x.cast(e)
	case *ast.Call:
		return x.call(e)
	default:
		return x.constructed(e)
	}
}

// constructed binds rows, collections and access to them, and refuses the rest.
func (x *exprs) constructed(e ast.Expr) (Value, error) {
	switch e := e.(type) {
	case *ast.Row:
		return x.row(e.Elems)
	case *ast.Array:
		if e.Query == nil {
			return x.array(e)
		}
	case *ast.Map:
		if e.Query == nil {
			return x.mapOf(e)
		}
	case *ast.Item:
		return x.item(e)
	case *ast.Field:
		v, err := x.bind(e.X)
		if err != nil {
			return Value{}, err
		}
		return fields(e.Pos, v, []string{e.Name})
	case *ast.JSONValue:
		return x.jsonValue(e)
	case *ast.JSONQuery:
		return x.jsonQuery(e)
	case *ast.JSONExists:
		return x.jsonExists(e)
	case *ast.Exists:
		return x.existsValue(e)
	case *ast.JSONObject:
		return x.jsonObject(e)
	case *ast.JSONArray:
		return x.jsonArray(e)
	case *ast.Star:
		return Value{}, diag.At(e.Pos, "* stands only in a select list and in COUNT(*)")
	case *ast.Symbol:
		return text(e.Keyword), nil
	}
	return Value{}, unsupported(e.Position(), what(e))
}

// what names a kind of expression for messages.
func what(e ast.Expr) string {
	switch e.(type) {
	case *ast.Exists:
		return "EXISTS (query)"
	case *ast.Unique:
		return "UNIQUE (query)"
	case *ast.Subquery, *ast.Array, *ast.Map, *ast.Multiset:
		return "a query as a value"
	case *ast.Quantified:
		return "ANY and ALL"
	case *ast.Grouping:
		return "GROUPING SETS, CUBE and ROLLUP"
	case *ast.Default:
		return "DEFAULT"
	case *ast.NamedArg:
		return "named arguments of this function"
	case *ast.Descriptor, *ast.TableArg, *ast.ModelArg:
		return "tables as arguments of this function"
	}
	return "this expression"
}

// all binds a list.
func (x *exprs) all(list []ast.Expr) ([]Value, error) {
	out := make([]Value, len(list))
	for i, e := range list {
		v, err := x.bind(e)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// condition binds a BOOLEAN.
func (x *exprs) condition(e ast.Expr, where string) (Value, error) {
	v, err := x.bind(e)
	if err != nil {
		return v, err
	}
	if v.Type.Kind == datatype.Null {
		return null(datatype.Of(datatype.Boolean)), nil
	}
	if v.Type.Kind != datatype.Boolean {
		return v, diag.At(e.Position(), "%s needs a BOOLEAN, this is of type %s", where, v.Type.Text())
	}
	return v, nil
}

// apply makes a call whose result is NULL when an argument is.
func apply(fn string, result datatype.Type, args ...Value) Value {
	out := make([]expr.Expr, len(args))
	nullable := false
	for i, a := range args {
		out[i] = a.Expr
		nullable = nullable || a.Type.Nullable()
	}
	return Value{Expr: &expr.Call{Func: fn, Args: out, Of: result.Arrow()}, Type: result.WithNull(nullable)}
}

// total is apply for a function that never gives NULL.
func total(fn string, args ...Value) Value {
	v := apply(fn, datatype.Of(datatype.Boolean), args...)
	v.Type.NotNull = true
	return v
}

var boolType = datatype.Of(datatype.Boolean)

func (x *exprs) cast(e *ast.Cast) (Value, error) {
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	to, err := datatype.FromAST(e.Type)
	if err != nil {
		return v, err
	}
	if !datatype.Castable(v.Type, to) {
		return v, diag.At(e.Pos, "cannot CAST %s to %s", v.Type.Text(), to.Text())
	}
	out := explicit(v, to, e.Try)
	if v.Type.Same(to) {
		out.Name, out.Time = v.Name, v.Time
	}
	return out, nil
}

// value is the constant of a literal when it has the Go type T.
func value[T any](l *expr.Literal, ok bool) (T, bool) {
	var zero T
	if !ok || l == nil {
		return zero, false
	}
	v, is := l.Value.(T)
	return v, is
}

// args describes bound arguments to the catalogue of functions.
func args(vs []Value) []function.Arg {
	out := make([]function.Arg, len(vs))
	for i, v := range vs {
		out[i].Type = v.Type
		if l, ok := v.Expr.(*expr.Literal); ok {
			out[i].Literal = l.Value
		}
	}
	return out
}
