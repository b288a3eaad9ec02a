package bind

import (
	"context"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/logical"
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

func (x *exprs) unary(e *ast.Unary) (Value, error) {
	switch e.Op {
	case ast.Not:
		v, err := x.condition(e.X, "NOT")
		if err != nil {
			return v, err
		}
		return apply("not", boolType, v), nil
	case ast.Minus:
		if n, ok := e.X.(*ast.Number); ok {
			return number(n, true)
		}
	default:
	}
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	if !v.Type.IsNumeric() && !v.Type.IsInterval() {
		return v, diag.At(e.Pos, "%s cannot be applied to %s", e.Op, v.Type.Text())
	}
	if e.Op == ast.Plus {
		return v, nil
	}
	return apply("neg", v.Type, v), nil
}

var comparisons = map[ast.BinaryOp]string{
	ast.Eq: "eq", ast.Ne: "ne", ast.Lt: "lt", ast.Le: "le", ast.Gt: "gt", ast.Ge: "ge",
}

func (x *exprs) binary(e *ast.Binary) (Value, error) {
	if e.Op == ast.And || e.Op == ast.Or {
		return x.logical(e)
	}
	if e.Op == ast.Overlaps {
		return x.overlaps(e)
	}
	if _, known := arithmetics[e.Op]; !known && !e.Op.IsComparison() && e.Op != ast.Concat {
		return Value{}, unsupported(e.Pos, e.Op.String())
	}
	l, err := x.bind(e.Left)
	if err != nil {
		return l, err
	}
	r, err := x.bind(e.Right)
	if err != nil {
		return r, err
	}
	switch {
	case e.Op.IsComparison():
		return compare(e.Pos, e.Op, l, r)
	case e.Op == ast.Concat:
		return concat(e.Pos, l, r)
	}
	return arithmetic(e.Pos, e.Op, l, r)
}

// logical binds a chain of AND or OR without recursion on its left side: a
// generated condition may have thousands of parts.
func (x *exprs) logical(e *ast.Binary) (Value, error) {
	op := e.Op
	var parts []ast.Expr
	var at ast.Expr = e
	for {
		b, ok := at.(*ast.Binary)
		if !ok || b.Op != op {
			parts = append(parts, at)
			break
		}
		parts = append(parts, b.Right)
		at = b.Left
	}
	slices.Reverse(parts)
	vs := make([]Value, len(parts))
	for i, p := range parts {
		v, err := x.condition(p, op.String())
		if err != nil {
			return v, err
		}
		vs[i] = v
	}
	return apply(strings.ToLower(op.String()), boolType, vs...), nil
}

func concat(pos ast.Pos, l, r Value) (Value, error) {
	if l.Type.Kind == datatype.Array && r.Type.Kind == datatype.Array {
		t, ok := datatype.Common(l.Type, r.Type)
		if !ok {
			return Value{}, diag.At(pos, "|| joins arrays of one type, here are %s and %s; CAST one of them", l.Type.Text(), r.Type.Text())
		}
		return apply("array_concat", t, convert(l, t), convert(r, t)), nil
	}
	if !textual(l.Type) || !textual(r.Type) {
		return Value{}, diag.At(pos, "|| joins strings, here are %s and %s; CAST them", l.Type.Text(), r.Type.Text())
	}
	return apply("concat", datatype.String, convert(l, datatype.String), convert(r, datatype.String)), nil
}

func textual(t datatype.Type) bool { return t.IsString() || t.Kind == datatype.Null }

// compare casts both sides to the type in which they are compared.
func compare(pos ast.Pos, op ast.BinaryOp, l, r Value) (Value, error) {
	lenientLeft, lenientRight := l.Type.IsString(), r.Type.IsString()
	l, r, err := comparable(pos, op.String(), l, r)
	if err != nil {
		return Value{}, err
	}
	if op == ast.Eq || op == ast.Ne {
		l, r = lenient(l, lenientLeft), lenient(r, lenientRight)
	}
	if (l.Type.IsNested()) && op != ast.Eq && op != ast.Ne {
		return Value{}, diag.At(pos, "%s cannot be applied to values of type %s", op, l.Type.Text())
	}
	return apply(comparisons[op], boolType, l, r), nil
}

// lenient makes NULL, as Flink does, of a text that = compares with a point in
// time and that is none; v is the text, cast. A constant one has to be a time.
func lenient(v Value, wasText bool) Value {
	c, ok := v.Expr.(*expr.Call)
	if !ok || !wasText || c.Func != "cast" || !v.Type.IsTemporal() || logical.Constant(c) && logical.Deterministic(c) {
		return v
	}
	v.Expr, v.Type = &expr.Call{Func: "try_cast", Args: c.Args, Of: c.Of}, v.Type.WithNull(true)
	return v
}

func comparable(pos ast.Pos, op string, l, r Value) (Value, Value, error) {
	t, ok := datatype.Comparable(l.Type, r.Type)
	if !ok {
		return l, r, diag.At(pos, "%s cannot be applied to %s and %s; CAST one of them", op, l.Type.Text(), r.Type.Text())
	}
	return convert(l, t), convert(r, t), nil
}

func (x *exprs) is(e *ast.Is) (Value, error) {
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	fn := ""
	switch e.What {
	case ast.IsNull:
		fn = "is_null"
		if e.Not {
			fn = "is_not_null"
		}
		return total(fn, v), nil
	case ast.IsTrue, ast.IsFalse, ast.IsUnknown:
		if v.Type.Kind != datatype.Boolean && v.Type.Kind != datatype.Null {
			return v, diag.At(e.Pos, "IS %s needs a BOOLEAN, this is of type %s", e.What, v.Type.Text())
		}
		fn = map[ast.IsWhat]string{ast.IsTrue: "is_true", ast.IsFalse: "is_false", ast.IsUnknown: "is_null"}[e.What]
		v = convert(v, boolType)
	case ast.IsDistinctFrom:
		return x.isDistinct(e, v)
	case ast.IsJSON, ast.IsJSONObject, ast.IsJSONArray, ast.IsJSONScalar:
		kind := strings.TrimSpace(strings.TrimPrefix(e.What.String(), "JSON"))
		args := []Value{v}
		if kind != "" {
			args = append(args, text(kind))
		}
		if !textual(v.Type) {
			return v, diag.At(e.Pos, "IS JSON needs a string, this is of type %s", v.Type.Text())
		}
		out := total("is_json", args...)
		if e.Not {
			return total("not", out), nil
		}
		return out, nil
	default:
		return v, unsupported(e.Pos, "IS "+e.What.String())
	}
	out := total(fn, v)
	if e.Not {
		out = total("not", out)
	}
	return out, nil
}

func (x *exprs) isDistinct(e *ast.Is, l Value) (Value, error) {
	r, err := x.bind(e.Other)
	if err != nil {
		return r, err
	}
	l, r, err = comparable(e.Pos, "IS DISTINCT FROM", l, r)
	if err != nil {
		return l, err
	}
	if e.Not {
		return total("is_not_distinct_from", l, r), nil
	}
	return total("is_distinct_from", l, r), nil
}

// between is x >= low AND x <= high; SYMMETRIC tries both orders.
func (x *exprs) between(e *ast.Between) (Value, error) {
	vs, err := x.all([]ast.Expr{e.X, e.Low, e.High})
	if err != nil {
		return Value{}, err
	}
	pair := func(low, high Value) (Value, error) {
		a, err := compare(e.Pos, ast.Ge, vs[0], low)
		if err != nil {
			return a, err
		}
		b, err := compare(e.Pos, ast.Le, vs[0], high)
		if err != nil {
			return b, err
		}
		return apply("and", boolType, a, b), nil
	}
	out, err := pair(vs[1], vs[2])
	if err != nil {
		return out, err
	}
	if e.Symmetric {
		other, err := pair(vs[2], vs[1])
		if err != nil {
			return other, err
		}
		out = apply("or", boolType, out, other)
	}
	if e.Not {
		out = apply("not", boolType, out)
	}
	return out, nil
}

// in compares with a list. Constants go to one call with a set of values; other
// values are compared one by one.
func (x *exprs) in(e *ast.In) (Value, error) {
	if e.Query != nil {
		return x.inValue(e)
	}
	if len(e.List) == 0 {
		return Value{}, diag.At(e.Pos, "IN needs at least one value")
	}
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	list, err := x.all(e.List)
	if err != nil {
		return Value{}, err
	}
	t := v.Type
	constant := true
	for i, item := range list {
		next, ok := datatype.Comparable(t, item.Type)
		if !ok {
			return Value{}, diag.At(e.List[i].Position(), "IN compares %s with %s; CAST one of them", v.Type.Text(), item.Type.Text())
		}
		t = next
		_, lit := item.Expr.(*expr.Literal)
		constant = constant && lit
	}
	v = convert(v, t)
	for i := range list {
		list[i] = convert(list[i], t)
		_, lit := list[i].Expr.(*expr.Literal)
		constant = constant && lit
	}
	out := x.anyOf(v, list, constant && !t.IsNested())
	if e.Not {
		out = apply("not", boolType, out)
	}
	return out, nil
}

func (x *exprs) anyOf(v Value, list []Value, constant bool) Value {
	if constant && len(list) > 1 {
		return apply("in", boolType, append([]Value{v}, list...)...)
	}
	eqs := make([]Value, len(list))
	for i, item := range list {
		eqs[i] = apply("eq", boolType, v, item)
	}
	if len(eqs) == 1 {
		return eqs[0]
	}
	return apply("or", boolType, eqs...)
}

func (x *exprs) like(e *ast.Like) (Value, error) {
	fn := map[ast.LikeKind]string{ast.LikePattern: "like", ast.SimilarToPattern: "similar_to", ast.RLikePattern: "regexp"}[e.Kind]
	if fn == "" {
		return Value{}, unsupported(e.Pos, e.Kind.String())
	}
	list := []ast.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		list = append(list, e.Escape)
	}
	vs, err := x.all(list)
	if err != nil {
		return Value{}, err
	}
	for i := range vs {
		if !textual(vs[i].Type) {
			return Value{}, diag.At(list[i].Position(), "%s takes strings, this is of type %s", e.Kind, vs[i].Type.Text())
		}
		vs[i] = convert(vs[i], datatype.String)
	}
	out := apply(fn, boolType, vs...)
	if e.Not {
		out = apply("not", boolType, out)
	}
	return out, nil
}

