package calc

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// RejectKind is the name in a graph of an operator that takes no row.
const RejectKind = "reject"

// RejectConfig is that of a vertex of kind RejectKind.
type RejectConfig struct {
	// Of is the table of the rows, Reason what is wrong with them, and Option the
	// one that says what becomes of them.
	Of     string `json:"of"`
	Reason string `json:"reason"`
	Option string `json:"option"`
	// Fail says that a row fails the job; otherwise it leaves by the port Errors.
	Fail bool `json:"fail,omitempty"`
}

// Reject makes dead letters of rows that another operator has not taken.
type Reject struct {
	config RejectConfig
	schema *arrow.Schema
	alloc  memory.Allocator
	all    vector.Sel
	why    []string
}

var _ ops.Operator = (*Reject)(nil)

// NewReject builds the operator of a vertex of kind RejectKind.
func NewReject(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[RejectConfig](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	return &Reject{config: c, schema: in[0]}, nil
}

// Open implements ops.Operator.
func (r *Reject) Open(_ context.Context, rt ops.Runtime) error {
	r.alloc = rt.Allocator()
	return nil
}

// Process implements ops.Operator.
func (r *Reject) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	if r.config.Fail {
		return fmt.Errorf("%w: row %s of table %s: %s; '%s' = 'skip' or 'dead-letter' goes on without such rows",
			job.ErrInvalid, asJSON(b.Rows, 0), r.config.Of, r.config.Reason, r.config.Option)
	}
	r.all = vector.All(r.all, b.Len())
	for len(r.why) < b.Len() {
		r.why = append(r.why, r.config.Reason)
	}
	return out.Emit(ctx, ops.Errors, letters(r.alloc, r.config.Of, r.schema, b, r.all, r.why))
}

// Advance implements ops.Operator.
func (r *Reject) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (r *Reject) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (r *Reject) Close() error { return nil }
