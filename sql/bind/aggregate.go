package bind

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// aggregate binds a call of an aggregate function over the columns of x; column
// gives the number of the column that computes an argument. arg is the type of
// the first argument.
func (x *exprs) aggregate(c *ast.Call, name string, column func(Value) int) (call logical.AggCall, arg datatype.Type, err error) {
	if c.Nulls == ast.RespectNulls && name != "ARRAY_AGG" {
		return call, arg, diag.At(c.Pos, "%s leaves NULLs out; RESPECT NULLS is for ARRAY_AGG", name)
	}
	var vs []Value
	star := len(c.Args) == 1 && isStar(c.Args[0])
	if !star {
		if vs, err = x.all(c.Args); err != nil {
			return call, arg, err
		}
	}
	if star && name != "COUNT" || !star && len(c.Args) == 0 && name != "COUNT" {
		return call, arg, diag.At(c.Pos, "%s needs an argument", name)
	}
	r, err := x.b.Functions.Aggregate(name, args(vs))
	if err != nil {
		return call, arg, diag.At(c.Pos, "%s", err)
	}
	call = logical.AggCall{Func: r.Func, Distinct: c.Distinct || function.CountsDistinct(name), Filter: -1, Type: r.Result}
	if u := r.User; u != nil {
		call.KeepNulls = u.Nulls
		call.User = &logical.UserAgg{Name: name, NoRetract: u.NoRetract, NoMerge: u.NoMerge, Pos: c.Pos}
	}
	if err := special(c, name, &call, &vs); err != nil {
		return call, arg, err
	}
	for i, v := range vs {
		if call.Func == "count" && call.Distinct && isNestedKey(v.Type) {
			call.Args = append(call.Args, column(keyBytes(v)))
			continue
		}
		call.Args = append(call.Args, column(convert(v, r.Casts[i])))
	}
	if err := x.valuesOrder(c, name, &call, vs, column); err != nil {
		return call, arg, err
	}
	if c.Filter != nil {
		cond, err := x.condition(c.Filter, "FILTER (WHERE …)")
		if err != nil {
			return call, arg, err
		}
		call.Filter = column(cond)
	}
	simplify(&call, vs)
	if len(vs) > 0 {
		arg = vs[0].Type
	}
	return call, arg, nil
}

// special binds what only some aggregate functions have: the separator of
// LISTAGG, NULLs in ARRAY_AGG, the percentage of PERCENTILE.
func special(c *ast.Call, name string, call *logical.AggCall, vs *[]Value) error {
	if len(*vs) > 1 && call.Func == "count" && !call.Distinct {
		return diag.At(c.Pos, "COUNT of several values needs DISTINCT")
	}
	if call.Distinct && call.Func != "count" {
		for i, v := range *vs {
			if v.Type.IsNested() {
				return diag.At(c.Args[i].Position(), "%s cannot tell values of type %s apart: DISTINCT takes no nested types", name, v.Type.Text())
			}
		}
	}
	switch call.Func {
	case "array_agg":
		call.KeepNulls = c.Nulls != ast.IgnoreNulls
	case "listagg":
		call.Separator = ","
		if len(*vs) > 1 {
			l, ok := (*vs)[1].Expr.(*expr.Literal)
			s, ok := value[string](l, ok)
			if !ok {
				return diag.At(c.Args[1].Position(), "the separator of LISTAGG is a constant string")
			}
			call.Separator = s
			*vs = (*vs)[:1]
		}
	case "percentile":
		if p, ok := constantFloat((*vs)[1].Expr); ok && !(p >= 0 && p <= 1) {
			return diag.At(c.Args[1].Position(), "the percentage of PERCENTILE is between 0 and 1, not %v", p)
		}
	}
	return nil
}

// constantFloat is the value of a number.
func constantFloat(e expr.Expr) (float64, bool) {
	if c, ok := e.(*expr.Call); ok && c.Func == "neg" {
		v, ok := constantFloat(c.Args[0])
		return -v, ok
	}
	l, ok := e.(*expr.Literal)
	if !ok {
		return 0, false
	}
	switch v := l.Value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case decimal128.Num:
		return v.ToFloat64(l.Of.(*arrow.Decimal128Type).Scale), true
	}
	return 0, false
}

func isJSONAggregate(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.JSONObject:
		return e.Aggregate && e.Over == nil
	case *ast.JSONArray:
		return e.Aggregate && e.Over == nil
	}
	return false
}

// json binds JSON_OBJECTAGG and JSON_ARRAYAGG: the values become JSON below the
// aggregation, which puts their texts together.
func (g *groups) json(x *exprs, e ast.Expr) (Value, bool, error) {
	if !isJSONAggregate(e) {
		return Value{}, false, nil
	}
	plain := &exprs{b: x.b, ctx: x.ctx, scope: g.input}
	call := logical.AggCall{Filter: -1, Type: datatype.String.WithNull(false)}
	var filter ast.Expr
	switch e := e.(type) {
	case *ast.JSONObject:
		call.Func, call.KeepNulls, filter = "json_objectagg", e.Nulls != ast.JSONAbsentOnNull, e.Filter
		key, err := plain.bind(e.Entries[0].Key)
		if err != nil {
			return Value{}, true, err
		}
		if !textual(key.Type) {
			return Value{}, true, diag.At(e.Entries[0].Key.Position(), "the key of JSON_OBJECTAGG is a string, not of type %s", key.Type.Text())
		}
		value, err := plain.jsonText(e.Entries[0].Value)
		if err != nil {
			return Value{}, true, err
		}
		call.Args = []int{g.argument(convert(key, datatype.String)), g.argument(value)}
	case *ast.JSONArray:
		call.Func, call.KeepNulls, filter = "json_arrayagg", e.Nulls == ast.JSONNullOnNull, e.Filter
		value, err := plain.jsonText(e.Elems[0])
		if err != nil {
			return Value{}, true, err
		}
		call.Args = []int{g.argument(value)}
		if err := plain.orderKeys(e.OrderBy, "JSON_ARRAYAGG", &call, value, g.argument); err != nil {
			return Value{}, true, err
		}
	}
	if filter != nil {
		cond, err := plain.condition(filter, "FILTER (WHERE …)")
		if err != nil {
			return Value{}, true, err
		}
		call.Filter = g.argument(cond)
	}
	return g.add(call), true, nil
}

// jsonText is a value as JSON; what a JSON constructor gives is JSON already.
func (x *exprs) jsonText(e ast.Expr) (Value, error) {
	v, err := x.bind(e)
	if err != nil {
		return v, err
	}
	switch e.(type) {
	case *ast.JSONObject, *ast.JSONArray, *ast.JSONQuery:
		return v, nil
	}
	if !x.b.Functions.IsScalar("JSON_STRING") {
		return v, unsupported(e.Position(), "JSON_STRING")
	}
	return x.resolve(e.Position(), "JSON_STRING", []Value{v})
}
