package lower

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// errWatermarkChanges refuses rows that would be taken back with another
// watermark than that with which they came.
var errWatermarkChanges = fmt.Errorf("%w: CURRENT_WATERMARK over rows that change: when a row is taken back the watermark is another than when it came; "+
	"ask for it where rows are only inserted, or run it with SET 'execution.runtime-mode' = 'batch'", job.ErrInvalid)

// watermarked puts the columns that a calc has of the watermark in place of the
// calls that ask for it: they stand behind the width columns of its input.
func watermarked(e expr.Expr, width int) expr.Expr {
	if e == nil {
		return nil
	}
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Call)
		if !ok || c.Func != logical.CurrentWatermark {
			return e
		}
		i := 0
		if t, ok := c.Of.(*arrow.TimestampType); ok && t.TimeZone != "" {
			i = 1
		}
		f := calc.WatermarkFields[i]
		return &expr.Column{Index: width + i, Name: f.Name, Of: f.Type}
	})
}
