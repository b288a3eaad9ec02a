package rowstore

import (
	"runtime"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// index finds rows by their content: chains of rows by the hash of all columns.
// Equal rows are in one chain in the order in which they came; others are there
// only when hashes collide.
type index struct {
	chains *Chains

	hashes  []uint64
	numbers []uint32
}

func newIndex(s *Store, at int) (*index, error) {
	chains, err := NewChains(s.pool, s, at, []arrow.DataType{arrow.PrimitiveTypes.Uint64}, 0)
	return &index{chains: chains}, err
}

// hashAll hashes m packed rows.
func (x *index) hashAll(s *Store, rows []uint64, m int) {
	x.hashes = x.hashes[:0]
	for i := range m {
		x.hashes = append(x.hashes, s.hash(rows[i*s.words:(i+1)*s.words]))
	}
	if cap(x.numbers) < m {
		x.numbers = make([]uint32, m)
	}
	x.numbers = x.numbers[:m]
}

func (x *index) column() arrow.Array {
	buf := memory.NewBufferBytes(arrow.Uint64Traits.CastToBytes(x.hashes))
	return vector.MakeArray(arrow.PrimitiveTypes.Uint64, len(x.hashes), 0, nil, buf)
}

// add adds the rows whose hashes were computed last.
func (x *index) add(ids []uint32) {
	col := x.column()
	defer col.Release()
	x.chains.FindOrInsert([]arrow.Array{col}, nil, x.numbers)
	x.chains.Append(x.numbers, ids)
}

// remove takes a row out unless it was claimed.
func (x *index) remove(id uint32) {
	if x.chains.KeyOf(id) == None {
		return
	}
	if number, empty := x.chains.unlink(id); empty {
		x.chains.keys.Delete([]uint32{number})
	}
}

// Unindex takes a row out of the index, if there is one: it is not found by its
// content any more.
func (s *Store) Unindex(id uint32) {
	if s.index != nil {
		s.index.remove(id)
	}
}

// Find writes for each selected row of cols the id of the oldest row of the
// store with the same content, or None. The store has an index.
func (s *Store) Find(cols []arrow.Array, sel vector.Sel, ids []uint32) {
	s.search(cols, sel, ids, false)
}

// Claim is Find for rows that are taken back: a row that is found is not found
// again, so that equal rows of the batch find different ones. The caller frees it.
func (s *Store) Claim(cols []arrow.Array, sel vector.Sel, ids []uint32) {
	s.search(cols, sel, ids, true)
}

func (s *Store) search(cols []arrow.Array, sel vector.Sel, ids []uint32, claim bool) {
	if s.index == nil {
		panic("rowstore: a row is sought by content in a store without an index")
	}
	s.open(cols, sel, len(ids))
	for from := 0; from < len(ids); from += s.scratch.chunk {
		m := min(s.scratch.chunk, len(ids)-from)
		s.index.find(s, s.pack(from, m), ids[from:from+m], claim)
	}
	s.close()
	runtime.KeepAlive(cols)
}

// find seeks packed rows. Keys that lose their last row are dropped at the end,
// so that their numbers hold meanwhile.
func (x *index) find(s *Store, rows []uint64, ids []uint32, claim bool) {
	x.hashAll(s, rows, len(ids))
	col := x.column()
	defer col.Release()
	x.chains.Find([]arrow.Array{col}, nil, x.numbers)
	gone := x.chains.gone[:0]
	for i, number := range x.numbers {
		ids[i] = None
		if number == None {
			continue
		}
		row := rows[i*s.words : (i+1)*s.words]
		id := x.chains.Head(number)
		for id != None && !s.equal(row, id) {
			id = x.chains.Next(id)
		}
		ids[i] = id
		if claim && id != None {
			if _, empty := x.chains.unlink(id); empty {
				gone = append(gone, number)
			}
		}
	}
	x.chains.keys.Delete(gone)
	x.chains.gone = gone
}
