package bind

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// frame binds the frame of an aggregate. Without one it reaches from the
// beginning of the partition to the current row and its peers, or, without an
// order, it is the partition.
func (f *overFunc) frame() error {
	fr := f.spec.Frame
	if fr == nil {
		f.out.Frame = logical.Frame{Range: true, End: logical.Bound{Kind: logical.CurrentRow}}
		if len(f.out.over.order) == 0 {
			f.out.Frame = whole
		}
		return nil
	}
	out := logical.Frame{Range: fr.Mode == ast.RangeFrame}
	end := fr.End
	if end.Kind == ast.NoBound {
		end.Kind = ast.CurrentRow
	}
	var err error
	if out.Start, err = f.bound(fr, fr.Start); err != nil {
		return err
	}
	if out.End, err = f.bound(fr, end); err != nil {
		return err
	}
	switch {
	case out.Start.Kind == logical.UnboundedFollowing, out.End.Kind == logical.UnboundedPreceding, out.Start.Kind > out.End.Kind:
		return diag.At(fr.Pos, "the frame ends before it begins: %s", out)
	case out.Start.Kind == logical.Preceding && out.End.Kind == logical.Preceding && out.Start.Offset < out.End.Offset,
		out.Start.Kind == logical.Following && out.End.Kind == logical.Following && out.Start.Offset > out.End.Offset:
		return diag.At(fr.Pos, "the frame ends before it begins: %s", out)
	}
	f.out.Frame = out
	return nil
}

var boundKinds = map[ast.BoundKind]logical.BoundKind{
	ast.UnboundedPreceding: logical.UnboundedPreceding, ast.Preceding: logical.Preceding, ast.CurrentRow: logical.CurrentRow,
	ast.Following: logical.Following, ast.UnboundedFollowing: logical.UnboundedFollowing,
}

func (f *overFunc) bound(fr *ast.Frame, b ast.Bound) (logical.Bound, error) {
	out := logical.Bound{Kind: boundKinds[b.Kind]}
	if b.Offset == nil {
		return out, nil
	}
	if fr.Mode == ast.RowsFrame {
		n, ok, err := f.x.integer(b.Offset)
		if err == nil && (!ok || n < 0) {
			err = diag.At(b.Offset.Position(), "ROWS counts rows: a constant number that is not negative")
		}
		out.Offset = n
		return out, err
	}
	return f.rangeBound(fr, b, out)
}

// rangeBound binds the distance of a RANGE, which fits the type of the order.
func (f *overFunc) rangeBound(fr *ast.Frame, b ast.Bound, out logical.Bound) (logical.Bound, error) {
	if len(f.out.over.order) != 1 {
		return out, diag.At(fr.Pos, "RANGE with a distance needs ORDER BY one column")
	}
	key := f.windows.pre[f.out.over.order[0].Column].Type
	v, err := f.x.bind(b.Offset)
	if err != nil {
		return out, err
	}
	l, ok := v.Expr.(*expr.Literal)
	if !ok || l.Value == nil {
		return out, diag.At(b.Offset.Position(), "the distance of RANGE is a constant")
	}
	switch {
	case v.Type.Kind == datatype.IntervalMillis && (key.IsTimestamp() || key.Kind == datatype.Date):
		out.Offset, _ = l.Value.(int64)
	case v.Type.IsInterval() && (key.IsTimestamp() || key.Kind == datatype.Date):
		return out, unsupported(b.Offset.Position(), "RANGE of months")
	case key.IsNumeric() && v.Type.IsNumeric():
		out.Offset, out.Float = numericDistance(key, l.Value, v.Type)
	default:
		return out, diag.At(b.Offset.Position(), "the distance of RANGE is of type %s, the order is by %s", v.Type.Text(), key.Text())
	}
	if out.Offset < 0 || out.Float < 0 { // -1 FOLLOWING is 1 PRECEDING
		out.Offset, out.Float = -out.Offset, -out.Float
		out.Kind = logical.Preceding + logical.Following - out.Kind
	}
	return out, nil
}

// numericDistance is a distance in steps of the key's type: one of an integer,
// one of the last digit of a DECIMAL; or, of floating-point numbers, itself.
func numericDistance(key datatype.Type, n any, of datatype.Type) (steps int64, float float64) {
	digits := int32(0)
	if key.Kind == datatype.Decimal {
		digits = int32(key.Scale)
	}
	approximate := key.Kind == datatype.Float || key.Kind == datatype.Double
	switch n := n.(type) {
	case int64:
		if approximate {
			return 0, float64(n)
		}
		return n * int64(math.Pow10(int(digits))), 0
	case float64:
		float = n
	case decimal128.Num:
		float = n.ToFloat64(int32(of.Scale))
		if !approximate && n.FitsInPrecision(18) {
			return atScale(n, int32(of.Scale), digits), 0
		}
	}
	if approximate {
		return 0, float
	}
	return int64(math.Floor(float * math.Pow10(int(digits)))), 0
}

// atScale is n, which has have digits behind the point, with want of them.
func atScale(n decimal128.Num, have, want int32) int64 {
	v := int64(n.LowBits())
	for ; have < want; have++ {
		v *= 10
	}
	for ; have > want; have-- {
		v = int64(math.Floor(float64(v) / 10))
	}
	return v
}
