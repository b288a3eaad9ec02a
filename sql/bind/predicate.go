package bind

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

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
