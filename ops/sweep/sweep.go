// Package sweep lets operators over large state see their rows many at a time
// and in the order of their keys' places, while that state does not fit memory.
package sweep

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
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
			cols := k.KeyColumns(i)
			types := make([]arrow.DataType, len(cols))
			for j, c := range cols {
				types[j] = schema.Field(c).Type
			}
			order, err := hashtable.NewOrder(types)
			if err != nil { // no keys, or keys that the operator finds in another way
				return op, nil //nolint:nilerr // it sees its rows as they come
			}
			s.in = append(s.in, input{cols: cols, order: order})
		}
		return s, nil
	}
}

// patience is how long rows are kept back, in milliseconds of processing time.
const patience = 5000

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
// When much of it is in files, it keeps rows back until they are some megabytes,
// or until the watermark, the end of an input or of the epoch comes, or some
// seconds have passed, and then gives them to the operator in the order of the places of their keys, so
// that a page of the state is needed once for all of them (see hashtable.Order).
//
//	b7 a1 | c3 b8 | a2   ─ gathered ─▶   a1 a2 b7 b8 c3
type Sweep struct {
	op    Keyed
	pool  *mem.Pool
	alloc memory.Allocator
	share int64 // tasks that share the memory for rows
	in    []input
	bytes int64
	rows  int64
	until stream.Timestamp // when what has been gathered is passed on; 0 before the first tick that sees it
	sel   vector.Sel
}

// input is what has been gathered of an input.
type input struct {
	cols  []int
	order *hashtable.Order
	parts []arrow.RecordBatch
	kinds []stream.RowKind
	mixed bool // not all kinds are +I
}

var (
	_ ops.Ticker     = (*Sweep)(nil)
	_ ops.InputEnder = (*Sweep)(nil)
)

// Open implements ops.Operator.
func (s *Sweep) Open(ctx context.Context, rt ops.Runtime) error {
	s.alloc, s.share = rt.Allocator(), int64(max(rt.Task().Parallelism, 1))
	return s.op.Open(ctx, rt)
}

// Process implements ops.Operator.
func (s *Sweep) Process(ctx context.Context, i int, b *stream.Batch, out ops.Output) error {
	if !s.pool.Cold() && s.rows == 0 {
		return s.op.Process(ctx, i, b, out)
	}
	s.in[i].keep(b)
	s.rows += int64(b.Len())
	s.bytes += vector.RecordBytes(b.Rows)
	b.Release()
	if s.bytes >= s.pool.Sweep()/s.share {
		return s.drain(ctx, out)
	}
	return nil
}

// keep adds the rows of b.
func (in *input) keep(b *stream.Batch) {
	b.Rows.Retain()
	in.parts = append(in.parts, b.Rows)
	for i := range b.Len() {
		k := stream.Insert
		if b.Kinds != nil {
			k = b.Kinds[i]
		}
		in.mixed = in.mixed || k != stream.Insert
		in.kinds = append(in.kinds, k)
	}
}

// drain gives the operator what has been gathered.
func (s *Sweep) drain(ctx context.Context, out ops.Output) error {
	if s.rows == 0 {
		return nil
	}
	s.rows, s.bytes, s.until = 0, 0, 0
	for i := range s.in {
		if len(s.in[i].parts) == 0 {
			continue
		}
		if err := s.sweep(ctx, i, out); err != nil {
			return fmt.Errorf("rows that were kept back: %w", err)
		}
	}
	return nil
}

// sweep gives the operator the rows of an input.
func (s *Sweep) sweep(ctx context.Context, i int, out ops.Output) error {
	in := &s.in[i]
	all := vector.ConcatRecords(s.alloc, in.parts)
	defer all.Release()
	in.drop()
	s.sel = in.order.Sort(s.sel, in.keyColumns(all))
	for left := s.sel; len(left) > 0; {
		part := left[:min(slice(len(s.sel)), len(left))]
		left = left[len(part):]
		b := stream.NewBatch(vector.TakeRecord(s.alloc, all, part))
		if in.mixed {
			b.Kinds = make([]stream.RowKind, len(part))
			vector.Gather(b.Kinds, in.kinds, part)
		}
		if err := s.op.Process(ctx, i, b, out); err != nil {
			return err
		}
		s.pool.Relieve()
	}
	in.kinds, in.mixed = in.kinds[:0], false
	return nil
}

func (in *input) keyColumns(rec arrow.RecordBatch) []arrow.Array {
	keys := make([]arrow.Array, len(in.cols))
	for i, c := range in.cols {
		keys[i] = rec.Column(c)
	}
	return keys
}

func (in *input) drop() {
	for _, p := range in.parts {
		p.Release()
	}
	in.parts = in.parts[:0]
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
	case s.rows == 0:
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
	for i := range s.in {
		s.in[i].drop()
	}
	return s.op.Close()
}