// caseWhen binds both forms of CASE to the call case(cond, then, …, else).
func (x *exprs) caseWhen(e *ast.Case) (Value, error) {
	var operand *Value
	if e.Operand != nil {
		v, err := x.bind(e.Operand)
		if err != nil {
			return v, err
		}
		operand = &v
	}
	var conds, thens []Value
	for _, w := range e.Whens {
		cond, err := x.when(operand, w)
		if err != nil {
			return Value{}, err
		}
		then, err := x.bind(w.Then)
		if err != nil {
			return Value{}, err
		}
		conds, thens = append(conds, cond), append(thens, then)
	}
	last := null(datatype.Type{})
	if e.Else != nil {
		v, err := x.bind(e.Else)
		if err != nil {
			return v, err
		}
		last = v
	}
	thens = append(thens, last)
	t := thens[0].Type
	for i, v := range thens[1:] {
		next, ok := datatype.Common(t, v.Type)
		if !ok {
			return Value{}, diag.At(e.Pos, "the results of CASE have no common type: %s and %s (result %d)", t.Text(), v.Type.Text(), i+2)
		}
		t = next
	}
	args := make([]expr.Expr, 0, 2*len(conds)+1)
	for i, c := range conds {
		args = append(args, c.Expr, convert(thens[i], t).Expr)
	}
	args = append(args, convert(last, t).Expr)
	return Value{Expr: &expr.Call{Func: "case", Args: args, Of: t.Arrow()}, Type: t}, nil
}

