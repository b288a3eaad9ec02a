package sim

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// counter is the operator: it numbers the rows of each key, modulo 3, and
// deletes a key's state when the count begins anew. It remembers, in a table of
// its own, how far event time was, and complains when it was set back.
type counter struct {
	w     *world
	fails func() error

	counts map[int64]int64
	dirty  map[int64]bool
	now    stream.Timestamp

	state, clock ops.Table
}

var _ ops.Operator = (*counter)(nil)

var countSchema = arrow.NewSchema([]arrow.Field{
	{Name: "key", Type: arrow.PrimitiveTypes.Int64}, {Name: "count", Type: arrow.PrimitiveTypes.Int64},
}, nil)

func (c *counter) Open(ctx context.Context, rt ops.Runtime) (err error) {
	c.counts, c.dirty, c.now = map[int64]int64{}, map[int64]bool{}, rt.Watermark()
	if c.state, err = rt.Table(ops.TableSpec{Name: "counts", Schema: countSchema, Keys: 1, Partition: 1}); err != nil {
		return err
	}
	if c.clock, err = rt.Table(ops.TableSpec{Name: "clock", Schema: countSchema, Keys: 1}); err != nil {
		return err
	}
	if c.counts, err = read(ctx, c.state); err != nil {
		return err
	}
	clock, err := read(ctx, c.clock)
	if was, ok := clock[0]; err == nil && ok && stream.Timestamp(was) > c.now {
		c.w.violate("event time was at %v and is restored to %v", stream.Timestamp(was), c.now)
	}
	return err
}

func read(ctx context.Context, t ops.Table) (map[int64]int64, error) {
	rows := map[int64]int64{}
	for rec, err := range t.Scan(ctx) {
		if err != nil {
			return nil, err
		}
		keys, counts := rec.Column(0).(*array.Int64), rec.Column(1).(*array.Int64)
		for i := range keys.Len() {
			rows[keys.Value(i)] = counts.Value(i)
		}
	}
	return rows, nil
}

func (c *counter) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if err := c.fails(); err != nil {
		return err
	}
	in := b.Rows.Column(0).(*array.Int64)
	var rows []result
	for i := range in.Len() {
		k := in.Value(i)
		rows = append(rows, result{k, c.counts[k]})
		if c.counts[k]++; c.counts[k] == modulus {
			delete(c.counts, k)
		}
		c.dirty[k] = true
	}
	return out.Emit(ctx, ops.Main, stream.NewBatch(records(rows)))
}

func records(rows []result) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, countSchema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.Key)
		b.Field(1).(*array.Int64Builder).Append(r.Count)
	}
	return b.NewRecordBatch()
}

func (c *counter) Advance(_ context.Context, wm stream.Watermark, _ ops.Output) error {
	c.now = wm.Time
	return nil
}

func (c *counter) Flush(context.Context, stream.Epoch, ops.Output) error {
	var changed, gone []result
	for k := range int64(keys) {
		if n, ok := c.counts[k]; c.dirty[k] && ok {
			changed = append(changed, result{k, n})
		} else if c.dirty[k] {
			gone = append(gone, result{k, 0})
		}
	}
	clear(c.dirty)
	write := func(t ops.Table, rows []result, deleted bool) error {
		if len(rows) == 0 {
			return nil
		}
		rec := records(rows)
		defer rec.Release()
		if !deleted {
			return t.Upsert(rec)
		}
		only := array.NewRecordBatch(rowSchema, rec.Columns()[:1], rec.NumRows())
		defer only.Release()
		return t.Delete(only)
	}
	if err := write(c.state, changed, false); err != nil {
		return err
	}
	if err := write(c.state, gone, true); err != nil {
		return err
	}
	if c.now == stream.Start {
		return nil
	}
	return write(c.clock, []result{{0, int64(c.now)}}, false)
}

func (c *counter) Close() error { return nil }
