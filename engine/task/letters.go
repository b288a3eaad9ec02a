package task

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// letters completes dead letters, ops.DeadLetters, with what the task knows of them:
// ops.Letters. It owns b.
func (l *link) letters(b *stream.Batch) *stream.Batch {
	defer b.Release()
	n := b.Len()
	times := array.NewTimestampBuilder(l.chain.alloc, ops.Letters.Field(5).Type.(*arrow.TimestampType))
	defer times.Release()
	jobs := array.NewStringViewBuilder(l.chain.alloc)
	defer jobs.Release()
	epochs := array.NewInt64Builder(l.chain.alloc)
	defer epochs.Release()
	for range n {
		if l.chain.ticked == stream.Start {
			times.AppendNull()
		} else {
			times.Append(arrow.Timestamp(l.chain.ticked))
		}
		jobs.Append(string(l.Info.Job))
		epochs.Append(int64(l.chain.epoch) + 1)
	}
	cols := append([]arrow.Array{}, b.Rows.Columns()...)
	for _, made := range []array.Builder{times, jobs, epochs} {
		c := made.NewArray()
		defer c.Release()
		cols = append(cols, c)
	}
	return stream.NewBatch(array.NewRecordBatch(ops.Letters, cols, int64(n)))
}
