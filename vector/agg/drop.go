package agg

import (
	"unsafe"

	"github.com/wadi-engine/wadi/vector"
)

// Drop empties groups with all they hold, although their rows were not
// retracted: they hold no rows afterwards, and no results. Groups of which the
// state tables do not know are removed at once, and their ids are free; the
// others have to be deleted there first, by DirtySet and by the caller, and
// are then removed with Remove. It is for layouts with Options.Drops.
func (t *Table) Drop(groups []uint32) {
	for _, m := range t.sides {
		m.drop(t, groups)
	}
	t.dropBytes(groups)
	s := t.slab()
	var gone []uint32
	for _, g := range groups {
		known := *s.header(g) & knownBit
		if known == 0 {
			gone = append(gone, g)
		}
		*s.header(g) = known
		if t.layout.retract {
			*s.i64(g, headerBytes) = 0
		}
	}
	t.keys.Delete(gone)
}

// Forget empties groups as Drop does, and lets them begin anew: rows may come for
// them again. Those of which the state tables know are changed, and have no rows;
// Revive is called before rows are added to them. It is for layouts with
// Options.Drops.
func (t *Table) Forget(groups []uint32) {
	for _, m := range t.sides {
		m.drop(t, groups)
	}
	t.dropBytes(groups)
	s := t.slab()
	var gone []uint32
	for _, g := range groups {
		h := s.header(g)
		known := *h & knownBit
		clear(unsafe.Slice((*byte)(unsafe.Pointer(h)), t.layout.bytes))
		if known == 0 {
			gone = append(gone, g)
		} else {
			*h = knownBit | dirtyBit | goneBit
		}
	}
	t.keys.Delete(gone)
}

// Gone reports whether group id was forgotten and is still in the state table.
func (t *Table) Gone(id uint32) bool { return *t.slab().header(id)&goneBit != 0 }

// Revive notes that rows come for groups, of which some were forgotten.
func (t *Table) Revive(groups []uint32) {
	s := t.slab()
	for _, g := range groups {
		*s.header(g) &^= goneBit
	}
}

// Transfer adds what group src holds to group dst of the same table, and drops
// src. It empties via, a table of the same layout, for its own use.
func (t *Table) Transfer(via *Table, dst, src uint32) {
	keys := t.Keys([]uint32{dst})
	defer release(keys)
	via.Reset()
	via.MergeGroups(t, []uint32{src}, keys)
	t.Drop([]uint32{src})
	t.MergeGroups(via, via.All(), keys)
	mark(t.slab(), []uint32{dst}, dirtyBit)
}

// bytesHolder is an accumulator with bytes in an arena.
type bytesHolder interface {
	// dropBytes forgets the bytes of groups.
	dropBytes(t *Table, groups []uint32)
}

// dropBytes forgets the bytes behind the accumulators of groups.
func (t *Table) dropBytes(groups []uint32) {
	for _, a := range t.layout.accs {
		if h, ok := a.(bytesHolder); ok {
			h.dropBytes(t, groups)
		}
	}
}

func (a *byteExtreme) dropBytes(t *Table, groups []uint32) { t.dropRefs(a.slot, a.off, groups) }

func (a *first) dropBytes(t *Table, groups []uint32) {
	if a.slot >= 0 {
		t.dropRefs(a.slot, a.off, groups)
	}
}

func (a *distinct) dropBytes(t *Table, groups []uint32) {
	if h, ok := a.acc.(bytesHolder); ok {
		h.dropBytes(t, groups)
	}
}

func (a *extremeSet) dropBytes(t *Table, groups []uint32) {
	if h, ok := a.acc.(bytesHolder); ok {
		h.dropBytes(t, groups)
	}
}

func (t *Table) dropRefs(slot int, off uintptr, groups []uint32) {
	s, ar := t.slab(), t.arenaAt(slot)
	for _, g := range groups {
		ar.drop(s.pair(g, off))
	}
}

// drop removes all values of groups. Those that a state table knows stay until
// DirtySet has told it.
func (m *multiset) drop(t *Table, groups []uint32) {
	s, gs := m.slab(), t.slab()
	var dead vector.Sel
	for _, g := range groups {
		head := gs.i64(g, m.spec.head)
		for at := *head; at != 0; {
			id := uint32(at - 1)
			at = *s.i64(id, setNext)
			*s.i64(id, setNext) = 0
			if m.spec.counted {
				for i := range m.spec.members {
					*s.i64(id, countAt(i)) = 0
				}
			}
			h := s.header(id)
			if *h&knownBit == 0 {
				*h = 0
				dead = append(dead, id)
				continue
			}
			*h = *h&^(chainBit|memberBits) | dirtyBit
			m.zeros++
		}
		*head = 0
	}
	m.table.Delete(dead)
}
