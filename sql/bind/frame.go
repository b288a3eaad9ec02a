package bind

import (
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
	n, ok := value[int64](l, ok)
	switch {
	case !ok || n < 0:
		return out, diag.At(b.Offset.Position(), "the distance of RANGE is a constant that is not negative")
	case key.IsTimestamp() && v.Type.Kind == datatype.IntervalMillis:
	case key.Kind == datatype.Date && v.Type.Kind == datatype.IntervalMillis:
	case key.IsInteger() && v.Type.IsInteger():
	case v.Type.IsInterval() && (key.IsTimestamp() || key.Kind == datatype.Date):
		return out, unsupported(b.Offset.Position(), "RANGE of months")
	case key.IsNumeric() && v.Type.IsNumeric():
		return out, unsupported(b.Offset.Position(), "RANGE with a distance over "+key.Text())
	default:
		return out, diag.At(b.Offset.Position(), "the distance of RANGE is of type %s, the order is by %s", v.Type.Text(), key.Text())
	}
	out.Offset = n
	return out, nil
}
