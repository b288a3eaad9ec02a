package wadi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/lower"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// collectName is the connector in which a SELECT ends.
const collectName = "collect"

// Changes is a piece of a query's result: rows, and how each changes the
// table that the result is. Kinds is nil when every row is added.
type Changes struct {
	Record arrow.RecordBatch
	Kinds  []stream.RowKind
}

// Query is the rows of a SELECT, as they come.
type Query struct {
	// Schema is that of the rows, with strings as Utf8.
	Schema *arrow.Schema
	// Updating says that rows may be taken back.
	Updating bool
	// Bounded says that the rows end.
	Bounded bool

	env  *Env
	plan *sql.Plan
}

// query plans q. When nobody has chosen a runtime mode, a query whose inputs
// all end runs as a batch.
func (f *Frame) plan(ctx context.Context) (*Query, error) {
	if f.err != nil {
		return nil, f.err
	}
	e := f.env
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.compile(ctx, f.query, f.text)
	if err != nil {
		return nil, err
	}
	return e.newQuery(p), nil
}

// compile compiles a query or an INSERT for the mode that suits it. The caller
// holds e.mu.
func (e *Env) compile(ctx context.Context, stmt ast.Statement, text string) (*sql.Plan, error) {
	execute := func() (*sql.Plan, error) {
		r, err := e.session.Execute(ctx, stmt, text)
		if err != nil {
			return nil, err
		}
		return r.(*sql.Plan), nil
	}
	c := e.session.Config()
	if _, chosen := c.All()[sql.KeyRuntimeMode]; chosen {
		return execute()
	}
	defer func() { _ = c.Reset(sql.KeyRuntimeMode) }()
	if err := c.Set(sql.KeyRuntimeMode, "BATCH"); err != nil {
		return nil, err
	}
	p, err := execute()
	if err == nil || !errors.Is(err, lower.ErrUnbounded) {
		return p, err
	}
	if err := c.Reset(sql.KeyRuntimeMode); err != nil {
		return nil, err
	}
	return execute()
}

func (e *Env) newQuery(p *sql.Plan) *Query {
	return &Query{Schema: vector.ExternalSchema(p.Schema), Updating: p.Updating, Bounded: p.Bounded, env: e, plan: p}
}

// Changes runs the query and yields its rows as they come. The records are
// released after each step; Retain keeps one.
func (q *Query) Changes(ctx context.Context) iter.Seq2[Changes, error] {
	return func(yield func(Changes, error) bool) {
		c := &collector{rows: make(chan *stream.Batch, 4)}
		registry := *q.env.registry
		registry.Connectors = maps.Clone(registry.Connectors)
		registry.Connectors[collectName] = c.connector()
		run, err := q.env.start(ctx, q.plan, launch{registry: &registry})
		if err != nil {
			yield(Changes{}, err)
			return
		}
		if c.drain(run, external(yield)) {
			if _, err := run.Wait(); err != nil {
				yield(Changes{}, err)
			}
		}
	}
}

// All runs the query and yields its rows. Of a query whose rows may be taken
// back, it yields the final ones, when they are known.
func (q *Query) All(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	if q.Updating {
		return q.final(ctx)
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for c, err := range q.Changes(ctx) {
			if !yield(c.Record, err) {
				return
			}
		}
	}
}

// final yields the rows that are left when all changes are done.
func (q *Query) final(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if !q.Bounded {
			yield(nil, fmt.Errorf("%w: the query changes rows without end: read its changes instead, or write it to a table", job.ErrInvalid))
			return
		}
		t := newChangelogTable()
		defer t.release()
		for c, err := range q.Changes(ctx) {
			if err == nil {
				err = t.apply(c)
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
		for rec := range t.rows() {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// collector takes the rows of one query from its sink.
type collector struct{ rows chan *stream.Batch }

// external gives rows with strings as Utf8.
func external(yield func(Changes, error) bool) func(*stream.Batch) bool {
	return func(b *stream.Batch) bool {
		rec := vector.Externalize(mem.Default(), b.Rows)
		b.Release()
		defer rec.Release()
		return yield(Changes{Record: rec, Kinds: b.Kinds}, nil)
	}
}

// drain gives what comes until the job ends, and reports whether the caller
// wanted all of it; give owns the batches. A caller that stops early cancels the
// job.
func (c *collector) drain(run *Run, give func(*stream.Batch) bool) bool {
	for {
		select {
		case b := <-c.rows:
			if give(b) {
				continue
			}
			run.Cancel(errEnough)
			for {
				select {
				case b := <-c.rows:
					b.Release()
				case <-run.Done():
					return false
				}
			}
		case <-run.Done():
			for {
				select {
				case b := <-c.rows:
					if !give(b) {
						return false
					}
				default:
					return true
				}
			}
		}
	}
}

var errEnough = errors.New("the reader has seen enough")

func (c *collector) connector() *ops.Connector {
	return &ops.Connector{
		Name: collectName, Changelog: true,
		Resolve: func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Sink:    func(context.Context, job.Table) (ops.Sink, error) { return c, nil },
	}
}

// Writer gives the rows to the collector.
func (c *collector) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) {
	return &collectWriter{c.rows}, nil
}

// Committer is nil: rows are shown as they come.
func (c *collector) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

type collectWriter struct{ rows chan<- *stream.Batch }

func (w *collectWriter) Write(ctx context.Context, b *stream.Batch) error {
	select {
	case w.rows <- b:
		return nil
	case <-ctx.Done():
		b.Release()
		return context.Cause(ctx)
	}
}

func (w *collectWriter) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	return nil, nil
}
func (w *collectWriter) Close() error { return nil }

// All runs the Frame and yields its rows, with strings as Utf8. The records
// are released after each step; Retain keeps one.
func (f *Frame) All(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	q, err := f.plan(ctx)
	if err != nil {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(nil, err) }
	}
	return q.All(ctx)
}

// Changes runs the Frame and yields every change of its rows.
func (f *Frame) Changes(ctx context.Context) iter.Seq2[Changes, error] {
	q, err := f.plan(ctx)
	if err != nil {
		return func(yield func(Changes, error) bool) { yield(Changes{}, err) }
	}
	return q.Changes(ctx)
}

// Collect runs the Frame and returns all rows. The caller releases the records.
func (f *Frame) Collect(ctx context.Context) ([]arrow.RecordBatch, error) {
	var all []arrow.RecordBatch
	for rec, err := range f.All(ctx) {
		if err != nil {
			for _, r := range all {
				r.Release()
			}
			return nil, err
		}
		rec.Retain()
		all = append(all, rec)
	}
	return all, nil
}

// Schema is that of the Frame's rows, with strings as Utf8.
func (f *Frame) Schema(ctx context.Context) (*arrow.Schema, error) {
	q, err := f.plan(ctx)
	if err != nil {
		return nil, err
	}
	return q.Schema, nil
}

// Show runs the Frame and writes its first 100 rows as a table.
func (f *Frame) Show(ctx context.Context, to io.Writer) error {
	const most = 100
	q, err := f.plan(ctx)
	if err != nil {
		return err
	}
	w := render.New(to, q.Schema, render.Options{})
	left := int64(most)
	for rec, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		rec = rec.NewSlice(0, min(left, rec.NumRows()))
		left -= rec.NumRows()
		err = w.Write(stream.NewBatch(rec))
		rec.Release()
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
	}
	return w.Close()
}
