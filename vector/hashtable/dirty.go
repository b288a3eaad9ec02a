package hashtable

import (
	"math/bits"

	"github.com/wadi-engine/wadi/vector"
)

// Mark remembers that rows have changed.
func (t *Table) Mark(gids []uint32) {
	t.sizeDirty()
	d := t.dirty
	for _, g := range gids {
		d[g/64] |= 1 << (g % 64)
	}
}

// Dirty appends the gids of marked rows, ascending, to dst.
func (t *Table) Dirty(dst vector.Sel) vector.Sel {
	for i, w := range t.dirty {
		for ; w != 0; w &= w - 1 {
			dst = append(dst, uint32(64*i+bits.TrailingZeros64(w)))
		}
	}
	return dst
}

// ClearDirty forgets all marks.
func (t *Table) ClearDirty() { clear(t.dirty) }

// sizeDirty covers every gid.
func (t *Table) sizeDirty() {
	n := (t.n + 63) / 64
	if n > cap(t.dirty) {
		t.dirty = append(make([]uint64, 0, max(2*n, 64)), t.dirty...)
	}
	if n > len(t.dirty) {
		t.dirty = t.dirty[:n]
	}
}
