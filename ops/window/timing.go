package window

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// timing says at which time a row is, and how far time is. Of event time the
// column and the watermark speak. Of processing time the ticks do: a row is at
// the time of the last tick, or later where whoever computed its column has
// heard a later one, so it is never late.
type timing struct {
	column    int
	clock     clock
	processed bool // by processing time
	skip      bool // rows without a time
	nulls     ops.Counter

	now    stream.Timestamp
	last   stream.Timestamp // that mark has turned into wall-clock time
	local  stream.Timestamp // last by wall clock
	millis []int64
}

func newTiming(c Config) (timing, error) {
	loc, err := c.location()
	return timing{column: c.Time, clock: clock{loc}, processed: c.Processing, skip: c.SkipNulls, now: stream.Start, last: stream.Start, local: stream.Start}, err
}

// timed is b without the rows that have no time, where they are to be dropped.
// It takes over the reference to b.
func (t *timing) timed(alloc memory.Allocator, b *stream.Batch) *stream.Batch {
	col := b.Rows.Column(t.column)
	if !t.skip || col.NullN() == 0 {
		return b
	}
	defer b.Release()
	sel := make(vector.Sel, 0, col.Len())
	for i := range col.Len() {
		if col.IsValid(i) {
			sel = append(sel, uint32(i))
		}
	}
	t.nulls.Add(int64(col.Len() - len(sel)))
	kept := taken(alloc, b.Rows, b.Kinds, sel)
	kept.Marks = stream.SelectMarks(b.Marks, sel)
	return kept
}

// of are the wall-clock times of the rows, in milliseconds, valid until the next
// call.
func (t *timing) of(col arrow.Array, in *arrow.Schema) ([]int64, error) {
	if col.NullN() > 0 {
		return nil, fmt.Errorf("column %s: %w", in.Field(t.column).Name, ErrNullTime)
	}
	if !t.processed || t.now == stream.Start {
		return millis(&t.millis, col, t.clock), nil
	}
	values := millis(&t.millis, col, clock{})
	t.millis = resized(t.millis, len(values))
	for i, v := range values {
		t.millis[i] = max(v, int64(t.now))
	}
	if t.clock.zone != nil {
		t.clock.local(t.millis)
	}
	return t.millis, nil
}

// restored is how far time was at the checkpoint.
func (t *timing) restored(wm stream.Timestamp) stream.Timestamp {
	if t.processed {
		return stream.Start
	}
	return t.clock.watermark(wm)
}

// mark is how far the watermark brings time, by wall clock; moved is false when
// it does not.
func (t *timing) mark(wm stream.Timestamp) (local stream.Timestamp, moved bool) {
	if t.processed && wm != stream.End || wm <= t.last {
		return t.local, false
	}
	t.last, t.local = wm, t.clock.watermark(wm)
	return t.local, true
}

// tick is mark for processing time.
func (t *timing) tick(now stream.Timestamp) (local stream.Timestamp, moved bool) {
	if !t.processed || now <= t.now {
		return t.local, false
	}
	t.now, t.local = now, t.clock.watermark(now)
	return t.local, true
}

// sessionConfig reads the configuration of a vertex over sessions.
func sessionConfig(v job.Vertex, in []*arrow.Schema) (Config, timing, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return c, timing{}, err
	}
	if len(in) != 1 {
		return c, timing{}, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if c.GapMillis <= 0 {
		return c, timing{}, fmt.Errorf("%w: the gap of a session, %d ms, must be positive", job.ErrInvalid, c.GapMillis)
	}
	c.SizeMillis = c.GapMillis
	if err := c.check(in[0]); err != nil {
		return c, timing{}, err
	}
	t, err := newTiming(c)
	return c, t, err
}

// typesOf are the types of columns.
func typesOf(in *arrow.Schema, at []int) []arrow.DataType {
	out := make([]arrow.DataType, len(at))
	for i, k := range at {
		out[i] = in.Field(k).Type
	}
	return out
}

// columnsOf are columns of a record.
func columnsOf(rec arrow.RecordBatch, at []int) []arrow.Array {
	out := make([]arrow.Array, len(at))
	for i, k := range at {
		out[i] = rec.Column(k)
	}
	return out
}

// wordsOf is a column over values, which must not change while it is used.
func wordsOf(values []int64) arrow.Array {
	buf := memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values))
	d := array.NewData(arrow.PrimitiveTypes.Int64, len(values), []*memory.Buffer{nil, buf}, nil, 0, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

// spanColumn is a property of the windows [starts, ends).
func spanColumn(alloc memory.Allocator, p Property, starts, ends []int64, of arrow.DataType, c clock) arrow.Array {
	col, values := newTimes(alloc, of, len(starts))
	t := of.(*arrow.TimestampType)
	for i, start := range starts {
		values[i] = p.at(start, ends[i], t, c)
	}
	return col
}

// taken is a batch of the rows of sel.
func taken(alloc memory.Allocator, rec arrow.RecordBatch, kinds []stream.RowKind, sel vector.Sel) *stream.Batch {
	b := stream.NewBatch(vector.TakeRecord(alloc, rec, sel))
	if kinds != nil {
		b.Kinds = make([]stream.RowKind, len(sel))
		vector.Gather(b.Kinds, kinds, sel)
	}
	return b
}

// resized is s with room for n, whose values may be anything.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
