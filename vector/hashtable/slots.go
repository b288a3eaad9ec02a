package hashtable

import (
	"fmt"
	"unsafe"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// grow moves the rows to at least 1<<slotBits slots, twice as many as before
// or more. The old slots are in the order of their hashes, so the new ones are
// written from front to back.
func (t *Table) grow(slotBits int) {
	slotBits = max(slotBits, t.slotBits+1)
	slots, paged := t.newSlots(slotBits)
	const step = 1 << 14 // slots between two looks at what is mapped
	for from := 0; from < len(t.slots); from += step {
		move(slots, t.slots[from:min(from+step, len(t.slots))], slotBits)
		t.pool.Relieve()
	}
	t.giveBack(t.slots, t.paged)
	t.slots, t.paged, t.slotBits = slots, paged, slotBits
}

// Reserve makes slots for so many rows in all.
func (t *Table) Reserve(rows int) {
	if bits := slotBitsFor(rows); bits > t.slotBits {
		t.grow(bits)
	}
}

// move copies what is in the slots of src to dst, which has 1<<slotBits.
func move(dst, src []uint64, slotBits int) {
	mask := uint64(len(dst) - 1)
	for _, s := range src {
		if s == 0 {
			continue
		}
		p := s >> (64 - slotBits)
		for dst[p] != 0 {
			p = (p + 1) & mask
		}
		dst[p] = s
	}
}

// Delete removes rows. Their gids may be given to keys that are inserted later;
// dirty marks of theirs are cleared.
func (t *Table) Delete(gids []uint32) {
	for _, g := range gids {
		if int(g) >= t.n || hasBit(t.freed, g) {
			panic(fmt.Sprintf("hashtable: delete of row %d, which is not there", g))
		}
		if g == t.nullRow {
			t.nullRow = None
		} else {
			t.vacate(g)
		}
		t.free = append(t.free, g)
		t.freed = setBit(t.freed, g)
		if int(g/64) < len(t.dirty) {
			t.dirty[g/64] &^= 1 << (g % 64)
		}
	}
	if t.arena != nil && t.garbage > 1<<20 && 2*t.garbage > t.arena.Len() {
		t.compact()
	}
}

// vacate takes g's slot out and moves the slots behind it, up to the next empty
// one, forward where their home allows.
func (t *Table) vacate(g uint32) {
	mask := uint64(len(t.slots) - 1)
	shift := uint(64 - t.slotBits)
	p := t.hashRow(g) >> shift
	for uint32(t.slots[p]) != g+1 {
		if t.slots[p] == 0 {
			panic(fmt.Sprintf("hashtable: row %d has no slot", g))
		}
		p = (p + 1) & mask
	}
	for q := p; ; {
		q = (q + 1) & mask
		s := t.slots[q]
		if s == 0 {
			break
		}
		// s may move to p unless its home lies cyclically in (p, q].
		if home := s >> shift; (q-home)&mask >= (q-p)&mask {
			t.slots[p] = s
			p = q
		}
	}
	t.slots[p] = 0
	for _, at := range t.strings {
		if n := uint32(*t.wordOf(g, at)); n > vector.Inline {
			t.garbage += int(n)
		}
	}
}

func (t *Table) wordOf(g uint32, at int) *uint64 {
	return (*uint64)(unsafe.Add(t.Row(g), 8*at))
}

func (t *Table) hashRow(g uint32) uint64 {
	if t.word {
		return vector.HashWord(*(*uint64)(t.Row(g)))
	}
	return t.hashKey(unsafe.Slice((*uint64)(t.Row(g)), t.keyWords))
}

// compact copies the strings of the rows that are left to a new arena.
func (t *Table) compact() {
	old := t.arena
	t.arena = t.pool.Reserve(max(mem.DefaultReservation, 2*(old.Len()-t.garbage)))
	for g := range uint32(t.n) {
		if g%chunk == 0 {
			t.pool.Relieve()
		}
		if hasBit(t.freed, g) {
			continue
		}
		for _, at := range t.strings {
			n := int(uint32(*t.wordOf(g, at)))
			if n <= vector.Inline {
				continue
			}
			off := t.arena.Grow(n)
			w := t.wordOf(g, at+1)
			copy(t.arena.Bytes()[off:], old.Bytes()[*w:int(*w)+n])
			*w = uint64(off)
		}
	}
	t.garbage = 0
	old.Free()
}
