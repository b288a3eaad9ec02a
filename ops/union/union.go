// Package union joins streams of equal columns into one.
package union

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Kind is the operator's name in a graph.
const Kind = "union"

// Union passes on the batches of all its inputs, under the names of the
// vertex's output. Kinds and marks stay: the marks of a batch already hold the
// watermark of the task, over all inputs.
type Union struct{ out *arrow.Schema }

var _ ops.Operator = (*Union)(nil)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	out := v.Output.Schema
	for i, s := range in {
		if out == nil {
			out = s
		}
		if s.NumFields() != out.NumFields() {
			return nil, fmt.Errorf("%w: input %d of UNION has %d columns, want %d", job.ErrInvalid, i, s.NumFields(), out.NumFields())
		}
		for c, f := range s.Fields() {
			if !arrow.TypeEqual(f.Type, out.Field(c).Type) {
				return nil, fmt.Errorf("%w: column %s of input %d of UNION is %v, want %v", job.ErrInvalid, f.Name, i, f.Type, out.Field(c).Type)
			}
		}
	}
	return &Union{out: out}, nil
}

// Open implements ops.Operator.
func (u *Union) Open(context.Context, ops.Runtime) error { return nil }

// Process implements ops.Operator.
func (u *Union) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	rows := array.NewRecordBatch(u.out, b.Rows.Columns(), b.Rows.NumRows())
	b.Rows.Release()
	b.Rows = rows
	return out.Emit(ctx, ops.Main, b)
}

// Advance implements ops.Operator.
func (u *Union) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (u *Union) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (u *Union) Close() error { return nil }
