package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

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
