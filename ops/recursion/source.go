package recursion

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Connector reads what a query gives, by running its jobs.
func Connector(run Run) *ops.Connector {
	return &ops.Connector{Name: Name, Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
		q, err := queryOf(s.Table)
		if err != nil {
			return nil, err
		}
		return &source{schema: q.Schema.Schema, rows: func(ctx context.Context, alloc memory.Allocator) (arrow.RecordBatch, error) {
			return q.rows(ctx, alloc, run)
		}}, nil
	}}
}

// StepConnector reads the rows of the step before. They stay the caller's.
func StepConnector(rows []arrow.RecordBatch) *ops.Connector {
	return &ops.Connector{Name: StepName, Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
		if s.Table.Schema.Schema == nil {
			return nil, fmt.Errorf("%w: connector %q is for WITH RECURSIVE alone", job.ErrInvalid, StepName)
		}
		return &source{schema: s.Table.Schema.Schema, rows: func(_ context.Context, alloc memory.Allocator) (arrow.RecordBatch, error) {
			it := &iteration{query: &Query{Schema: s.Table.Schema}, alloc: alloc, all: rows}
			return it.result(), nil
		}}, nil
	}}
}

// source gives rows at once, so that a restart does not depend on their order.
type source struct {
	schema *arrow.Schema
	rows   func(context.Context, memory.Allocator) (arrow.RecordBatch, error)
}

var _ ops.Source = (*source)(nil)

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return true }

func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{}
	if string(state) != taken {
		e.splits = []ops.Split{{ID: "0"}}
	}
	return e, nil
}

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s, alloc: rt.Allocator()}, nil
}

// taken is the enumerator's state once the split was handed out.
const taken = "1"

type enumerator struct{ splits []ops.Split }

func (e *enumerator) Discover(context.Context) (bool, error) { return true, nil }

func (e *enumerator) Take(_, _, n int) []ops.Split {
	if n < 1 {
		return nil
	}
	out := e.splits
	e.splits = nil
	return out
}

func (e *enumerator) Return(splits []ops.Split) { e.splits = append(e.splits, splits...) }

func (e *enumerator) Snapshot() ([]byte, error) {
	if len(e.splits) == 0 {
		return []byte(taken), nil
	}
	return nil, nil
}

func (e *enumerator) Close() error { return nil }

// reader computes the rows beside the task that asks for them.
type reader struct {
	*source
	alloc memory.Allocator
	split *ops.Split

	cancel context.CancelFunc
	ready  chan struct{} // closed when rec and err are set
	rec    arrow.RecordBatch
	err    error
}

func (r *reader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		if r.split != nil {
			return fmt.Errorf("a recursive query has one split, %q is another", s.ID)
		}
		r.split = &s
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(context.Background())
		r.ready = make(chan struct{})
		go func() {
			defer close(r.ready)
			r.rec, r.err = r.rows(ctx, r.alloc)
		}()
	}
	return nil
}

func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if r.split == nil {
		return ops.Fetched{}, nil
	}
	select {
	case <-r.ready:
	default:
		return ops.Fetched{Ready: r.ready}, nil
	}
	if r.err != nil {
		return ops.Fetched{}, r.err
	}
	f := ops.Fetched{After: *r.split, Done: true}
	if r.rec.NumRows() > 0 {
		f.Batch = stream.NewBatch(r.rec)
	} else {
		r.rec.Release()
	}
	r.split, r.rec = nil, nil
	return f, nil
}

// Close waits for the jobs, which are cancelled.
func (r *reader) Close() error {
	if r.cancel != nil {
		r.cancel()
		<-r.ready
	}
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
	return nil
}
