package wadi

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// pastName is the connector of tables that have a history. It exists in the job
// that reads it.
const pastName = "past"

var (
	_ ops.Source      = (*pastSource)(nil)
	_ ops.SplitReader = (*pastReader)(nil)
)

func (h *past) connector() *ops.Connector {
	return &ops.Connector{Name: pastName, Projects: true, Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
		src, err := newPastSource(s, h.queries[s.Table.Ident.String()])
		if err == nil {
			src.read = h.read
		}
		return src, err
	}}
}

// pastSource gives the rows of a query in the form of a scan of another table. Its
// first reader gives them, in their order; the others are idle. It leaves nothing
// in a checkpoint once it is read, so that the table itself begins at its own
// beginning.
type pastSource struct {
	schema  *arrow.Schema
	query   *Query
	columns *expr.Program // over the query's
	read    chan<- struct{}
}

// newPastSource finds the columns of the scan among those of the query.
func newPastSource(s ops.Scan, q *Query) (*pastSource, error) {
	schema, paths, err := s.Flat()
	if err != nil {
		return nil, err
	}
	of := vector.InternalSchema(q.Schema)
	exprs := make([]expr.Expr, len(paths))
	for i, p := range paths {
		e, err := expr.At(of, p)
		if err != nil {
			return nil, fmt.Errorf("%w: the history of table %s: %w", job.ErrInvalid, s.Table.Ident, err)
		}
		if want := schema.Field(i).Type; !arrow.TypeEqual(e.Type(), want) {
			e = &expr.Call{Func: "cast", Args: []expr.Expr{e}, Of: want}
		}
		exprs[i] = e
	}
	columns, err := expr.Compile(exprs, of, expr.Env{})
	if err != nil {
		return nil, fmt.Errorf("%w: the history of table %s: %w; CAST its columns to the types that the table has", job.ErrInvalid, s.Table.Ident, err)
	}
	return &pastSource{schema: schema, query: q, columns: columns}, nil
}

func (s *pastSource) Schema() *arrow.Schema { return s.schema }
func (s *pastSource) Bounded() bool         { return false }

func (s *pastSource) Enumerator(context.Context, []byte) (ops.SplitEnumerator, error) {
	return &pastSplits{dealt: map[int]bool{}}, nil
}

func (s *pastSource) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &pastReader{pastSource: s, alloc: rt.Allocator()}, nil
}

// pastSplits hands each reader one split, and says nothing of it in a checkpoint.
type pastSplits struct{ dealt map[int]bool }

func (p *pastSplits) Discover(context.Context) (bool, error) { return false, nil }

func (p *pastSplits) Take(reader, _, _ int) []ops.Split {
	if p.dealt[reader] {
		return nil
	}
	p.dealt[reader] = true
	return []ops.Split{{ID: strconv.Itoa(reader)}}
}

func (p *pastSplits) Return([]ops.Split)        {}
func (p *pastSplits) Snapshot() ([]byte, error) { return nil, nil }
func (p *pastSplits) Close() error              { return nil }

// pastReader reads one split.
type pastReader struct {
	*pastSource
	alloc memory.Allocator
	split *ops.Split
	idle  bool // the split has said that it has no rows

	next func() (arrow.RecordBatch, error, bool)
	stop func()
}

func (r *pastReader) Assign(splits []ops.Split) error {
	if len(splits) != 1 || r.split != nil {
		return fmt.Errorf("%w: a history is read once: %d splits", job.ErrUnavailable, len(splits))
	}
	r.split = &splits[0]
	return nil
}

func (r *pastReader) Fetch(ctx context.Context) (ops.Fetched, error) {
	switch {
	case r.split == nil:
		return ops.Fetched{}, nil
	case r.split.ID != "0" && !r.idle:
		r.idle = true
		return ops.Fetched{After: *r.split, Idle: true}, nil
	case r.split.ID != "0":
		return r.done(ctx)
	}
	if r.next == nil {
		r.next, r.stop = iter.Pull2(r.query.All(ctx))
	}
	rec, err, ok := r.next()
	if err != nil {
		return ops.Fetched{}, err
	}
	if !ok {
		return r.done(ctx)
	}
	in := vector.Internalize(r.alloc, rec)
	defer in.Release()
	cols, err := r.columns.Eval(r.alloc, in, nil)
	if err != nil {
		return ops.Fetched{}, err
	}
	out := array.NewRecordBatch(r.schema, cols, in.NumRows())
	for _, c := range cols {
		c.Release()
	}
	return ops.Fetched{Batch: stream.NewBatch(out), After: *r.split}, nil
}

// done ends the split, and says so.
func (r *pastReader) done(ctx context.Context) (ops.Fetched, error) {
	after := *r.split
	r.split = nil
	select {
	case r.read <- struct{}{}:
		return ops.Fetched{After: after, Done: true}, nil
	case <-ctx.Done():
		return ops.Fetched{}, context.Cause(ctx)
	}
}

// Close implements ops.SplitReader.
func (r *pastReader) Close() error {
	if r.stop != nil {
		r.stop()
	}
	return nil
}
