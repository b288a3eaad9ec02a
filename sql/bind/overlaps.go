package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
)

// overlaps is (start, end) OVERLAPS (start, end), where an end may be the
// length of the period. Periods that touch overlap.
func (x *exprs) overlaps(e *ast.Binary) (Value, error) {
	ls, le, err := x.period(e.Left)
	if err != nil {
		return Value{}, err
	}
	rs, re, err := x.period(e.Right)
	if err != nil {
		return Value{}, err
	}
	a, err := compare(e.Pos, ast.Ge, le, rs)
	if err != nil {
		return Value{}, err
	}
	b, err := compare(e.Pos, ast.Ge, re, ls)
	if err != nil {
		return Value{}, err
	}
	return apply("and", boolType, a, b), nil
}

// period binds the two ends of a period, the earlier one first.
func (x *exprs) period(e ast.Expr) (start, end Value, err error) {
	row, ok := e.(*ast.Row)
	if !ok || len(row.Elems) != 2 {
		return start, end, diag.At(e.Position(), "OVERLAPS compares two periods: (start, end) OVERLAPS (start, length)")
	}
	vs, err := x.all(row.Elems)
	if err != nil {
		return start, end, err
	}
	if vs[1].Type.IsInterval() {
		if vs[1], err = timeArithmetic(e.Position(), ast.Add, vs[0], vs[1]); err != nil {
			return start, end, err
		}
	}
	t, ok := datatype.Common(vs[0].Type, vs[1].Type)
	if !ok || !t.IsTemporal() {
		return start, end, diag.At(e.Position(), "a period is from one point in time to another, here are %s and %s", vs[0].Type.Text(), vs[1].Type.Text())
	}
	vs[0], vs[1] = convert(vs[0], t), convert(vs[1], t)
	return apply("least", t, vs...), apply("greatest", t, vs...), nil
}
