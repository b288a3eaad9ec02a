package statetable

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

var (
	_ ops.Source      = (*source)(nil)
	_ ops.SplitReader = (*reader)(nil)
)

// source reads a table of a checkpoint. Its splits are the tasks' parts of it.
type source struct {
	*connector
	table   job.Table
	schema  *arrow.Schema
	paths   [][]string // of the scan, one for each column
	columns []string   // that must be read for them
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return true }

// find reads the manifest and finds the table in it.
func (s *source) find(ctx context.Context) (Checkpoint, []checkpoint.TableState, error) {
	c, err := s.connector.find(ctx, s.table)
	if err != nil {
		return c, nil, err
	}
	parts, err := c.Parts(s.table.Options[OptionUID], s.table.Options[OptionTable])
	return c, parts, err
}

// Enumerator hands out the parts, each once.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e, err := deal.NewList(func(ctx context.Context) ([]ops.Split, error) {
		_, parts, err := s.find(ctx)
		splits := make([]ops.Split, len(parts))
		for i := range parts {
			splits[i] = splitAt(position{Part: i})
		}
		return splits, err
	}, state)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.table.Ident, err)
	}
	return e, nil
}

// position is how far a part is read: its rows have one order.
type position struct {
	Part int   `json:"part"`
	Rows int64 `json:"rows"`
}

func splitAt(p position) ops.Split {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers
	}
	return ops.Split{ID: fmt.Sprint(p.Part), Position: data}
}

// reader reads one part after the other.
type reader struct {
	*source
	alloc memory.Allocator
	queue []ops.Split

	// Of the part that is being read; next is nil before.
	at     position
	next   func() (arrow.RecordBatch, error, bool)
	stop   func()
	cancel context.CancelFunc
}

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s, alloc: rt.Allocator()}, nil
}

func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if r.next == nil {
		if len(r.queue) == 0 {
			return ops.Fetched{}, nil
		}
		if err := r.open(ctx); err != nil {
			return ops.Fetched{}, err
		}
	}
	rec, err, ok := r.next()
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read table %s: %w", r.table.Ident, err)
	}
	if !ok {
		r.close()
		done := r.queue[0]
		r.queue = r.queue[1:]
		return ops.Fetched{After: done, Done: true}, nil
	}
	out, err := r.project(rec)
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read table %s: %w", r.table.Ident, err)
	}
	r.at.Rows += rec.NumRows()
	return ops.Fetched{Batch: stream.NewBatch(out), After: splitAt(r.at)}, nil
}

// open begins the first part of the queue, behind the rows that were read.
func (r *reader) open(ctx context.Context) error {
	if err := json.Unmarshal(r.queue[0].Position, &r.at); err != nil {
		return fmt.Errorf("position in table %s: %w", r.table.Ident, err)
	}
	c, parts, err := r.find(ctx)
	if err != nil {
		return err
	}
	if r.at.Part >= len(parts) {
		return fmt.Errorf("%w: table %s has %d parts, none with the number %d", job.ErrInvalid, r.table.Ident, len(parts), r.at.Part)
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	rows := state.Read(ctx, c.Store, parts[r.at.Part], r.columns, r.alloc)
	r.next, r.stop = iter.Pull2(skip(rows, r.at.Rows))
	return nil
}

// skip leaves the first n rows out.
func skip(rows iter.Seq2[arrow.RecordBatch, error], n int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case n >= rec.NumRows():
				n -= rec.NumRows()
				continue
			}
			rest := rec.NewSlice(n, rec.NumRows())
			n = 0
			more := yield(rest, nil)
			rest.Release()
			if !more {
				return
			}
		}
	}
}

// project gives the rows the columns of the scan. A task whose state is of before
// an edit of its query may lack some: they are NULL.
func (r *reader) project(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	exprs := make([]expr.Expr, len(r.paths))
	for i, p := range r.paths {
		want := r.schema.Field(i).Type
		e, err := expr.At(rec.Schema(), p)
		switch {
		case err != nil:
			e = &expr.Literal{Of: want}
		case !arrow.TypeEqual(e.Type(), want):
			return nil, fmt.Errorf("%w: column %s is %v in one task, %v in another", job.ErrInvalid, r.schema.Field(i).Name, e.Type(), want)
		}
		exprs[i] = e
	}
	program, err := expr.Compile(exprs, rec.Schema(), expr.Env{})
	if err != nil {
		return nil, err
	}
	cols, err := program.Eval(r.alloc, rec, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	return array.NewRecordBatch(r.schema, cols, rec.NumRows()), nil
}

func (r *reader) close() {
	if r.next != nil {
		r.stop()
		r.cancel()
		r.next = nil
	}
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.close()
	return nil
}
