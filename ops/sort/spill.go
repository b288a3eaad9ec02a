package sort

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// spilled is the rows of a Sort that do not fit memory, in a store that may leave
// it: sorted pieces, one behind the other, which are merged in the end.
//
//	store   │ 1 4 9 │ 2 3 8 │ 0 5 7 │        ids in order   6 0 3 4 1 7 8 5 2
//	ids       0 1 2   3 4 5   6 7 8          of each piece only the next rows' keys are read
type spilled struct {
	store  *rowstore.Store
	pieces []int // where each ends
	ids    []uint32
}

// room is how many bytes of rows are held in memory: what the budget says, or, in a
// process with a limit, the share of rows that are worked on together.
func (s *Sort) room() int64 {
	if s.spills() {
		return min(s.budget, mem.Default().Sweep())
	}
	return s.budget
}

// spills reports whether rows may leave memory.
func (s *Sort) spills() bool { return mem.Default().Paged() && rowstore.CanHold(s.held) }

// spill sorts what is in memory, and writes it to the table of state and to the
// store, as a piece.
func (s *Sort) spill() error {
	if s.cold.store == nil {
		types := make([]arrow.DataType, s.held.NumFields())
		for i, f := range s.held.Fields() {
			types[i] = f.Type
		}
		var err error
		if s.cold.store, err = rowstore.New(rowstore.Options{}, types, 0); err != nil {
			return fmt.Errorf("%w: ORDER BY: %w", job.ErrInvalid, err)
		}
	}
	cols, orders := s.orders()
	s.order(cols, orders, s.rows)
	defer s.drop()
	for _, p := range s.parts {
		if err := s.save(p); err != nil {
			return err
		}
		for from := int64(0); from < p.NumRows(); from += maxRows {
			part := p.NewSlice(from, min(from+maxRows, p.NumRows()))
			s.cold.ids = slices.Grow(s.cold.ids[:0], maxRows)[:part.NumRows()]
			s.cold.store.Append(part.Columns(), nil, s.cold.ids)
			part.Release()
			s.cold.store.Relieve()
		}
	}
	s.saved = s.next
	s.cold.pieces = append(s.cold.pieces, s.cold.store.IDs())
	return nil
}

// merge emits the rows of all pieces in order.
func (s *Sort) merge(ctx context.Context, out ops.Output) error {
	h, err := s.openPieces()
	if err != nil {
		return err
	}
	end := int64(s.cold.store.IDs())
	if s.limit >= 0 {
		end = min(end, s.offset+s.limit)
	}
	ids := s.cold.ids[:0]
	for n := range end {
		c := h.cursors[0]
		if n >= s.offset {
			ids = append(ids, c.id)
		}
		if c.id++; c.id < c.end {
			c.advance(s)
			heap.Fix(h, 0)
		} else {
			heap.Pop(h)
		}
		if len(ids) == maxRows || n+1 == end && len(ids) > 0 {
			if err := s.emit(ctx, ids, out); err != nil {
				return err
			}
			ids = ids[:0]
		}
	}
	s.cold.ids = ids
	return nil
}

// emit sends rows of the store.
func (s *Sort) emit(ctx context.Context, ids []uint32, out ops.Output) error {
	cols := make([]arrow.Array, s.out.NumFields())
	for i := range cols {
		cols[i] = s.cold.store.TakeColumn(s.alloc, i, ids)
	}
	rec := array.NewRecordBatch(s.out, cols, int64(len(ids)))
	for _, c := range cols {
		c.Release()
	}
	return out.Emit(ctx, ops.Main, stream.NewBatch(rec))
}

// pieces is a heap of cursors: the one with the least row first.
type pieces struct {
	keys    *vector.OrderKeys
	columns []int // of the keys; the number of the row decides in the end
	cursors []*cursor
}

// cursor reads the keys of a piece, some rows at a time.
type cursor struct {
	of      *pieces
	id, end uint32
	from    uint32 // the row of which the first of words is the key
	words   []uint64
	tails   []string
	left    int // rows in words, from the row id on
}

// cursorRows is how many keys of a piece are in memory.
const cursorRows = 2048

func (s *Sort) openPieces() (*pieces, error) {
	cols, orders := s.orders()
	cols, orders = append(cols, s.held.NumFields()-1), append(orders, vector.Order{})
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = s.held.Field(c)
		fields[i].Nullable = true // an input may hold NULLs that the plan did not expect
	}
	h := &pieces{keys: vector.NewOrderKeys(fields, orders), columns: cols}
	from := 0
	for _, end := range s.cold.pieces {
		if from < end {
			c := &cursor{of: h, id: uint32(from), end: uint32(end)}
			c.advance(s)
			h.cursors = append(h.cursors, c)
		}
		from = end
	}
	heap.Init(h)
	return h, nil
}

// advance reads more keys when those in memory are behind the row id.
func (c *cursor) advance(s *Sort) {
	if c.left--; c.left > 0 {
		return
	}
	n := min(int(c.end-c.id), cursorRows)
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = c.id + uint32(i)
	}
	cols := make([]arrow.Array, len(c.of.columns))
	for i, k := range c.of.columns {
		cols[i] = s.cold.store.TakeColumn(s.alloc, k, ids)
		defer cols[i].Release()
	}
	c.tails = c.of.keys.Tails(cols, n)
	c.words = c.of.keys.Words(c.words, cols, n, c.tails)
	c.from, c.left = c.id, n
}

// less orders cursors by their rows.
func (c *cursor) less(o *cursor) bool {
	w := c.of.keys.Width()
	i, j := int(c.id-c.from), int(o.id-o.from)
	if d := slices.Compare(c.words[i*w:(i+1)*w], o.words[j*w:(j+1)*w]); d != 0 {
		return d < 0
	}
	return !c.of.keys.Fixed() && cmp.Less(c.tails[i], o.tails[j])
}

// Len implements heap.Interface.
func (h *pieces) Len() int { return len(h.cursors) }

// Less implements heap.Interface.
func (h *pieces) Less(i, j int) bool { return h.cursors[i].less(h.cursors[j]) }

// Swap implements heap.Interface.
func (h *pieces) Swap(i, j int) { h.cursors[i], h.cursors[j] = h.cursors[j], h.cursors[i] }

// Push implements heap.Interface.
func (h *pieces) Push(x any) { h.cursors = append(h.cursors, x.(*cursor)) }

// Pop implements heap.Interface.
func (h *pieces) Pop() any {
	last := h.cursors[len(h.cursors)-1]
	h.cursors = h.cursors[:len(h.cursors)-1]
	return last
}
