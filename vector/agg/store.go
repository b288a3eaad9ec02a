package agg

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// A table is stored in a state table of its groups, with the columns KeyFields
// and Fields, and one of each multiset: its groups' keys, the values, and a
// count. What has changed since the last ClearDirty is written; what is written
// is known, and has to be deleted when it goes.

// Dirty appends the ids of groups that changed.
func (t *Table) Dirty(dst []uint32) []uint32 {
	return t.DirtyIn(dst, 0, t.span())
}

// DirtyIn is Dirty for the ids from one up to, and without, another.
func (t *Table) DirtyIn(dst []uint32, from, to int) []uint32 {
	t.keys.Relieve()
	s := t.slab()
	for id := uint32(from); id < uint32(min(to, t.span())); id++ {
		if *s.header(id)&dirtyBit != 0 {
			dst = append(dst, id)
		}
	}
	return dst
}

// Known reports whether group id is in the state table.
func (t *Table) Known(id uint32) bool { return *t.slab().header(id)&knownBit != 0 }

// Written notes that the state table holds groups as they are.
func (t *Table) Written(groups []uint32) {
	s := t.slab()
	for _, g := range groups {
		*s.header(g) = *s.header(g)&^dirtyBit | knownBit
	}
}

// Forgotten notes that the state table holds groups no more.
func (t *Table) Forgotten(groups []uint32) {
	s := t.slab()
	for _, g := range groups {
		*s.header(g) &^= dirtyBit | knownBit
	}
}

// Export gives the columns Fields of groups.
func (t *Table) Export(groups []uint32) []arrow.Array {
	var out []arrow.Array
	if t.layout.retract {
		out = append(out, words(t, groups, headerBytes).array(arrow.PrimitiveTypes.Int64))
	}
	for _, a := range t.layout.accs {
		out = append(out, a.export(t, groups)...)
	}
	return out
}

// Load adds groups by what Export and Keys gave. They are known and clean. It
// returns their ids.
func (t *Table) Load(keys, cols []arrow.Array, rows int) []uint32 {
	ids := make([]uint32, rows)
	t.GroupsOf(keys, nil, ids)
	if t.layout.retract {
		t.setWords(ids, headerBytes, cols[0])
		cols = cols[1:]
	}
	for _, a := range t.layout.accs {
		n := len(a.columns())
		a.load(t, ids, cols[:n])
		cols = cols[n:]
	}
	t.Written(ids)
	return ids
}

// Expect makes room for so many groups in all, which have no more than so many bytes.
// Some were loaded: what those hold tells what the others will.
func (t *Table) Expect(groups int, bytes int64) {
	n := t.Len()
	if n == 0 || groups <= n {
		return
	}
	t.keys.Reserve(groups)
	for _, a := range t.arenas {
		more := float64(len(a.data)) * float64(groups-n) / float64(n) * 1.01
		a.data = slices.Grow(a.data, int(min(more, float64(bytes))))
	}
}

// Remove removes groups that hold no rows and are not known, and the values
// that are gone from the multisets.
func (t *Table) Remove(groups []uint32) {
	for _, m := range t.sides {
		if s, ok := m.(*multiset); ok && s.zeros > 0 {
			s.sweep(t)
		}
		if t.layout.retract { // what was never added was taken away, and something is left
			m.drop(t, groups)
		}
	}
	t.dropBytes(groups)
	t.Discard(groups)
}

// Discard removes groups that are empty, after Drop or by themselves, and not
// known.
func (t *Table) Discard(groups []uint32) {
	s := t.slab()
	for _, g := range groups {
		*s.header(g) = 0
	}
	t.keys.Delete(groups)
}
