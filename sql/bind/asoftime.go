package bind

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// asOfTime gives the table as it was at a constant time. A TIMESTAMP is one of
// the session's time zone.
func (b *Binder) asOfTime(ctx context.Context, t *ast.Table, ct *catalog.Table) (*catalog.Table, error) {
	at := t.AsOf.Position()
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	v, err := x.bind(t.AsOf)
	if err != nil {
		return nil, diag.At(at, "FOR SYSTEM_TIME AS OF a constant reads a table as it was then; of a time attribute, it stands only at the right side of a join: %s", message(err))
	}
	if v.Type.Kind != datatype.Timestamp && v.Type.Kind != datatype.TimestampLTZ {
		return nil, diag.At(at, "FOR SYSTEM_TIME AS OF needs a TIMESTAMP, such as TIMESTAMP '2026-01-31 12:00:00'; this is %s", v.Type.Text())
	}
	if !logical.Constant(v.Expr) {
		return nil, diag.At(at, "FOR SYSTEM_TIME AS OF needs a constant: this one cannot be computed before the query runs")
	}
	if ct.View != nil {
		return nil, diag.At(t.Pos, "%s is a view, which has no versions; FOR SYSTEM_TIME AS OF belongs to the tables in its query", t.Name)
	}
	millis := &expr.Call{Func: "cast", Args: []expr.Expr{v.Expr}, Of: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}}
	out, err := b.Tables.AsOf(ctx, ct, millis)
	if err != nil {
		return nil, diag.Wrap(at, err)
	}
	return out, nil
}

// isConstant reports whether e refers to no column of anything.
func (b *Binder) isConstant(ctx context.Context, e ast.Expr) bool {
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	v, err := x.bind(e)
	return err == nil && logical.Constant(v.Expr)
}
