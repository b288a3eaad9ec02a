package sort

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// LimitKind is the name of Limit in a graph.
const LimitKind = "limit"

// LimitConfig is that of a vertex of kind LimitKind.
type LimitConfig struct {
	Offset int64 `json:"offset,omitempty"`
	// Limit is how many rows to let through behind Offset; negative means all.
	Limit int64 `json:"limit"`
}

// Limit lets the rows [offset, offset+limit) of its input through, in the
// order in which they come.
//
// State: a table "seen" with one row: how many rows have come.
type Limit struct {
	out    *arrow.Schema
	offset int64
	end    int64 // offset+limit, or negative

	alloc memory.Allocator
	table ops.Table
	seen  int64
	saved int64
}

var _ ops.Operator = (*Limit)(nil)

var seenSchema = arrow.NewSchema([]arrow.Field{
	{Name: "$all", Type: arrow.PrimitiveTypes.Int8}, // the key, always 0
	{Name: "seen", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// NewLimit builds the operator of a vertex of kind LimitKind.
func NewLimit(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[LimitConfig](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if c.Offset < 0 {
		return nil, fmt.Errorf("%w: OFFSET %d is negative", job.ErrInvalid, c.Offset)
	}
	l := &Limit{out: v.Output.Schema, offset: c.Offset, end: -1}
	if c.Limit >= 0 {
		l.end = c.Offset + c.Limit
	}
	if l.out == nil {
		l.out = in[0]
	}
	return l, nil
}

// Open implements ops.Operator.
func (l *Limit) Open(ctx context.Context, rt ops.Runtime) error {
	l.alloc = rt.Allocator()
	var err error
	if l.table, err = rt.Table(ops.TableSpec{Name: "seen", Schema: seenSchema, Keys: 1}); err != nil {
		return err
	}
	for rec, err := range l.table.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore seen: %w", err)
		}
		for i := range int(rec.NumRows()) {
			l.seen += rec.Column(1).(*array.Int64).Value(i)
		}
	}
	l.saved = l.seen
	return nil
}

// Process implements ops.Operator.
func (l *Limit) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	for _, k := range b.Kinds {
		if k != stream.Insert {
			return fmt.Errorf("%w: LIMIT takes rows that do not change", job.ErrInvalid)
		}
	}
	n := int64(b.Len())
	from, to := max(l.offset-l.seen, 0), n
	if l.end >= 0 {
		to = min(l.end-l.seen, n)
	}
	l.seen += n
	if from >= to {
		return nil
	}
	part := b.Rows.NewSlice(from, to)
	defer part.Release()
	return out.Emit(ctx, ops.Main, &stream.Batch{
		Rows:  array.NewRecordBatch(l.out, part.Columns(), part.NumRows()),
		Marks: stream.SliceMarks(b.Marks, int(from), int(to)),
	})
}

// Advance implements ops.Operator.
func (l *Limit) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (l *Limit) Flush(context.Context, stream.Epoch, ops.Output) error {
	if l.seen == l.saved {
		return nil
	}
	rb := array.NewRecordBuilder(l.alloc, seenSchema)
	defer rb.Release()
	rb.Field(0).(*array.Int8Builder).Append(0)
	rb.Field(1).(*array.Int64Builder).Append(l.seen)
	rec := rb.NewRecordBatch()
	defer rec.Release()
	if err := l.table.Upsert(rec); err != nil {
		return fmt.Errorf("write seen: %w", err)
	}
	l.saved = l.seen
	return nil
}

// Close implements ops.Operator.
func (l *Limit) Close() error { return nil }
