package join

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// emit sends rows of one kind. It takes over the references to cols, which are
// by input; a half join gives those of the left one.
func (j *Join) emit(ctx context.Context, cols [2][]arrow.Array, n int, kind stream.RowKind, out ops.Output) error {
	b := stream.NewBatch(record(j.out, append(cols[0], cols[1]...), n))
	if kind != stream.Insert {
		b.Kinds = make([]stream.RowKind, n)
		for i := range b.Kinds {
			b.Kinds[i] = kind
		}
	}
	return out.Emit(ctx, ops.Main, b)
}

// emitPairs sends rows of a batch of the input beside their partners.
func (j *Join) emitPairs(ctx context.Context, input int, rec arrow.RecordBatch, p *pairs, kind stream.RowKind, out ops.Output) error {
	if j.how.half() {
		return nil
	}
	var cols [2][]arrow.Array
	cols[input] = takeColumns(j.alloc, rec, p.row)
	cols[1-input] = j.in[1-input].store.Take(j.alloc, p.id)
	return j.emit(ctx, cols, len(p.row), kind, out)
}

// emitLone sends rows of a batch of the input without partners.
func (j *Join) emitLone(ctx context.Context, input int, rec arrow.RecordBatch, rows vector.Sel, kind stream.RowKind, out ops.Output) error {
	if len(rows) == 0 {
		return nil
	}
	var cols [2][]arrow.Array
	cols[input] = takeColumns(j.alloc, rec, rows)
	if !j.how.half() {
		cols[1-input] = j.in[1-input].nulls(j.alloc, len(rows))
	}
	return j.emit(ctx, cols, len(rows), kind, out)
}

// emitStored is emitLone for rows of a store.
func (j *Join) emitStored(ctx context.Context, input int, ids []uint32, kind stream.RowKind, out ops.Output) error {
	for len(ids) > 0 {
		part := ids[:min(maxRows, len(ids))]
		ids = ids[len(part):]
		var cols [2][]arrow.Array
		cols[input] = j.in[input].store.Take(j.alloc, part)
		if !j.how.half() {
			cols[1-input] = j.in[1-input].nulls(j.alloc, len(part))
		}
		if err := j.emit(ctx, cols, len(part), kind, out); err != nil {
			return err
		}
	}
	return nil
}
