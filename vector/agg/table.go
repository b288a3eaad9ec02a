package agg

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// Table holds the groups of one pane, or of all time, in the row of each its
// key and its accumulators. Groups are numbered from 0 as they come; an id is
// good until its group is removed or the table is reset.
type Table struct {
	layout *Layout
	keys   *hashtable.Table
	arenas []*arena
	sides  []side
	states []States // of the user's functions
	err    error    // of values that cannot be aggregated
}

// NewTable returns an empty table. It is an error when a key's type cannot be
// hashed.
func (l *Layout) NewTable() (*Table, error) {
	t := &Table{layout: l}
	types := make([]arrow.DataType, 0, len(l.keys))
	for _, k := range l.keys {
		types = append(types, k.Type)
	}
	if len(types) == 0 {
		types = append(types, arrow.PrimitiveTypes.Int8) // the one group has the key 0
	}
	var err error
	if t.keys, err = hashtable.New(hashtable.Options{}, types, l.bytes); err != nil {
		return nil, fmt.Errorf("group by: %w", err)
	}
	for range l.arenas {
		t.arenas = append(t.arenas, &arena{})
	}
	for _, u := range l.users {
		t.states = append(t.states, u.New())
	}
	for _, s := range l.sides {
		m, err := s.open(l)
		if err != nil {
			t.Release()
			return nil, err
		}
		t.sides = append(t.sides, m)
	}
	return t, nil
}

func (t *Table) arenaAt(slot int) *arena  { return t.arenas[slot] }
func (t *Table) set(s *setSpec) *multiset { return t.sides[s.index].(*multiset) }
func (t *Table) slab() slab               { return slabOf(t.keys) }

// span is one more than the greatest id.
func (t *Table) span() int { return t.keys.Gids() }

// Len is the number of groups.
func (t *Table) Len() int { return t.keys.Len() }

// Bytes is the memory that the table holds.
func (t *Table) Bytes() int64 {
	n := int64(t.keys.Bytes())
	for _, a := range t.arenas {
		n += int64(cap(a.data))
	}
	for _, m := range t.sides {
		n += int64(m.bytes())
	}
	return n
}

// Reset removes all groups and keeps the memory.
func (t *Table) Reset() {
	t.keys.Reset()
	for _, a := range t.arenas {
		a.reset()
	}
	for i, u := range t.layout.users {
		t.states[i] = u.New()
	}
	for _, m := range t.sides {
		m.reset()
	}
}

// Release frees the memory.
func (t *Table) Release() {
	t.keys.Free()
	for _, m := range t.sides {
		m.release()
	}
}

// Err is what is wrong with values that were added: a caller asks after Results.
func (t *Table) Err() error { return t.err }

// Groups gives the group of each row of sel (nil: of every row) in ids, whose
// length is that of sel, by the layout's key columns of rec. Groups that are
// new are added. The layout has no Prefix.
func (t *Table) Groups(rec arrow.RecordBatch, sel vector.Sel, ids []uint32) {
	cols := make([]arrow.Array, len(t.layout.keyCols))
	for i, k := range t.layout.keyCols {
		cols[i] = rec.Column(k)
	}
	t.GroupsOf(cols, sel, ids)
}

// GroupsOf is Groups with the key columns themselves. It returns the ids of the
// groups that are new, valid until the next call.
func (t *Table) GroupsOf(keys []arrow.Array, sel vector.Sel, ids []uint32) []uint32 {
	if len(keys) == 0 {
		if t.keys.Len() == 0 {
			t.addOnly()
		}
		clear(ids)
		return nil
	}
	return t.keys.FindOrInsert(keys, sel, ids)
}

// Find gives the ids of the groups with these keys, of those that are there. It is
// valid until the next call on a table of the layout.
func (t *Table) Find(keys []arrow.Array) []uint32 {
	sc := &t.layout.scratch
	if len(keys) == 0 {
		sc.all = t.keys.Live(sc.all[:0])
		return sc.all
	}
	n := keys[0].Len()
	if cap(sc.all) < n {
		sc.all = make([]uint32, n)
	}
	ids := sc.all[:n]
	t.keys.Find(keys, nil, ids)
	sc.all = slices.DeleteFunc(ids, func(id uint32) bool { return id == none })
	return sc.all
}

// addOnly adds the one group of a table without keys.
func (t *Table) addOnly() {
	c := newColumn[int8](t.layout.alloc, 1)
	c.values[0] = 0
	key := c.array(arrow.PrimitiveTypes.Int8)
	defer key.Release()
	var id [1]uint32
	t.keys.FindOrInsert([]arrow.Array{key}, nil, id[:])
}

// Add adds the rows of sel (nil: every row) of rec; ids are their groups.
func (t *Table) Add(rec arrow.RecordBatch, sel vector.Sel, ids []uint32) {
	in := input{rec: rec, gids: ids, rows: sel}
	mask := uint64(dirtyBit)
	var counts *count
	for _, a := range t.layout.accs {
		if d, ok := a.(*distinct); ok {
			d.addAll(t, in, 1)
			continue
		}
		b := a.common()
		n := in
		if b.whole(rec) {
			mask |= b.bit
			if c, ok := a.(*count); ok && counts == nil && !t.layout.retract {
				counts = c // with the headers, below
				continue
			}
		} else {
			n = b.input(&t.layout.scratch, in)
		}
		a.fold(t, n)
		if !b.whole(rec) {
			mark(t.slab(), n.gids, b.bit)
		}
	}
	switch s := t.slab(); {
	case t.layout.retract:
		markCount(s, ids, mask, headerBytes)
	case counts != nil:
		markCount(s, ids, mask, counts.off)
	default:
		mark(s, ids, mask)
	}
}

