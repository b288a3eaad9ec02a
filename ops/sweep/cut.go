package sweep

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Cut returns build with operators that see a few rows at a time while the state
// of the process does not fit memory: those that must see their rows as they come,
// and may bring a page of cold state into memory for each. It is for operators
// that do not want to know the ends of their inputs; those that want to know the
// time, and those behind a Sweep, are left alone.
func Cut(build ops.NewOperator) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
		op, err := build(v, in)
		if err != nil {
			return nil, err
		}
		if _, ok := op.(ops.Ticker); ok {
			return op, nil
		}
		return &cut{op, mem.Default()}, nil
	}
}

type cut struct {
	ops.Operator
	pool *mem.Pool
}

// Process implements ops.Operator.
func (c *cut) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	if b.Len() <= minRows || !c.pool.Cold() {
		return c.Operator.Process(ctx, input, b, out)
	}
	defer b.Release()
	for from := 0; from < b.Len(); from += minRows {
		to := min(from+minRows, b.Len())
		part := stream.NewBatch(b.Rows.NewSlice(int64(from), int64(to)))
		part.Marks = stream.SliceMarks(b.Marks, from, to)
		if b.Kinds != nil {
			part.Kinds = b.Kinds[from:to]
		}
		if err := c.Operator.Process(ctx, input, part, out); err != nil {
			return err
		}
		c.pool.Relieve()
	}
	return nil
}