// when is the condition of one branch.
func (x *exprs) when(operand *Value, w ast.When) (Value, error) {
	var out Value
	for i, c := range w.Conds {
		var v Value
		var err error
		if operand == nil {
			v, err = x.condition(c, "WHEN")
		} else if v, err = x.bind(c); err == nil {
			v, err = compare(c.Position(), ast.Eq, *operand, v)
		}
		if err != nil {
			return v, err
		}
		if i == 0 {
			out = v
		} else {
			out = apply("or", boolType, out, v)
		}
	}
	return out, nil
}

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

func (x *exprs) row(elems []ast.Expr) (Value, error) {
	vs, err := x.all(elems)
	if err != nil {
		return Value{}, err
	}
	t := datatype.RowOf()
	args := make([]expr.Expr, len(vs))
	for i, v := range vs {
		t.Fields = append(t.Fields, datatype.Field{Name: "EXPR$" + itoa(i), Type: v.Type})
		args[i] = v.Expr
	}
	return Value{Expr: &expr.Call{Func: "row", Args: args, Of: t.Arrow()}, Type: t.WithNull(false)}, nil
}

func (x *exprs) array(e *ast.Array) (Value, error) {
	vs, t, err := x.common(e.Elems)
	if err != nil {
		return Value{}, err
	}
	return collection("array", datatype.ArrayOf(t), vs), nil
}

