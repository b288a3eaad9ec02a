package rowstore

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Append adds the selected rows of cols, which have the store's types, and
// writes their ids to ids, which has one element per selected row.
func (s *Store) Append(cols []arrow.Array, sel vector.Sel, ids []uint32) {
	s.open(cols, sel, len(ids))
	for from := 0; from < len(ids); from += s.scratch.chunk {
		s.pool.Relieve()
		m := min(s.scratch.chunk, len(ids)-from)
		rows, part := s.pack(from, m), ids[from:from+m]
		s.take(part)
		if s.index != nil {
			s.index.hashAll(s, rows, m)
		}
		s.put(part, rows)
		if s.index != nil {
			s.index.add(part)
		}
	}
	s.close()
	runtime.KeepAlive(cols)
}

// take gives out ids and makes room for their rows.
func (s *Store) take(ids []uint32) {
	for i := range ids {
		if k := len(s.free); k > 0 {
			ids[i] = s.free[k-1]
			s.free = s.free[:k-1]
			s.freed.unset(ids[i])
			continue
		}
		if s.n == int(None) {
			panic("rowstore: too many rows for one store")
		}
		ids[i] = uint32(s.n)
		s.n++
	}
	if s.n > s.room {
		more := max(s.n-s.room, min(s.n, 1<<16), 64)
		s.rows.Grow(more * s.stride)
		s.room += more
	}
}

// put writes packed rows, and zeros behind each.
func (s *Store) put(ids []uint32, packed []uint64) {
	var text []byte // where the long strings of all of them go
	off := 0
	if len(s.strings) > 0 {
		n := 0
		for row := packed; len(row) > 0; row = row[s.words:] {
			for _, at := range s.strings {
				if k := int(uint32(row[at])); k > vector.Inline {
					n += k
				}
			}
		}
		off = s.arena.Grow(n)
		text = s.arena.Bytes()[off:]
	}
	for _, id := range ids {
		row := unsafe.Slice((*uint64)(s.row(id)), s.stride/8)
		copy(row, packed[:s.words])
		clear(row[s.words:])
		packed = packed[s.words:]
		for _, at := range s.strings {
			n := int(uint32(row[at]))
			if n <= vector.Inline {
				continue
			}
			copy(text[:n], unsafe.Slice((*byte)(address(nil, row[at+1])), n))
			row[at+1] = uint64(off)
			text, off = text[n:], off+n
		}
	}
}

// Free removes rows. Their ids may be given to rows that are added later; dirty
// marks of theirs are cleared. The caller has taken them out of its chains.
func (s *Store) Free(ids []uint32) {
	for _, id := range ids {
		if int(id) >= s.n || s.freed.has(id) {
			panic(fmt.Sprintf("rowstore: free of row %d, which is not there", id))
		}
		if s.index != nil {
			s.index.remove(id)
		}
		for _, at := range s.strings {
			if n := uint32(*s.wordOf(id, at)); n > vector.Inline {
				s.garbage += int(n)
			}
		}
		s.free = append(s.free, id)
		s.freed.set(id)
		s.dirty.unset(id)
	}
	if s.arena != nil && s.garbage > 1<<20 && 2*s.garbage > s.arena.Len() {
		s.compact()
	}
}

func (s *Store) wordOf(id uint32, at int) *uint64 {
	return (*uint64)(unsafe.Add(s.row(id), 8*at))
}

// compact copies the strings of the rows that are left to a new arena.
func (s *Store) compact() {
	old := s.arena
	s.arena = s.pool.Reserve(max(mem.DefaultReservation, 2*(old.Len()-s.garbage)))
	for id := range uint32(s.n) {
		if id%1024 == 0 {
			s.pool.Relieve()
		}
		if s.freed.has(id) {
			continue
		}
		for _, at := range s.strings {
			n := int(uint32(*s.wordOf(id, at)))
			if n <= vector.Inline {
				continue
			}
			off := s.arena.Grow(n)
			w := s.wordOf(id, at+1)
			copy(s.arena.Bytes()[off:], old.Bytes()[*w:int(*w)+n])
			*w = uint64(off)
		}
	}
	s.garbage = 0
	old.Free()
}

// Equal says for each selected row of cols whether the row ids[i] of the store
// has the same content, NULLs being equal to each other; ids may hold None.
func (s *Store) Equal(cols []arrow.Array, sel vector.Sel, ids []uint32, equal []bool) {
	s.open(cols, sel, len(ids))
	for from := 0; from < len(ids); from += s.scratch.chunk {
		m := min(s.scratch.chunk, len(ids)-from)
		rows := s.pack(from, m)
		for i, id := range ids[from : from+m] {
			equal[from+i] = id != None && s.equal(rows[i*s.words:(i+1)*s.words], id)
		}
	}
	s.close()
	runtime.KeepAlive(cols)
}