// Retract takes the rows of sel (nil: every row) of rec away again. Of one
// batch, rows are added before others are retracted.
func (t *Table) Retract(rec arrow.RecordBatch, sel vector.Sel, ids []uint32) {
	in := input{rec: rec, gids: ids, rows: sel}
	for _, a := range t.layout.accs {
		if d, ok := a.(*distinct); ok {
			d.addAll(t, in, -1)
			continue
		}
		a.retract(t, a.common().input(&t.layout.scratch, in))
	}
	s := t.slab()
	addConst(s, ids, headerBytes, -1)
	mark(s, ids, dirtyBit)
	for _, m := range t.sides { // without checkpoints, nobody else does
		if m.littered() {
			m.sweep(t)
		}
	}
}

// Fresh reports whether group id has no rows yet, or no longer.
func (t *Table) Fresh(id uint32) bool {
	if t.layout.retract {
		return *t.slab().i64(id, headerBytes) <= 0
	}
	h := *t.slab().header(id)
	return h == 0 || h&goneBit != 0
}

// Rows is how many rows group id holds: those added less those retracted.
// Where rows are never retracted, it is 1, and 0 for a group that was forgotten.
func (t *Table) Rows(id uint32) int64 {
	if !t.layout.retract {
		if *t.slab().header(id)&goneBit != 0 {
			return 0
		}
		return 1
	}
	return *t.slab().i64(id, headerBytes)
}

// Merge adds the groups of from, a table of the same layout, to t's.
func (t *Table) Merge(from *Table) {
	if src := from.All(); len(src) > 0 {
		dst := t.layout.scratch.targets(len(src))
		t.keys.FindOrInsertFrom(from.keys, src, dst)
		t.merge(from, dst, src)
	}
}

// MergeGroups adds the groups src of from, a table of the same functions, to
// t's groups with these keys. It returns the ids of the groups that are new,
// valid until the next call.
func (t *Table) MergeGroups(from *Table, src []uint32, keys []arrow.Array) []uint32 {
	dst := t.layout.scratch.targets(len(src))
	fresh := t.GroupsOf(keys, nil, dst)
	t.merge(from, dst, src)
	return fresh
}

func (t *Table) merge(from *Table, dst, src []uint32) {
	for _, a := range t.layout.accs {
		a.merge(t, from, dst, src)
	}
	s, f := t.slab(), from.slab()
	for i, g := range dst {
		*s.header(g) |= *f.header(src[i]) &^ knownBit
	}
	if t.layout.retract {
		mergeWords(s, f, dst, src, headerBytes)
	}
}

// mapping is dst by src, and none for the other ids of from.
func (t *Table) mapping(from *Table, dst, src []uint32) []uint32 {
	into := make([]uint32, from.span())
	for i := range into {
		into[i] = none
	}
	for i, g := range src {
		into[g] = dst[i]
	}
	return into
}

// All are the ids of all groups, valid until the next call on a table of the
// layout.
func (t *Table) All() []uint32 {
	sc := &t.layout.scratch
	sc.all = t.keys.Live(sc.all[:0])
	return sc.all
}

// Span is one more than the greatest id that was ever given to a group.
func (t *Table) Span() int { return t.span() }

// In are the ids, from one up to and without another, of the groups that are
// there, valid until the next call on a table of the layout.
func (t *Table) In(from, to int) []uint32 {
	t.keys.Relieve()
	sc := &t.layout.scratch
	sc.all = t.keys.LiveIn(sc.all[:0], uint32(from), uint32(min(to, t.span())))
	return sc.all
}

// Keys are the key columns of groups.
func (t *Table) Keys(groups []uint32) []arrow.Array {
	if len(t.layout.keys) == 0 {
		return nil
	}
	return t.keys.Keys(t.layout.alloc, groups)
}

// Results are the result columns of groups, in the order of the functions.
func (t *Table) Results(groups []uint32) []arrow.Array {
	done := make([]arrow.Array, len(t.layout.accs))
	out := make([]arrow.Array, len(t.layout.results))
	for i, r := range t.layout.results {
		if done[r] == nil {
			done[r] = t.layout.accs[r].emit(t, groups)
		} else {
			done[r].Retain()
		}
		out[i] = done[r]
	}
	return out
}

// setWords sets an int64 of each group to its value in col; NULL is 0.
func (t *Table) setWords(groups []uint32, off uintptr, col arrow.Array) {
	s := t.slab()
	for i, v := range vector.Values[int64](col) {
		if col.IsNull(i) {
			v = 0
		}
		*s.i64(groups[i], off) = v
	}
}

// none is no group.
const none = hashtable.None

func slabOf(t *hashtable.Table) slab {
	return slab{base: t.Accs(), stride: uintptr(t.Stride())}
}
