// Package sweep lets operators over large state see their rows many at a time
// and in the order of their keys' places, while that state does not fit memory.
package sweep

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Keyed is an operator whose state is found by keys of its inputs' rows, and for
// which it does not matter in which order rows of different keys come, nor rows
// of different inputs, between two watermarks.
type Keyed interface {
	ops.Operator
	// KeyColumns are the columns of an input's rows that are the key.
	KeyColumns(input int) []int
}

// Around returns build with its operators behind a Sweep, where they are Keyed
// and have keys.
func Around(build ops.NewOperator) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
		op, err := build(v, in)
		if err != nil {
			return nil, err
		}
		k, ok := op.(Keyed)
		if !ok {
			return op, nil
		}
		s := &Sweep{op: k, pool: mem.Default()}
		for i, schema := range in {
			stash, err := newStash(schema, k.KeyColumns(i))
			if err != nil { // no keys, or rows that cannot be kept back
				return op, nil //nolint:nilerr // it sees its rows as they come
			}
			s.in = append(s.in, stash)
		}
		return s, nil
	}
}

// patience is how long rows are kept back, in milliseconds of processing time.
const patience = 10_000

// maxRows and minRows bound how many rows the operator sees at once.
const (
	maxRows = 16 << 10
	minRows = 512
)

// slice is how many rows of a sweep of n the operator sees at once. The fewer rows
// there are, the further apart are their places, and each may bring some pages
// into memory before the operator is called again.
func slice(n int) int { return min(max(n/64, minRows), maxRows) }

// Sweep passes rows on as they come while the state of the process is in memory.
// When much of it is in files, it keeps rows back until they are a good part of
// the state, or until the watermark, the end of an input or of the epoch comes, or
// some seconds have passed, and then gives them to the operator in the order of
// the places of their keys, so that a page of the state is needed once for all of
// them (see hashtable.Order).
//
//	b7 a1 | c3 b8 | a2   ─ kept back ─▶   a1 a2 b7 b8 c3
type Sweep struct {
	op    Keyed
	pool  *mem.Pool
	share int64 // tasks that share the memory for rows
	in    []*stash
	bytes int64            // of rows that are kept back, in memory
	any   bool             // whether there are any, there or in pieces
	until stream.Timestamp // when they are passed on; 0 before the first tick that sees them
}

var (
	_ ops.Ticker     = (*Sweep)(nil)
	_ ops.InputEnder = (*Sweep)(nil)
)

// Open implements ops.Operator.
func (s *Sweep) Open(ctx context.Context, rt ops.Runtime) error {
	s.share = int64(max(rt.Task().Parallelism, 1))
	for _, in := range s.in {
		in.alloc = rt.Allocator()
	}
	return s.op.Open(ctx, rt)
}

// stateShare is how much state there may be for each byte of rows that are kept
// back before they are passed on: what is read and written of files for a row is
// so many times its size at the most.
const stateShare = 8

// Process implements ops.Operator.
func (s *Sweep) Process(ctx context.Context, i int, b *stream.Batch, out ops.Output) error {
	if !s.any && !s.pool.Cold() {
		return s.op.Process(ctx, i, b, out)
	}
	s.any = true
	s.bytes += s.in[i].keep(b.Rows, b.Kinds)
	b.Release()
	if s.bytes < s.pool.Sweep()/s.share {
		return nil
	}
	if err := s.settle(); err != nil {
		return err
	}
	held := int64(0)
	for _, in := range s.in {
		held += in.held()
	}
	if held < max(s.pool.Sweep(), s.pool.Disk()/stateShare)/s.share {
		return nil
	}
	return s.drain(ctx, out)
}

// settle makes pieces of the rows that are in memory.
func (s *Sweep) settle() error {
	s.bytes = 0
	for _, in := range s.in {
		if err := in.settle(s.pool); err != nil {
			return err
		}
	}
	return nil
}

// drain gives the operator what has been kept back.
func (s *Sweep) drain(ctx context.Context, out ops.Output) error {
	if !s.any {
		return nil
	}
	s.any, s.until = false, 0
	if err := s.settle(); err != nil {
		return err
	}
	rows := 0
	for _, in := range s.in {
		rows += in.rows()
	}
	for n := range parts {
		for i, in := range s.in {
			err := in.part(n, slice(rows), func(b *stream.Batch) error {
				err := s.op.Process(ctx, i, b, out)
				s.pool.Relieve()
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	for _, in := range s.in {
		in.reset()
	}
	return nil
}

// Advance implements ops.Operator.
func (s *Sweep) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if err := s.drain(ctx, out); err != nil {
		return err
	}
	return s.op.Advance(ctx, wm, out)
}

// Tick implements ops.Ticker.
func (s *Sweep) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	switch {
	case !s.any:
	case s.until == 0:
		s.until = now.Now + patience
	case now.Now >= s.until:
		if err := s.drain(ctx, out); err != nil {
			return err
		}
	}
	if t, ok := s.op.(ops.Ticker); ok {
		return t.Tick(ctx, now, out)
	}
	return nil
}

// EndInput implements ops.InputEnder.
func (s *Sweep) EndInput(ctx context.Context, i int, out ops.Output) error {
	if err := s.drain(ctx, out); err != nil {
		return err
	}
	if e, ok := s.op.(ops.InputEnder); ok {
		return e.EndInput(ctx, i, out)
	}
	return nil
}

// Flush implements ops.Operator.
func (s *Sweep) Flush(ctx context.Context, e stream.Epoch, out ops.Output) error {
	if err := s.drain(ctx, out); err != nil {
		return err
	}
	return s.op.Flush(ctx, e, out)
}

// Close implements ops.Operator.
func (s *Sweep) Close() error {
	for _, in := range s.in {
		in.close()
	}
	return s.op.Close()
}
