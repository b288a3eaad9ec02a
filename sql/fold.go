package sql

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/expr"
)

// folder computes constant expressions with the kernels that would compute
// them over rows. What fails, such as 1 / 0, is left to the rows, of which
// there may be none.
func folder(zone *time.Location) func(expr.Expr) (*expr.Literal, bool) {
	return func(e expr.Expr) (*expr.Literal, bool) {
		out, err := evaluate(zone, e)
		if err != nil {
			return nil, false
		}
		defer out.Release()
		v, ok := constant(out)
		return &expr.Literal{Value: v, Of: e.Type()}, ok
	}
}

// evaluate computes an expression without columns: an array of one value.
func evaluate(zone *time.Location, e expr.Expr) (arrow.Array, error) {
	none := arrow.NewSchema(nil, nil)
	p, err := expr.Compile([]expr.Expr{e}, none, expr.Env{Zone: zone})
	if err != nil {
		return nil, err
	}
	row := array.NewRecordBatch(none, nil, 1)
	defer row.Release()
	out, err := p.Eval(memory.DefaultAllocator, row, nil)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// constant is the first value of an array as a literal has it.
func constant(a arrow.Array) (any, bool) {
	if a.IsNull(0) {
		return nil, true
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(0), true
	case *array.Int8:
		return int64(a.Value(0)), true
	case *array.Int16:
		return int64(a.Value(0)), true
	case *array.Int32:
		return int64(a.Value(0)), true
	case *array.Int64:
		return a.Value(0), true
	case *array.Float32:
		return float64(a.Value(0)), true
	case *array.Float64:
		return a.Value(0), true
	case *array.Decimal128:
		return a.Value(0), true
	case *array.StringView:
		return string(append([]byte(nil), a.Value(0)...)), true
	case *array.BinaryView:
		return append([]byte(nil), a.Value(0)...), true
	case *array.Date32:
		return int64(a.Value(0)), true
	case *array.Time32:
		return int64(a.Value(0)), true
	case *array.Timestamp:
		return int64(a.Value(0)), true
	case *array.Duration:
		return int64(a.Value(0)), true
	case *array.MonthInterval:
		return int64(a.Value(0)), true
	}
	return nil, false
}
