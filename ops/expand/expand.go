// Package expand repeats rows for several grouping sets.
package expand

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

// Kind is the operator's name in a graph.
const Kind = "expand"

// Config is that of a vertex of kind Kind.
type Config struct {
	// Nulls are the copies of a row: the columns that are NULL in each.
	Nulls [][]int `json:"nulls"`
}

// Expand emits each row as often as there are grouping sets. In every copy the
// keys that the set lacks are NULL, and a column behind the others says which
// set it is:
//
//	sets (a, b), (a), ()    in  a  b  v      out  a  b  v  $e
//	                            1  2  9           1  2  9   0
//	                                              1  –  9   1
//	                                              –  –  9   2
//
// Copies of a batch share its columns. Where the watermark moves within a batch,
// the copies of a row stay together, so that none of them is behind a mark
// that the row was not behind.
type Expand struct {
	nulls [][]int
	out   *arrow.Schema
	alloc memory.Allocator
	sel   vector.Sel
}

var _ ops.Operator = (*Expand)(nil)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 || len(c.Nulls) == 0 {
		return nil, fmt.Errorf("%w: %s has %d inputs and %d sets, want 1 and some", job.ErrInvalid, v.Name, len(in), len(c.Nulls))
	}
	for _, null := range c.Nulls {
		for _, k := range null {
			if k < 0 || k >= in[0].NumFields() {
				return nil, fmt.Errorf("%w: no column %d in an input of %d", job.ErrInvalid, k, in[0].NumFields())
			}
		}
	}
	e := &Expand{nulls: c.Nulls, out: v.Output.Schema}
	if e.out == nil {
		fields := slices.Clone(in[0].Fields())
		e.out = arrow.NewSchema(append(fields, arrow.Field{Name: "$e", Type: arrow.PrimitiveTypes.Int64}), nil)
	}
	if n := in[0].NumFields() + 1; e.out.NumFields() != n {
		return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, e.out.NumFields(), n)
	}
	return e, nil
}

// Open implements ops.Operator.
func (e *Expand) Open(_ context.Context, rt ops.Runtime) error {
	e.alloc = rt.Allocator()
	return nil
}

// Process implements ops.Operator.
func (e *Expand) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	if len(b.Marks) > 0 || b.Kinds != nil {
		return e.together(ctx, b, out)
	}
	for i := range e.nulls {
		rec := e.copyOf(b.Rows, i)
		if err := out.Emit(ctx, ops.Main, stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return nil
}

// copyOf is the copy of rec for set i.
func (e *Expand) copyOf(rec arrow.RecordBatch, i int) arrow.RecordBatch {
	n := int(rec.NumRows())
	cols := slices.Clone(rec.Columns())
	for _, c := range cols {
		c.Retain()
	}
	for _, k := range e.nulls[i] {
		cols[k].Release()
		cols[k] = array.MakeArrayOfNull(e.alloc, rec.Column(k).DataType(), n)
	}
	cols = append(cols, e.numbers(n, func(int) int64 { return int64(i) }))
	out := array.NewRecordBatch(e.out, cols, int64(n))
	for _, c := range cols {
		c.Release()
	}
	return out
}

func (e *Expand) numbers(n int, of func(i int) int64) arrow.Array {
	b := array.NewInt64Builder(e.alloc)
	defer b.Release()
	b.Reserve(n)
	for i := range n {
		b.UnsafeAppend(of(i))
	}
	return b.NewArray()
}

// together emits the copies of each row one behind the other, as one batch.
func (e *Expand) together(ctx context.Context, b *stream.Batch, out ops.Output) error {
	n, sets := b.Len(), len(e.nulls)
	e.sel = e.sel[:0]
	for r := range n {
		for range sets {
			e.sel = append(e.sel, uint32(r))
		}
	}
	cols := make([]arrow.Array, 0, len(b.Rows.Columns())+1)
	for k, c := range b.Rows.Columns() {
		cols = append(cols, e.repeated(k, c))
	}
	cols = append(cols, e.numbers(n*sets, func(i int) int64 { return int64(i % sets) }))
	rec := array.NewRecordBatch(e.out, cols, int64(n*sets))
	for _, c := range cols {
		c.Release()
	}
	next := &stream.Batch{Rows: rec, Marks: stream.SelectMarks(b.Marks, e.sel)}
	if b.Kinds != nil {
		next.Kinds = make([]stream.RowKind, n*sets)
		vector.Gather(next.Kinds, b.Kinds, e.sel)
	}
	return out.Emit(ctx, ops.Main, next)
}

// repeated is column k with each value once per set, or NULL.
func (e *Expand) repeated(k int, c arrow.Array) arrow.Array {
	if !slices.ContainsFunc(e.nulls, func(null []int) bool { return slices.Contains(null, k) }) {
		return vector.Take(e.alloc, c, e.sel)
	}
	null := array.MakeArrayOfNull(e.alloc, c.DataType(), 1)
	defer null.Release()
	both := vector.Concat(e.alloc, []arrow.Array{c, null})
	defer both.Release()
	sel := slices.Clone(e.sel)
	for i := range sel {
		if slices.Contains(e.nulls[i%len(e.nulls)], k) {
			sel[i] = uint32(c.Len())
		}
	}
	return vector.Take(e.alloc, both, sel)
}

// Advance implements ops.Operator.
func (e *Expand) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (e *Expand) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (e *Expand) Close() error { return nil }