func (x *exprs) mapOf(e *ast.Map) (Value, error) {
	var keys, values []ast.Expr
	for i, entry := range e.Entries {
		if i%2 == 0 {
			keys = append(keys, entry)
		} else {
			values = append(values, entry)
		}
	}
	if len(keys) == 0 {
		return Value{}, diag.At(e.Pos, "MAP needs an entry, which gives it its types")
	}
	if len(keys) != len(values) {
		return Value{}, diag.At(e.Pos, "MAP needs a value for each key")
	}
	ks, kt, err := x.common(keys)
	if err != nil {
		return Value{}, err
	}
	vs, vt, err := x.common(values)
	if err != nil {
		return Value{}, err
	}
	var args []Value
	for i := range ks {
		args = append(args, ks[i], vs[i])
	}
	return collection("map", datatype.MapOf(kt, vt), args), nil
}

func collection(fn string, t datatype.Type, vs []Value) Value {
	v := apply(fn, t, vs...)
	v.Type.NotNull = true
	return v
}

// common binds a list and casts it to one type.
func (x *exprs) common(list []ast.Expr) ([]Value, datatype.Type, error) {
	vs, err := x.all(list)
	if err != nil || len(vs) == 0 {
		return nil, datatype.Type{}, err
	}
	t := vs[0].Type
	for i, v := range vs[1:] {
		next, ok := datatype.Common(t, v.Type)
		if !ok {
			return nil, t, diag.At(list[i+1].Position(), "%s and %s have no common type; CAST one of them", t.Text(), v.Type.Text())
		}
		t = next
	}
	for i := range vs {
		vs[i] = convert(vs[i], t)
	}
	return vs, t, nil
}

// item is a[i], from 1, or m[k].
func (x *exprs) item(e *ast.Item) (Value, error) {
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	i, err := x.bind(e.Index)
	if err != nil {
		return i, err
	}
	switch v.Type.Kind {
	case datatype.Array:
		if !i.Type.IsInteger() {
			return v, diag.At(e.Index.Position(), "an array is indexed with an integer, this is of type %s", i.Type.Text())
		}
		l, ok := i.Expr.(*expr.Literal)
		if n, is := value[int64](l, ok); is && n < 1 {
			return v, diag.At(e.Index.Position(), "the elements of an array are counted from 1, not %d", n)
		}
		i = convert(i, datatype.Of(datatype.Int))
	case datatype.Map:
		if i, err = x.mapKey(e, v, i); err != nil {
			return i, err
		}
	case datatype.Row:
		l, ok := i.Expr.(*expr.Literal)
		if n, is := value[int64](l, ok); is && n >= 1 && int(n) <= len(v.Type.Fields) {
			return fieldOf(v, int(n)-1), nil
		}
		return v, diag.At(e.Pos, "a row is indexed with a constant from 1 to %d", len(v.Type.Fields))
	case datatype.Variant:
		if !i.Type.IsString() && !i.Type.IsInteger() {
			return v, diag.At(e.Index.Position(), "a VARIANT is indexed with a name or a number, this is of type %s", i.Type.Text())
		}
		return apply("variant_item", datatype.Of(datatype.Variant), v, i), nil
	default:
		return v, diag.At(e.Pos, "%s is not an ARRAY, a MAP or a VARIANT", v.Type.Text())
	}
	out := apply("item", v.Type.Elem.WithNull(true), v, i)
	out.Type.NotNull = false
	return out, nil
}

func (x *exprs) mapKey(e *ast.Item, v, i Value) (Value, error) {
	if !datatype.Assignable(i.Type, *v.Type.Key) {
		return v, diag.At(e.Index.Position(), "the map's keys are of type %s, this is of type %s", v.Type.Key.Text(), i.Type.Text())
	}
	return convert(i, *v.Type.Key), nil
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
