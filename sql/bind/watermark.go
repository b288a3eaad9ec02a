package bind

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// currentWatermark is the watermark that a row of the event time finds; NULL
// before the first, and in a batch, where event time stands still.
func (x *exprs) currentWatermark(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 1 {
		return Value{}, true, diag.At(e.Pos, "CURRENT_WATERMARK takes the time attribute")
	}
	v, err := x.bind(e.Args[0])
	if err != nil {
		return v, true, err
	}
	if v.Time != logical.Rowtime {
		return v, true, diag.At(e.Args[0].Position(), "CURRENT_WATERMARK takes a time attribute, a column with WATERMARK FOR it")
	}
	t := watermarkType(v.Type)
	if x.b.Batch {
		return null(t), true, nil
	}
	return Value{Expr: &expr.Call{Func: logical.CurrentWatermark, Args: []expr.Expr{v.Expr}, Of: t.Arrow()}, Type: t}, true, nil
}

// watermarkType is that of the watermarks of a time attribute of type t.
func watermarkType(t datatype.Type) datatype.Type {
	out := datatype.TimestampOf(3)
	out.Kind = t.Kind
	return out.WithNull(true)
}

// fromSource reports WATERMARK FOR ts AS SOURCE_WATERMARK(): the table's source
// knows how late its rows are.
func fromSource(w *ast.Watermark) bool {
	c, ok := w.Expr.(*ast.Call)
	return ok && strings.EqualFold(c.Name.Last(), "SOURCE_WATERMARK") && len(c.Args) == 0
}

// sourceWatermark is the watermark of a source whose rows come in the order of
// time: rows of the millisecond of the last one may still follow.
func sourceWatermark(w *ast.Watermark) ast.Expr {
	pos := w.Expr.Position()
	return &ast.Binary{
		Pos: pos, Op: ast.Sub, Left: &ast.Column{Pos: pos, Parts: w.Column.Parts},
		Right: &ast.Interval{Pos: pos, Value: &ast.Text{Pos: pos, Value: "0.001"}, Unit: ast.IntervalUnit{From: ast.Second, Fraction: -1}},
	}
}

// inOrder refuses SOURCE_WATERMARK() of a source that cannot tell it.
func (b *Binder) inOrder(pos ast.Pos, t *catalog.Table, connector string) error {
	if t.Watermark == nil || !fromSource(t.Watermark) || b.Tables.InOrder(connector) {
		return nil
	}
	name := strings.Join(t.Watermark.Column.Parts, ".")
	return diag.At(pos, "watermark of %s: connector '%s' does not say how late its rows may be, so there is no SOURCE_WATERMARK(); "+
		"declare WATERMARK FOR %s AS %s - INTERVAL '5' SECOND, or what its rows need", t.Ident, connector, name, name)
}
