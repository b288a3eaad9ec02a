package datagen

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

// block is how many consecutive rows belong to one split; they are dealt in
// turn:
//
//	block   0  1  2  3  4  5 …
//	split   0  1  0  1  0  1 …      (of two)
const block = 4 << 10

// source is the rows of one table.
type source struct {
	config
	schema  *arrow.Schema
	columns []*field
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.rows < math.MaxInt64 }

// position is where a split is to be read on.
type position struct {
	Split  int   `json:"split"`
	Splits int   `json:"splits"`
	Next   int64 `json:"next"` // the number of a row
}

// Enumerator deals the rows to splits, when the first reader comes.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return deal.New(s.splits, func(split, splits int) ([]byte, error) {
		return json.Marshal(position{Split: split, Splits: splits, Next: int64(split) * block})
	}, state)
}

// Reader returns a reader without splits.
func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &splitReader{source: s, alloc: rt.Allocator()}, nil
}

type splitReader struct {
	*source
	alloc memory.Allocator
	open  []*openSplit
	turn  int
}

type openSplit struct {
	id string
	at position
	// begin is the wall-clock time, and first the number, of the first row
	// that this reader made of the split.
	begin time.Time
	first int64
}

func (r *splitReader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		o := &openSplit{id: s.ID}
		if err := json.Unmarshal(s.Position, &o.at); err != nil {
			return fmt.Errorf("position of split %s: %w", s.ID, err)
		}
		o.begin, o.first = time.Now(), o.made() //nolint:forbidigo // the rate is one of wall-clock time
		r.open = append(r.open, o)
	}
	return nil
}

// made is how many rows of the split lie before its position.
func (o *openSplit) made() int64 {
	return o.at.Next/block/int64(o.at.Splits)*block + o.at.Next%block
}

// Fetch returns the rest of a split's current block, or what is due of it. The
// splits take turns.
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

// ready is how many rows of o can be read now, or else how long to wait.
func (r *splitReader) ready(o *openSplit) (count int64, after time.Duration) {
	count = max(min(block-o.at.Next%block, r.rows-o.at.Next), 0)
	if count == 0 || r.rate == 0 {
		return count, 0
	}
	rate := float64(r.rate) / float64(o.at.Splits)
	due := int64(time.Since(o.begin).Seconds()*rate) + 1 - (o.made() - o.first)
	if due > 0 {
		return min(count, due), 0
	}
	return 0, max(time.Duration(float64(1-due)/rate*float64(time.Second)), 5*time.Millisecond)
}

func (r *splitReader) read(o *openSplit, count int64) (ops.Fetched, error) {
	f := ops.Fetched{}
	if count > 0 {
		cols := make([]arrow.Array, len(r.columns))
		for i, c := range r.columns {
			cols[i] = c.build(r.alloc, numbers{from: o.at.Next, count: count})
		}
		f.Batch = stream.NewBatch(array.NewRecordBatch(r.schema, cols, count))
		for _, c := range cols {
			c.Release()
		}
		o.at.Next += count
		if o.at.Next%block == 0 {
			o.at.Next += block * int64(o.at.Splits-1) // the blocks between are other splits'
		}
	}
	p, err := json.Marshal(o.at)
	if err != nil {
		return f, fmt.Errorf("position of split %s: %w", o.id, err)
	}
	f.After = ops.Split{ID: o.id, Position: p}
	if o.at.Next >= r.rows {
		f.Done = true
		r.open = append(r.open[:r.turn], r.open[r.turn+1:]...)
	}
	return f, nil
}

func (r *splitReader) Close() error { return nil }
