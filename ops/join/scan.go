package join

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Rows that are kept for a while only, and are sought rarely, are not worth an
// index: to put a row into a chain and to take it out again costs more than to look
// at its key some times. So the rows of a bucket are in no chain until the bucket
// has been sought maxScans times, each time by a batch of the other input:
//
//	batch of the other input ─▶ small table of its keys ◀─ keys of each row of the bucket
//
// From then on the bucket is indexed, and so are rows that come into it.

// maxScans is how many times the rows of a bucket are looked at for a batch before
// they are put into chains.
const maxScans = 8

// scanner finds stored rows by the keys of a batch.
type scanner struct {
	keys *hashtable.Table

	numbers []uint32 // of the keys of the batch's rows
	first   []uint32 // the first row of a key: its position in the selection + 1
	next    []uint32 // the row of the same key behind one: its position + 1
	found   []uint32
	ids     []uint32
}

func newScanner(types []arrow.DataType) (*scanner, error) {
	t, err := hashtable.New(hashtable.Options{Reserve: 1 << 20}, types, 0)
	if err != nil {
		return nil, fmt.Errorf("keys of a batch: %w", err)
	}
	return &scanner{keys: t}, nil
}

// load notes the keys of the n selected rows of a batch.
func (c *scanner) load(keys []arrow.Array, sel vector.Sel, n int) {
	c.keys.Reset()
	c.numbers, c.next = resized(c.numbers, n), resized(c.next, n)
	c.keys.FindOrInsert(keys, sel, c.numbers)
	c.first = resized(c.first, c.keys.Gids())
	clear(c.first)
	for i := n - 1; i >= 0; i-- {
		number := c.numbers[i]
		c.next[i], c.first[number] = c.first[number], uint32(i)+1
	}
}

// place notes until when rows that come are kept, and puts those into chains whose
// bucket is indexed; ids are the selected rows of a batch.
func (s *side) place(cols []arrow.Array, sel vector.Sel, ids []uint32) {
	if s.horizon == nil {
		s.chains.Add(s.keyColumns(cols), sel, ids)
		return
	}
	places := s.await(cols[s.horizon.column], sel, ids)
	if len(places) == 0 {
		return
	}
	part := gathered(nil, ids, places)
	if sel != nil {
		places = gathered(nil, sel, places)
	}
	s.chains.Add(s.keyColumns(cols), places, part)
}

// ready prepares a side for being sought: buckets that have been sought too often
// are indexed. It reports whether rows are left that are in no chain.
func (s *side) ready(alloc memory.Allocator) (scan bool) {
	if s.horizon == nil {
		return false
	}
	for _, e := range s.horizon.order.entries() {
		b := s.horizon.buckets[e.seq]
		if b.indexed {
			continue
		}
		if b.scans++; b.scans <= maxScans && len(s.keys) > 0 {
			scan = true
			continue
		}
		b.indexed = true
		for next := b.first; next != 0; {
			s.ids, next = s.listed(s.ids[:0], next)
			s.link(alloc, s.ids)
		}
	}
	return scan
}

// scan is each for the rows that are in no chain.
func (j *Join) scan(input int, rec arrow.RecordBatch, sel vector.Sel, n int, f func(p *pairs) error) error {
	s := &j.in[1-input]
	c := s.scanner
	c.load(j.in[input].keyColumns(rec.Columns()), sel, n)
	for _, e := range s.horizon.order.entries() {
		b := s.horizon.buckets[e.seq]
		if b.indexed {
			continue
		}
		for next := b.first; next != 0; {
			s.store.Relieve()
			c.ids, next = s.listed(c.ids[:0], next)
			if err := j.scanRows(input, rec, sel, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanRows is scan for the rows that the scanner lists.
func (j *Join) scanRows(input int, rec arrow.RecordBatch, sel vector.Sel, f func(p *pairs) error) error {
	s := &j.in[1-input]
	c, p := s.scanner, &j.pairs
	keys := make([]arrow.Array, len(s.keys))
	for i, k := range s.keys {
		keys[i] = s.store.TakeColumn(j.alloc, k, c.ids)
	}
	defer release(keys)
	c.found = resized(c.found, len(c.ids))
	c.keys.Find(keys, nil, c.found)
	p.clear()
	for i, number := range c.found {
		if number == rowstore.None {
			continue
		}
		for at := c.first[number]; at != 0; at = c.next[at-1] {
			row := at - 1
			if sel != nil {
				row = sel[at-1]
			}
			p.at, p.row, p.id = append(p.at, at-1), append(p.row, row), append(p.id, c.ids[i])
			if len(p.at) == maxRows {
				if err := j.hold(input, rec, p, f); err != nil {
					return err
				}
				p.clear()
			}
		}
	}
	return j.hold(input, rec, p, f)
}
