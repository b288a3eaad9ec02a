package nexmark

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Source      = (*source)(nil)
	_ ops.SplitReader = (*splitReader)(nil)
)

// source is the events of one table. They are cut into blocks of whole rounds,
// and the blocks are dealt to the splits in turn:
//
//	block   0  1  2  3  4  5 …
//	split   0  1  0  1  0  1 …      (of two)
type source struct {
	config
	schema  *arrow.Schema
	columns []*column
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.events > 0 }

// block is how many events travel in one batch.
func (s *source) block() int64 {
	const rows = 16 << 10
	return max(rows/s.total, 1) * s.total
}

// position is where a split is to be read on.
type position struct {
	Split  int   `json:"split"`
	Splits int   `json:"splits"`
	Next   int64 `json:"next"` // the number of an event
}

// Enumerator deals the rows to splits, when the first reader comes.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return deal.New(s.splits, func(split, splits int) ([]byte, error) {
		return json.Marshal(position{Split: split, Splits: splits, Next: int64(split) * s.block()})
	}, state)
}

// Reader returns a reader without splits.
func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &splitReader{source: s, gen: newGenerator(s.config), alloc: rt.Allocator()}, nil
}

type splitReader struct {
	*source
	gen   *generator
	alloc memory.Allocator
	open  []*openSplit
	turn  int
}

type openSplit struct {
	id string
	at position
	// begin is the wall-clock time at which event 0 would have come, at the
	// rate of the events; zero when the rate is not limited.
	begin time.Time
}

func (r *splitReader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		o := &openSplit{id: s.ID}
		if err := json.Unmarshal(s.Position, &o.at); err != nil {
			return fmt.Errorf("position of split %s: %w", s.ID, err)
		}
		if r.limited {
			o.begin = time.Now().Add(-r.due(o.at.Next)) //nolint:forbidigo // the rate is one of wall-clock time
		}
		r.open = append(r.open, o)
	}
	return nil
}

// due is when event n comes, after event 0.
func (r *splitReader) due(n int64) time.Duration {
	return time.Duration(r.gen.timestamp(n)-r.baseTime) * time.Millisecond
}

// Fetch returns the rest of a split's current block, or what is due of it. The
// splits take turns, so that their event times stay together.
func (r *splitReader) Fetch(context.Context) (ops.Fetched, error) {
	if len(r.open) == 0 {
		return ops.Fetched{}, nil
	}
	wait := time.Duration(math.MaxInt64)
	for range r.open {
		r.turn = (r.turn + 1) % len(r.open)
		o := r.open[r.turn]
		count, after := r.ready(o)
		if count > 0 || after == 0 {
			return r.read(o, count)
		}
		wait = min(wait, after)
	}
	ready := make(chan struct{})
	time.AfterFunc(wait, func() { close(ready) })
	return ops.Fetched{Ready: ready}, nil
}

// ready is how many events of o can be read now, or else how long to wait.
func (r *splitReader) ready(o *openSplit) (count int64, after time.Duration) {
	block := r.block()
	count = block - o.at.Next%block
	if r.events > 0 {
		count = min(count, r.events-o.at.Next)
	}
	if count <= 0 || o.begin.IsZero() {
		return max(count, 0), 0
	}
	passed := time.Since(o.begin)
	due := int64(0)
	for due < count && r.due(o.at.Next+due) <= passed {
		due++
	}
	return due, max(r.due(o.at.Next)-passed, 5*time.Millisecond)
}

func (r *splitReader) read(o *openSplit, count int64) (ops.Fetched, error) {
	f := ops.Fetched{}
	if count > 0 {
		cols := make([]arrow.Array, len(r.columns))
		for i, c := range r.columns {
			cols[i] = r.gen.build(r.alloc, c, o.at.Next, count)
		}
		f.Batch = stream.NewBatch(array.NewRecordBatch(r.schema, cols, count))
		for _, c := range cols {
			c.Release()
		}
		o.at.Next += count
		if block := r.block(); o.at.Next%block == 0 {
			o.at.Next += block * int64(o.at.Splits-1) // the blocks between are other splits'
		}
	}
	p, err := json.Marshal(o.at)
	if err != nil {
		return f, fmt.Errorf("position of split %s: %w", o.id, err)
	}
	f.After = ops.Split{ID: o.id, Position: p}
	if r.events > 0 && o.at.Next >= r.events {
		f.Done = true
		r.open = append(r.open[:r.turn], r.open[r.turn+1:]...)
	}
	return f, nil
}

func (r *splitReader) Close() error { return nil }
