package rowstore

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// Picks lists rows of a batch and rows of a store, in any order:
//
//	Stored(7) Row(0) Row(2)   →   row 7 of the store, rows 0 and 2 of the batch
//
// The zero value is empty.
type Picks struct {
	order  vector.Sel // rows of the batch, or, marked, places in stored
	stored []uint32
}

// stored marks a row of the store.
const stored = 1 << 31

// Reset empties the list.
func (p *Picks) Reset() { p.order, p.stored = p.order[:0], p.stored[:0] }

// Row adds a row of the batch.
func (p *Picks) Row(row uint32) { p.order = append(p.order, row) }

// Stored adds a row of the store, by its id.
func (p *Picks) Stored(id uint32) {
	p.order = append(p.order, uint32(len(p.stored))|stored)
	p.stored = append(p.stored, id)
}

// Take gives the rows, with the schema of the batch; a batch of which every row is
// listed, in its order, is given as it is. It empties the list. s may be nil when no
// row of it is listed.
func (p *Picks) Take(alloc memory.Allocator, s *Store, batch arrow.RecordBatch) arrow.RecordBatch {
	defer p.Reset()
	if len(p.stored) == 0 {
		if p.whole(int(batch.NumRows())) {
			batch.Retain()
			return batch
		}
		return vector.TakeRecord(alloc, batch, p.order)
	}
	shift := uint32(len(p.stored))
	for i, o := range p.order {
		if o&stored != 0 {
			p.order[i] = o &^ stored
		} else {
			p.order[i] = o + shift
		}
	}
	cols := s.Take(alloc, p.stored)
	for i, c := range batch.Columns() {
		both := vector.Concat(alloc, []arrow.Array{cols[i], c})
		cols[i].Release()
		cols[i] = vector.Take(alloc, both, p.order)
		both.Release()
		defer cols[i].Release()
	}
	return array.NewRecordBatch(batch.Schema(), cols, int64(len(p.order)))
}

// whole reports whether the list is all n rows of the batch.
func (p *Picks) whole(n int) bool {
	if len(p.order) != n {
		return false
	}
	for i, row := range p.order {
		if row != uint32(i) {
			return false
		}
	}
	return true
}
