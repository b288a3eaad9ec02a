package sim

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// copier is an operator that passes rows on, marked with its vertex.
type copier struct {
	vertex job.VertexID
	fails  func() error
}

var _ ops.Operator = copier{}

// copied is what a copier makes of a row.
func (c copier) copied(key int64) result { return result{key, modulus + int64(c.vertex)} }

func (copier) Open(context.Context, ops.Runtime) error { return nil }

func (c copier) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if err := c.fails(); err != nil {
		return err
	}
	in := b.Rows.Column(0).(*array.Int64)
	var rows []result
	for i := range in.Len() {
		rows = append(rows, c.copied(in.Value(i)))
	}
	return out.Emit(ctx, ops.Main, stream.NewBatch(records(rows)))
}

func (copier) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

func (copier) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

func (copier) Close() error { return nil }
