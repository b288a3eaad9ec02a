package rowstore

import (
	"math/bits"

	"github.com/wadi-engine/wadi/vector"
)

// bitmap is a set of ids.
type bitmap []uint64

func (b bitmap) has(id uint32) bool { return int(id/64) < len(b) && b[id/64]>>(id%64)&1 == 1 }

func (b *bitmap) set(id uint32) {
	for int(id/64) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[id/64] |= 1 << (id % 64)
}

func (b bitmap) unset(id uint32) {
	if int(id/64) < len(b) {
		b[id/64] &^= 1 << (id % 64)
	}
}

// Mark remembers that rows have changed.
func (s *Store) Mark(ids []uint32) {
	for _, id := range ids {
		s.dirty.set(id)
	}
}

// Dirty appends the ids of marked rows, ascending, to dst. Freed rows have no
// marks.
func (s *Store) Dirty(dst vector.Sel) vector.Sel {
	return s.DirtyIn(dst, 0, s.n)
}

// DirtyIn is Dirty for the ids from one up to, and without, another, both
// multiples of 64 unless they are IDs().
func (s *Store) DirtyIn(dst vector.Sel, from, to int) vector.Sel {
	for i := from / 64; i < min((to+63)/64, len(s.dirty)); i++ {
		for w := s.dirty[i]; w != 0; w &= w - 1 {
			dst = append(dst, uint32(64*i+bits.TrailingZeros64(w)))
		}
	}
	return dst
}

// ClearDirty forgets all marks.
func (s *Store) ClearDirty() { clear(s.dirty) }
