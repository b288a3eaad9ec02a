package window

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// AssignKind is the name of Assign in a graph. Its Config has no Keys and no
// Aggs.
const AssignKind = "window-assign"

// Assign is a window table function: it appends the wanted properties of a
// row's window to its columns. With HOP a row is repeated for each of its
// windows, the last one first, as in Flink:
//
//	size 6, slide 2     03 x   →   03 x │ 2–8
//	                               03 x │ 0–6
//	                               03 x │ -2–4
//
// Rows without event time are counted and dropped, and no row is late.
type Assign struct {
	out        *arrow.Schema
	time       int
	properties []Property
	grid       grid
	clock      clock

	alloc memory.Allocator
	nulls ops.Counter

	sel    vector.Sel
	starts []int64
	ends   []int64
	millis []int64
}

var _ ops.Operator = (*Assign)(nil)

// NewAssign builds the operator of a vertex of kind AssignKind.
func NewAssign(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if err := c.check(in[0]); err != nil {
		return nil, err
	}
	if len(c.Keys)+len(c.Aggs) > 0 {
		return nil, fmt.Errorf("%w: a window table function does not aggregate", job.ErrInvalid)
	}
	loc, err := c.location()
	if err != nil {
		return nil, err
	}
	a := &Assign{
		out: v.Output.Schema, time: c.Time, properties: c.Properties,
		grid: newGrid(c.SizeMillis, c.SlideMillis, c.OffsetMillis, c.Cumulate), clock: clock{loc},
	}
	if a.out == nil {
		fields := slices.Clone(in[0].Fields())
		for _, p := range c.Properties {
			fields = append(fields, arrow.Field{Name: string(p), Type: p.dataType(in[0].Field(c.Time).Type)})
		}
		a.out = arrow.NewSchema(fields, nil)
	}
	if n := in[0].NumFields() + len(c.Properties); a.out.NumFields() != n {
		return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, a.out.NumFields(), n)
	}
	return a, nil
}

// Open implements ops.Operator.
func (a *Assign) Open(_ context.Context, rt ops.Runtime) error {
	a.alloc = rt.Allocator()
	a.nulls = rt.Counter("numNullRowTimeRecordsDropped")
	return nil
}

// Process implements ops.Operator.
func (a *Assign) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	once := a.assign(b.Rows.Column(a.time))
	n := len(a.starts)
	if n == 0 {
		return nil
	}
	rows, kinds, marks := b.Rows, b.Kinds, b.Marks
	rows.Retain()
	if !once {
		rows.Release()
		rows = vector.TakeRecord(a.alloc, b.Rows, a.sel)
		marks = stream.SelectMarks(marks, a.sel)
		if kinds != nil {
			kinds = make([]stream.RowKind, n)
			vector.Gather(kinds, b.Kinds, a.sel)
		}
	}
	defer rows.Release()
	cols := slices.Clone(rows.Columns())
	for i, p := range a.properties {
		col := a.property(p, a.out.Field(int(rows.NumCols())+i).Type)
		defer col.Release()
		cols = append(cols, col)
	}
	return out.Emit(ctx, ops.Main, &stream.Batch{
		Rows: array.NewRecordBatch(a.out, cols, int64(n)), Kinds: kinds, Marks: marks,
	})
}

// assign lists the windows of the rows: starts and ends, and the rows in sel. once
// says that every row has one window, so that sel holds all rows in order.
func (a *Assign) assign(col arrow.Array) (once bool) {
	a.sel, a.starts, a.ends = a.sel[:0], a.starts[:0], a.ends[:0]
	times := millis(&a.millis, col, a.clock)
	for i, t := range times {
		if col.IsNull(i) {
			a.nulls.Add(1)
			continue
		}
		if a.grid.cumulate {
			start := floor(t, a.grid.offset, a.grid.size)
			for end := a.grid.endAfter(t); end <= start+a.grid.size; end += a.grid.slide {
				a.put(i, start, end)
			}
			continue
		}
		for start := floor(t, a.grid.offset, a.grid.slide); start+a.grid.size > t; start -= a.grid.slide {
			a.put(i, start, start+a.grid.size)
		}
	}
	return a.grid.size == a.grid.slide && len(a.sel) == len(times)
}

// put notes that row i is in the window [start, end).
func (a *Assign) put(i int, start, end int64) {
	a.sel, a.starts, a.ends = append(a.sel, uint32(i)), append(a.starts, start), append(a.ends, end)
}

// property is a column of the windows in starts and ends.
func (a *Assign) property(p Property, of arrow.DataType) arrow.Array {
	col, values := newTimes(a.alloc, of, len(a.starts))
	t := of.(*arrow.TimestampType)
	for i, start := range a.starts {
		values[i] = p.at(start, a.ends[i], t, a.clock)
	}
	return col
}

// Advance implements ops.Operator.
func (a *Assign) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (a *Assign) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (a *Assign) Close() error { return nil }
