package sweep

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// stash keeps rows until they are wanted in the order of their keys' places. Rows
// come into memory as they are; when those are many they are sorted and written
// behind the ones before, in a store that may leave memory. Each such piece is
// read back part by part, a part being a range of places:
//
//	part           0    1    2  …
//	piece 1       ├──▶─┼──▶─┼──▶─┤        part 0: the rows before ┊ of both pieces,
//	piece 2       ├──▶─┼──▶─┼──▶─┤                sorted once more
//	                   ┊
//
// So the rows that are kept back may be many times what fits memory, and still
// each part of the state is visited once.
type stash struct {
	cols  []int // the key
	alloc memory.Allocator
	order *hashtable.Order

	parts []arrow.RecordBatch // as they came
	kinds []stream.RowKind
	bytes int64

	store  *rowstore.Store // rows of all pieces; extra: the kind
	schema *arrow.Schema
	pieces []piece
	mixed  bool // not all kinds are +I

	sel  vector.Sel
	ids  []uint32
	from []uint32
}

// piece is where the rows of each part begin in the store, and where the last
// ends.
type piece [parts + 1]uint32

// parts is how many parts there are.
const parts = 256

// newStash returns an empty stash of rows of a schema; it is an error when there
// are no keys to sort by, or rows that cannot be stored.
func newStash(schema *arrow.Schema, cols []int) (*stash, error) {
	if !rowstore.CanHold(schema) {
		return nil, fmt.Errorf("keep rows back: %v", schema)
	}
	types := make([]arrow.DataType, len(cols))
	for i, c := range cols {
		types[i] = schema.Field(c).Type
	}
	order, err := hashtable.NewOrder(types)
	if err != nil {
		return nil, fmt.Errorf("keep rows back: %w", err)
	}
	return &stash{cols: cols, order: order, schema: schema}, nil
}

// open makes the store when it is needed for the first time.
func (s *stash) open() error {
	if s.store != nil {
		return nil
	}
	types := make([]arrow.DataType, s.schema.NumFields())
	for i, f := range s.schema.Fields() {
		types[i] = f.Type
	}
	var err error
	if s.store, err = rowstore.New(rowstore.Options{}, types, 1); err != nil {
		return fmt.Errorf("keep rows back: %w", err)
	}
	return nil
}

// keep adds the rows of a batch, and returns how many bytes they have.
func (s *stash) keep(rec arrow.RecordBatch, kinds []stream.RowKind) int64 {
	rec.Retain()
	s.parts = append(s.parts, rec)
	for i := range int(rec.NumRows()) {
		k := stream.Insert
		if kinds != nil {
			k = kinds[i]
		}
		s.mixed = s.mixed || k != stream.Insert
		s.kinds = append(s.kinds, k)
	}
	n := vector.RecordBytes(rec)
	s.bytes += n
	return n
}

// settle writes what is in memory to the store, as a piece.
func (s *stash) settle(pool *mem.Pool) error {
	if len(s.parts) == 0 {
		return nil
	}
	if err := s.open(); err != nil {
		return err
	}
	all := vector.ConcatRecords(s.alloc, s.parts)
	defer all.Release()
	s.drop()
	s.sel = s.order.Sort(s.sel, s.keys(all))
	var p piece
	first := uint32(s.store.IDs())
	s.order.Ends(p[1:])
	for i := range p {
		p[i] += first
	}
	if s.ids == nil {
		s.ids = make([]uint32, maxRows)
	}
	for from := 0; from < len(s.sel); from += maxRows {
		rows := s.sel[from:min(from+maxRows, len(s.sel))]
		rec := vector.TakeRecord(s.alloc, all, rows)
		ids := s.ids[:len(rows)]
		s.store.Append(rec.Columns(), nil, ids)
		rec.Release()
		if s.mixed {
			for i, id := range ids {
				*(*stream.RowKind)(s.store.Extra(id)) = s.kinds[rows[i]]
			}
		}
		pool.Relieve()
	}
	s.kinds = s.kinds[:0]
	s.pieces = append(s.pieces, p)
	return nil
}

// together is how many rows of a part are in memory at a time; only keys with
// very many rows make parts larger.
const together = 128 << 10

// part gives the rows of a part, at most slice at a time, in the order of their
// places.
func (s *stash) part(n, slice int, f func(b *stream.Batch) error) error {
	s.from = s.from[:0]
	for i := range s.pieces {
		for id := s.pieces[i][n]; id < s.pieces[i][n+1]; id++ {
			if s.from = append(s.from, id); len(s.from) < together {
				continue
			}
			if err := s.give(slice, f); err != nil {
				return err
			}
			s.from = s.from[:0]
		}
	}
	return s.give(slice, f)
}

// give gives the rows in s.from.
func (s *stash) give(slice int, f func(b *stream.Batch) error) error {
	if len(s.from) == 0 {
		return nil
	}
	cols := s.store.Take(s.alloc, s.from)
	all := array.NewRecordBatch(s.schema, cols, int64(len(s.from)))
	for _, c := range cols {
		c.Release()
	}
	defer all.Release()
	s.sel = s.order.Sort(s.sel, s.keys(all))
	for left := s.sel; len(left) > 0; {
		rows := left[:min(slice, len(left))]
		left = left[len(rows):]
		b := stream.NewBatch(vector.TakeRecord(s.alloc, all, rows))
		if s.mixed {
			b.Kinds = make([]stream.RowKind, len(rows))
			for i, r := range rows {
				b.Kinds[i] = *(*stream.RowKind)(s.store.Extra(s.from[r]))
			}
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// held is how many bytes of rows are in pieces.
func (s *stash) held() int64 {
	if s.store == nil {
		return 0
	}
	return int64(s.store.IDs()) * int64(s.store.Stride())
}

// rows is how many rows are in pieces.
func (s *stash) rows() int {
	if s.store == nil {
		return 0
	}
	return s.store.IDs()
}

// reset forgets the rows of all pieces.
func (s *stash) reset() {
	if s.store != nil {
		s.store.Reset()
	}
	s.pieces, s.mixed = s.pieces[:0], false
}

// drop forgets the rows that came last.
func (s *stash) drop() {
	for _, p := range s.parts {
		p.Release()
	}
	s.parts, s.bytes = s.parts[:0], 0
}

func (s *stash) close() {
	s.drop()
	if s.store != nil {
		s.store.Release()
	}
}

func (s *stash) keys(rec arrow.RecordBatch) []arrow.Array {
	keys := make([]arrow.Array, len(s.cols))
	for i, c := range s.cols {
		keys[i] = rec.Column(c)
	}
	return keys
}
