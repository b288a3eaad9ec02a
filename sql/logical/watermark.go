package logical

import "github.com/wadi-engine/wadi/vector/expr"

// CurrentWatermark is the name of the call that gives the watermark that holds
// before a row, in milliseconds. It is no kernel: the operator that computes
// columns knows it.
const CurrentWatermark = "current_watermark"

// AsksWatermark reports whether an expression asks for the watermark.
func AsksWatermark(exprs ...expr.Expr) bool {
	asks := false
	for _, e := range exprs {
		if e == nil {
			continue
		}
		Walk(e, func(e expr.Expr) bool {
			c, ok := e.(*expr.Call)
			asks = asks || ok && c.Func == CurrentWatermark
			return !asks
		})
	}
	return asks
}
