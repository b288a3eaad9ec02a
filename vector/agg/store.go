package agg

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// A table is stored in a state table of its groups, with the columns KeyFields
// and Fields, and one of each multiset: its groups' keys, the values, and a
// count. What has changed since the last ClearDirty is written; what is written
// is known, and has to be deleted when it goes.

// Dirty appends the ids of groups that changed.
func (t *Table) Dirty(dst []uint32) []uint32 {
	s := t.slab()
	for id := range uint32(t.span()) {
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

// Remove removes groups that hold no rows and are not known, and the values
// that are gone from the multisets.
func (t *Table) Remove(groups []uint32) {
	for _, m := range t.sets {
		m.sweep(t)
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

// Set describes a multiset of a layout, for its state table.
type Set struct {
	Name string
	// Fields are the columns behind the groups' keys: the values, which belong
	// to the key, and a count.
	Fields []arrow.Field
}

// Sets are the multisets of the layout.
func (l *Layout) Sets() []Set {
	var out []Set
	for _, s := range l.sets {
		set := Set{Name: "values of " + s.name}
		for _, a := range s.args {
			f := l.in.Field(a)
			f.Name = "value." + f.Name
			set.Fields = append(set.Fields, f)
		}
		set.Fields = append(set.Fields, arrow.Field{Name: "$count", Type: arrow.PrimitiveTypes.Int64})
		out = append(out, set)
	}
	return out
}

// DirtySet gives the changed values of multiset i: those that are there, and
// those that are gone but known, as the keys of their groups and the columns
// of Set.Fields (without the count, for those that are gone). It calls them
// clean.
func (t *Table) DirtySet(i int, write func(keys, cols []arrow.Array, gone bool) error) error {
	m := t.sets[i]
	s := m.slab()
	var there, gone []uint32
	for id := range uint32(m.table.Gids()) {
		h := s.header(id)
		if *h&dirtyBit == 0 {
			continue
		}
		switch {
		case *s.i64(id, setCount) > 0:
			there = append(there, id)
			*h |= knownBit
		case *h&knownBit != 0:
			gone = append(gone, id)
			*h &^= knownBit
		}
		*h &^= dirtyBit
	}
	if err := t.writeSet(m, there, false, write); err != nil {
		return err
	}
	if err := t.writeSet(m, gone, true, write); err != nil {
		return err
	}
	m.sweep(t)
	return nil
}

func (t *Table) writeSet(m *multiset, ids []uint32, gone bool, write func(keys, cols []arrow.Array, gone bool) error) error {
	if len(ids) == 0 {
		return nil
	}
	groups, cols := m.values(t.layout.alloc, ids)
	if !gone {
		c := newColumn[int64](t.layout.alloc, len(ids))
		s := m.slab()
		for i, id := range ids {
			c.values[i] = *s.i64(id, setCount)
		}
		cols = append(cols, c.array(arrow.PrimitiveTypes.Int64))
	}
	keys := t.Keys(groups)
	defer release(cols)
	defer release(keys)
	return write(keys, cols, gone)
}

// LoadSet restores values of multiset i: the keys of their groups, which must
// be loaded before, and the columns of Set.Fields.
func (t *Table) LoadSet(i int, keys, cols []arrow.Array, rows int) {
	m := t.sets[i]
	groups := make([]uint32, rows)
	t.GroupsOf(keys, nil, groups)
	ids := m.find(t, input{rec: valueColumns{m.spec.args, cols}, gids: groups})
	s := m.slab()
	counts := vector.Values[int64](cols[len(cols)-1])
	for j, id := range ids {
		*s.i64(id, setCount) = counts[j]
		m.turn(t, s, groups[j], id, counts[j] > 0)
		*s.header(id) = *s.header(id)&^dirtyBit | knownBit
	}
}
