package nexmark

import (
	"context"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// endless is how many events are compared when they have no end.
const endless = 1e9

// estimate says how many events there are; of a filter event_type = n, how many of the
// kind.
func estimate(_ context.Context, s ops.Scan) ops.Estimate {
	c, err := parse(s.Table)
	if err != nil {
		return ops.Estimate{}
	}
	e := ops.Estimate{Rows: float64(c.events), Known: true, Fixed: true}
	if c.events == 0 {
		e.Rows = endless
	}
	if s.Filter == nil {
		return e
	}
	bids := c.total - c.persons - c.auctions
	for kind, of := range []int64{c.persons, c.auctions, bids} {
		if isKind(s.Filter.Expr, kind) {
			e.Rows *= float64(of) / float64(c.total)
		}
	}
	return e
}

// isKind recognizes the condition event_type = kind.
func isKind(e expr.Expr, kind int) bool {
	c, ok := e.(*expr.Call)
	if !ok || c.Func != "eq" {
		return false
	}
	col, isColumn := c.Args[0].(*expr.Column)
	lit, isLiteral := c.Args[1].(*expr.Literal)
	return isColumn && isLiteral && col.Name == "event_type" && lit.Value == int64(kind)
}
