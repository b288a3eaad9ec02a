package join

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Bound says how long rows of an input can find partners that are still to come:
// until the watermark has reached the time in Column plus KeepMillis. A row without
// a time has no partners.
type Bound struct {
	Column     int   `json:"column"`
	KeepMillis int64 `json:"keepMillis"`
}

// check reports a bound that a join cannot keep to: rows that are taken back must
// be found.
func (b *Bound) check(c *Config, ttl int64, in *arrow.Schema) error {
	switch {
	case b == nil:
		return nil
	case b.Column < 0 || b.Column >= in.NumFields() || in.Field(b.Column).Type.ID() != arrow.TIMESTAMP:
		return fmt.Errorf("column %d bounds how long rows are kept, and is no timestamp", b.Column)
	case c.LeftChanges || c.RightChanges || c.FinalOnly || c.Static || ttl > 0:
		return errors.New("rows that are taken back, or go by processing time, cannot be kept until a time")
	}
	return nil
}

// horizon forgets rows of a side by their time. Their last times fall into buckets,
// and a bucket is forgotten when the watermark has passed all of it:
//
//	bucket   [00:00, 00:01)      [00:01, 00:02)
//	         row → row → row     row → row           watermark 00:01: the first one goes
//
// A row's link to the next one of its bucket stands where a side with a TTL has the
// row's time. Rows come nearly in order, so that most go where the one before went.
// State knows nothing of it: buckets are made again of the rows that are restored.
type horizon struct {
	column int
	keep   int64
	shift  int // a bucket is 1<<shift milliseconds

	buckets map[int64]*bucket
	order   due     // the numbers of the buckets, the earliest first
	last    *bucket // into which a row came last
}

// bucket is a list of rows.
type bucket struct {
	number  int64
	first   int64 // id + 1, or 0
	scans   int   // how many times it has been sought
	indexed bool  // its rows are in chains
}

func newHorizon(b *Bound) *horizon {
	if b == nil {
		return nil
	}
	shift := bits.Len64(uint64(max(b.KeepMillis, 0) / 8))
	return &horizon{column: b.Column, keep: b.KeepMillis, shift: min(max(shift, 7), 16), buckets: map[int64]*bucket{}}
}

// await notes until when rows are kept; ids are the selected ones of the batch with
// these times. It returns the positions in ids of those whose bucket is indexed.
func (s *side) await(col arrow.Array, sel vector.Sel, ids []uint32) (indexed vector.Sel) {
	h := s.horizon
	times := vector.Millis(nil, col.(*array.Timestamp))
	nulls := col.NullN() > 0
	for i, id := range ids {
		row := i
		if sel != nil {
			row = int(sel[i])
		}
		at := int64(math.MinInt64)
		if !nulls || col.IsValid(row) {
			at = h.until(times[row])
		}
		b := h.last
		if number := at >> h.shift; b == nil || b.number != number {
			b = h.bucket(number)
		}
		s.extra(id).time = b.first
		b.first = int64(id) + 1
		if b.indexed {
			indexed = append(indexed, uint32(i))
		}
	}
	return indexed
}

// until is the watermark at which a row is forgotten.
func (h *horizon) until(t int64) int64 {
	switch {
	case h.keep > 0 && t > math.MaxInt64-h.keep:
		return math.MaxInt64
	case h.keep < 0 && t < math.MinInt64-h.keep:
		return math.MinInt64
	}
	return t + h.keep
}

func (h *horizon) bucket(number int64) *bucket {
	b := h.buckets[number]
	if b == nil {
		b = &bucket{number: number}
		h.buckets[number] = b
		h.order.push(entry{at: number<<h.shift | (1<<h.shift - 1), seq: number})
	}
	h.last = b
	return b
}

// forget frees the rows that can find no more partners.
func (s *side) forget(wm stream.Timestamp) {
	h := s.horizon
	if h == nil || wm == stream.End {
		return
	}
	for {
		e, ok := h.order.pop(wm)
		if !ok {
			return
		}
		b := h.buckets[e.seq]
		delete(h.buckets, e.seq)
		h.last = nil
		for next := b.first; next != 0; {
			s.store.Relieve()
			s.ids, next = s.listed(s.ids[:0], next)
			if b.indexed {
				s.chains.Remove(s.ids)
			}
			s.drop(s.ids)
		}
	}
}

// listed appends the ids of a list to dst, some of them, and returns where the list
// goes on, or 0.
func (s *side) listed(dst []uint32, from int64) (ids []uint32, next int64) {
	for ; from != 0 && len(dst) < maxRows; from = s.extra(uint32(from - 1)).time {
		dst = append(dst, uint32(from-1))
	}
	return dst, from
}

// placeRestored is place for rows that were restored.
func (s *side) placeRestored(alloc memory.Allocator, ids []uint32) {
	if s.horizon == nil {
		s.link(alloc, ids)
		return
	}
	col := s.store.TakeColumn(alloc, s.horizon.column, ids)
	defer col.Release()
	s.await(col, nil, ids)
}
