package agg

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// sideSpec is what an accumulator keeps beside the rows of the groups: the
// values that they have seen.
type sideSpec interface {
	open(l *Layout) (side, error)
	// describe says how it is stored.
	describe(l *Layout) Set
}

// side is a sideSpec of one table.
type side interface {
	// drop forgets all that groups hold. What a state table knows stays until
	// dirty has told it.
	drop(t *Table, groups []uint32)
	// dirty gives what has changed; see DirtySet.
	dirty(t *Table, write func(keys, cols []arrow.Array, gone bool) error) error
	// load restores values of groups; see LoadSet.
	load(t *Table, groups []uint32, cols []arrow.Array)
	// littered reports that sweep is worth its while; sweep removes what is
	// gone.
	littered() bool
	sweep(t *Table)
	bytes() int
	reset()
	release()
}

// Set describes the state table of a side: multisets of DISTINCT, and the
// values of ARRAY_AGG and its like.
type Set struct {
	Name string
	// Fields are the columns behind the groups' keys. The first Keys of them
	// belong to the key.
	Fields []arrow.Field
	Keys   int
}

// Sets are the state tables beside that of the groups.
func (l *Layout) Sets() []Set {
	out := make([]Set, len(l.sides))
	for i, s := range l.sides {
		out[i] = s.describe(l)
	}
	return out
}

// DirtySet gives the changed values of set i: those that are there, and those
// that are gone but known, as the keys of their groups and the columns of
// Set.Fields (only its keys, for those that are gone). It calls them clean.
func (t *Table) DirtySet(i int, write func(keys, cols []arrow.Array, gone bool) error) error {
	return t.sides[i].dirty(t, write)
}

// LoadSet restores values of set i: the keys of their groups, which must be
// loaded before, and the columns of Set.Fields.
func (t *Table) LoadSet(i int, keys, cols []arrow.Array, rows int) {
	groups := make([]uint32, rows)
	t.GroupsOf(keys, nil, groups)
	t.sides[i].load(t, groups, cols)
}

// describe implements sideSpec.
func (s *setSpec) describe(l *Layout) Set {
	set := Set{Name: "values of " + s.name, Keys: len(s.args)}
	for _, a := range s.args {
		f := l.in.Field(a)
		f.Name = "value." + f.Name
		set.Fields = append(set.Fields, f)
	}
	for _, m := range s.members {
		set.Fields = append(set.Fields, arrow.Field{Name: m.name, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	return set
}

func (m *multiset) dirty(t *Table, write func(keys, cols []arrow.Array, gone bool) error) error {
	s := m.slab()
	var there, gone []uint32
	for id := range uint32(m.table.Gids()) {
		if id%1024 == 0 {
			m.table.Relieve()
		}
		h := s.header(id)
		if *h&dirtyBit == 0 {
			continue
		}
		switch {
		case m.present(s, id):
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
	if m.zeros > 0 || len(gone) > 0 {
		m.sweep(t)
	}
	return nil
}

func (t *Table) writeSet(m *multiset, ids []uint32, gone bool, write func(keys, cols []arrow.Array, gone bool) error) error {
	if len(ids) == 0 {
		return nil
	}
	groups, cols := m.values(t.layout.alloc, ids)
	if !gone {
		for i := range m.spec.members {
			cols = append(cols, m.counts(t, ids, i))
		}
	}
	keys := t.Keys(groups)
	defer release(cols)
	defer release(keys)
	return write(keys, cols, gone)
}

// counts are the counts of a member, or 1 where it only knows a value.
func (m *multiset) counts(t *Table, ids []uint32, at int) arrow.Array {
	c := newColumn[int64](t.layout.alloc, len(ids))
	s := m.slab()
	for i, id := range ids {
		if m.spec.counted {
			c.values[i] = *s.i64(id, countAt(at))
		} else {
			c.values[i] = int64(*s.header(id) >> at & 1)
		}
	}
	return c.array(arrow.PrimitiveTypes.Int64)
}

func (m *multiset) load(t *Table, groups []uint32, cols []arrow.Array) {
	ids := m.find(t, input{rec: valueColumns{m.spec.args, cols}, gids: groups})
	s := m.slab()
	for at := range m.spec.members {
		counts := cols[len(m.spec.args)+at]
		for j, n := range vector.Values[int64](counts) {
			switch id := ids[j]; {
			case counts.IsNull(j):
			case m.spec.counted:
				*s.i64(id, countAt(at)) = n
			case n > 0:
				*s.header(id) |= 1 << at
			}
		}
	}
	for j, id := range ids {
		if m.present(s, id) {
			m.link(t, s, groups[j], id)
		}
		*s.header(id) = *s.header(id)&^dirtyBit | knownBit
	}
}

func (m *multiset) littered() bool { return m.zeros > 4096 && m.zeros > m.table.Len()/2 }
func (m *multiset) bytes() int     { return m.table.Bytes() }
func (m *multiset) release()       { m.table.Free() }

func (m *multiset) reset() {
	m.table.Reset()
	m.zeros = 0
}
