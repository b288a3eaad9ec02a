package bind

import (
	"strconv"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

func itoa(i int) string { return strconv.Itoa(i) }

var arithmetics = map[ast.BinaryOp]struct {
	fn string
	op byte
}{
	ast.Add: {"add", '+'}, ast.Sub: {"sub", '-'}, ast.Mul: {"mul", '*'}, ast.Div: {"div", '/'}, ast.Mod: {"mod", '%'},
}

// arithmetic types l op r. Integers are widened to the common type; a DECIMAL
// and an integer go to the kernel as they are, with the result's type.
func arithmetic(pos ast.Pos, op ast.BinaryOp, l, r Value) (Value, error) {
	a := arithmetics[op]
	l, r = numeric(l, r.Type), numeric(r, l.Type)
	switch {
	case l.Type.IsNumeric() && r.Type.IsNumeric():
		t := datatype.Arithmetic(a.op, l.Type, r.Type)
		if t.Kind != datatype.Decimal {
			l, r = convert(l, t), convert(r, t)
		}
		return apply(a.fn, t, l, r), nil
	case l.Type.IsTemporal() || r.Type.IsTemporal():
		return timeArithmetic(pos, op, l, r)
	case l.Type.IsInterval() || r.Type.IsInterval():
		return intervalArithmetic(pos, op, l, r)
	}
	return Value{}, mismatch(pos, op, l, r)
}

func mismatch(pos ast.Pos, op ast.BinaryOp, l, r Value) error {
	return diag.At(pos, "%s cannot be applied to %s and %s", op, l.Type.Text(), r.Type.Text())
}

// numeric reads a NULL as the other side's type and a string beside a number
// as DOUBLE, as Flink does.
func numeric(v Value, other datatype.Type) Value {
	switch {
	case v.Type.Kind == datatype.Null && other.IsNumeric():
		return null(other)
	case v.Type.Kind == datatype.Null && other.Kind == datatype.Null:
		return null(datatype.Of(datatype.Int))
	case v.Type.IsString() && other.IsNumeric():
		return convert(v, datatype.Of(datatype.Double))
	}
	return v
}

// timeArithmetic is a point in time plus or minus an interval.
func timeArithmetic(pos ast.Pos, op ast.BinaryOp, l, r Value) (Value, error) {
	if op == ast.Add && l.Type.IsInterval() {
		l, r = r, l
	}
	ok := (op == ast.Add || op == ast.Sub) && l.Type.IsTemporal() && (r.Type.IsInterval() || r.Type.Kind == datatype.Null) &&
		(l.Type.Kind != datatype.Time || r.Type.Kind != datatype.IntervalMonths)
	if !ok {
		if op == ast.Sub && l.Type.IsTemporal() && r.Type.IsTemporal() {
			return Value{}, diag.At(pos, "two points in time are subtracted with TIMESTAMPDIFF(SECOND, a, b)")
		}
		return Value{}, mismatch(pos, op, l, r)
	}
	if r.Type.Kind == datatype.Null {
		return null(l.Type), nil
	}
	return apply(arithmetics[op].fn, l.Type, l, r), nil
}

// intervalArithmetic is the sum of intervals, and an interval times a number.
func intervalArithmetic(pos ast.Pos, op ast.BinaryOp, l, r Value) (Value, error) {
	switch {
	case (op == ast.Add || op == ast.Sub) && l.Type.Kind == r.Type.Kind:
		return fold(op, l, r), nil
	case op == ast.Mul && l.Type.IsInterval() && r.Type.IsInteger():
		return fold(op, l, convert(r, datatype.Of(datatype.BigInt))), nil
	case op == ast.Mul && r.Type.IsInterval() && l.Type.IsInteger():
		return fold(op, r, convert(l, datatype.Of(datatype.BigInt))), nil
	}
	return Value{}, mismatch(pos, op, l, r)
}

// fold computes arithmetic on intervals at once where both sides are
// constants, as the sizes of windows are.
func fold(op ast.BinaryOp, l, r Value) Value {
	a, ok1 := l.Expr.(*expr.Literal)
	b, ok2 := r.Expr.(*expr.Literal)
	x, ok1 := value[int64](a, ok1)
	y, ok2 := value[int64](b, ok2)
	if ok1 && ok2 {
		n := x + y
		switch op {
		case ast.Sub:
			n = x - y
		case ast.Mul:
			n = x * y
		default:
		}
		return literal(n, l.Type)
	}
	return apply(arithmetics[op].fn, l.Type, l, r)
}

// interval binds INTERVAL '…' unit, and INTERVAL n unit.
func (x *exprs) interval(i *ast.Interval) (Value, error) {
	if t, ok := i.Value.(*ast.Text); ok {
		return interval(i, t.Value)
	}
	if n, ok := i.Value.(*ast.Number); ok {
		return interval(i, n.Text)
	}
	n, err := x.bind(i.Value)
	if err != nil {
		return n, err
	}
	if !n.Type.IsInteger() {
		return n, diag.At(i.Pos, "an interval is counted with an integer, this is of type %s", n.Type.Text())
	}
	unit := *i
	one, err := interval(&unit, "1")
	if err != nil {
		return one, err
	}
	return intervalArithmetic(i.Pos, ast.Mul, one, n)
}
