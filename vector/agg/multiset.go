package agg

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// setSpec is a multiset of a layout: which columns it counts, and for whom.
type setSpec struct {
	index int // in Layout.sides and Table.sides
	name  string
	args  []int
	// members count the values of different rows: those that pass a filter.
	members []member
	// counted says that rows may be retracted, so that a value's rows are
	// counted, and not only noted.
	counted bool
	// head is where a group's row holds the id+1 of its first value,
	// only where rows may be retracted or groups dropped.
	head   uintptr
	linked bool
	placed bool
}

// member is what counts the values of the rows that pass one filter.
type member struct {
	filter int // input column, or -1
	name   string
	accs   []acc // that are told of values that come and go
}

// multiset knows the values that each group has seen: what DISTINCT needs to
// count a value once, and what a retractable MIN or MAX needs to find the next
// one. It is a hash table keyed by group and value; where rows may be
// retracted or groups dropped, the values of one group form a chain:
//
//	groups                    values: (group, value) │ header │ next │ counts …
//	│ a │ … MAX 9 │ head ─┼──▶ (a, 9) 1 ──▶ (a, 7) 2 ──▶ (a, 3) 0 ──▶ nil
//	│ b │ … MAX 5 │ head ─┼──▶ (b, 5) 1 ──▶ nil
//
// Functions over the same values share it, whatever their filters: each filter is
// a member with a bit of its own in the header of a value, and a count where
// rows may be retracted. A value is looked up once for all of them.
//
// When the count of a group's extreme value falls to 0, the group becomes
// stale, and nothing else happens: only when somebody asks for its result, all
// stale groups walk their chains, and the values they find are folded again in
// one loop. A value whose counts are 0 stays in its chain until sweep: it may
// come back, and a state table may have to be told that it is gone.
type multiset struct {
	spec  *setSpec
	table *hashtable.Table
	zeros int // values that came to have no member since the last sweep

	masks []uint64
	turns []turned // by member
}

// turned are rows whose values came to be, or ceased to be, for a member.
type turned struct{ gids, rows []uint32 }

const (
	setNext  = 8
	setCount = 16 // of the first member; the others follow

	// maxMembers is how many bits of a value's header are for members.
	maxMembers = 48
	memberBits = 1<<maxMembers - 1
	chainBit   = 1 << 60
)

// newSet adds a multiset with one member to the layout.
func (l *Layout) newSet(name string, args []int, filter int) *setSpec {
	s := &setSpec{
		index: len(l.sides), name: name, args: args, counted: l.retract, linked: l.retract || l.drops,
		members: []member{{filter: filter, name: "$count"}},
	}
	l.sides = append(l.sides, s)
	return s
}

// distinctSet finds the multiset of the values of args, and its member for a
// filter; both are made where they are missing.
func (l *Layout) distinctSet(args []int, filter int) (s *setSpec, at int) {
	name := "distinct("
	for i, a := range args {
		if i > 0 {
			name += ", "
		}
		name += l.in.Field(a).Name
	}
	name += ")"
	count := "$count"
	if filter >= 0 {
		count += " where " + l.in.Field(filter).Name
	}
	for _, x := range l.sides {
		s, ok := x.(*setSpec)
		if !ok || s.name != name || !slices.Equal(s.args, args) {
			continue
		}
		for i, m := range s.members {
			if m.filter == filter {
				return s, i
			}
		}
		if len(s.members) < maxMembers {
			s.members = append(s.members, member{filter: filter, name: count})
			return s, len(s.members) - 1
		}
	}
	s = l.newSet(name, args, filter)
	s.members[0].name = count
	return s, 0
}

// place gives the head of the chain its offset in the groups' rows, once.
func (s *setSpec) place(off uintptr) int {
	if !s.linked || s.placed {
		return 0
	}
	s.head, s.placed = off, true
	return 8
}

// open implements sideSpec.
func (s *setSpec) open(l *Layout) (side, error) {
	types := []arrow.DataType{arrow.PrimitiveTypes.Uint32}
	for _, a := range s.args {
		types = append(types, l.in.Field(a).Type)
	}
	size := setNext
	switch {
	case s.counted:
		size = setCount + 8*len(s.members)
	case s.linked:
		size = setCount
	}
	t, err := hashtable.New(hashtable.Options{}, types, size)
	if err != nil {
		return nil, fmt.Errorf("values of %s: %w", s.name, err)
	}
	return &multiset{spec: s, table: t, turns: make([]turned, len(s.members))}, nil
}

func (m *multiset) slab() slab { return slabOf(m.table) }

// present reports whether a member has the value id.
func (m *multiset) present(s slab, id uint32) bool {
	if !m.spec.counted {
		return *s.header(id)&memberBits != 0
	}
	for i := range m.spec.members {
		if *s.i64(id, countAt(i)) > 0 {
			return true
		}
	}
	return false
}

// countAt is where the count of member i stands.
func countAt(i int) uintptr { return setCount + 8*uintptr(i) }

// add adds the rows, or takes them away when by is -1, for every member whose
// filter they pass. Afterwards turns are the rows whose values came to be (from
// 0 up) or ceased to be (down to 0), once each.
func (m *multiset) add(t *Table, in input, by int64) {
	sc := &t.layout.scratch
	m.forgetTurns()
	if in = m.passing(sc, in); len(in.gids) == 0 {
		return
	}
	ids := m.find(t, in)
	s := m.slab()
	if m.spec.counted {
		for i, id := range ids {
			m.count(t, s, in, i, id, by)
		}
		return
	}
	for i, id := range ids {
		h := s.header(id)
		fresh := m.masks[i] &^ *h
		if fresh == 0 {
			continue
		}
		if *h |= fresh | dirtyBit; m.spec.linked {
			m.link(t, s, in.gids[i], id)
		}
		m.turn(in, i, fresh)
	}
}

func (m *multiset) forgetTurns() {
	for i := range m.turns {
		m.turns[i].gids, m.turns[i].rows = m.turns[i].gids[:0], m.turns[i].rows[:0]
	}
}

// count adds by to the counts of value id for the members of row i.
func (m *multiset) count(t *Table, s slab, in input, i int, id uint32, by int64) {
	was := m.present(s, id)
	h := s.header(id)
	*h |= dirtyBit
	changed := uint64(0)
	for left := m.masks[i]; left != 0; left &= left - 1 {
		j := bits.TrailingZeros64(left)
		n := s.i64(id, countAt(j))
		before := *n
		if *n += by; (before > 0) != (*n > 0) {
			changed |= 1 << j
		}
	}
	switch is := m.present(s, id); {
	case was && !is:
		m.zeros++
	case is && !was:
		m.link(t, s, in.gids[i], id)
	}
	m.turn(in, i, changed)
}

// turn notes that the value of row i has turned for the members of a mask.
func (m *multiset) turn(in input, i int, mask uint64) {
	r := uint32(i)
	if in.rows != nil {
		r = in.rows[i]
	}
	for ; mask != 0; mask &= mask - 1 {
		x := &m.turns[bits.TrailingZeros64(mask)]
		x.gids, x.rows = append(x.gids, in.gids[i]), append(x.rows, r)
	}
}

// turned are the rows that turned for a member, as an input.
func (m *multiset) turned(at int, rec columns) input {
	return input{rec: rec, gids: m.turns[at].gids, rows: m.turns[at].rows}
}

// link puts a value that has come to be into its group's chain, unless it is
// there still.
func (m *multiset) link(t *Table, s slab, g, id uint32) {
	h := s.header(id)
	if !m.spec.linked || *h&chainBit != 0 {
		m.zeros = max(m.zeros-1, 0)
		return
	}
	*h |= chainBit
	head := t.slab().i64(g, m.spec.head)
	*s.i64(id, setNext), *head = *head, int64(id)+1
}

// passing gives the rows that pass the filter of a member, and in masks, for
// each of them, which.
func (m *multiset) passing(sc *scratch, in input) input {
	n := len(in.gids)
	if cap(m.masks) < n {
		m.masks = make([]uint64, n)
	}
	masks := m.masks[:n]
	always := uint64(0)
	for i, x := range m.spec.members {
		if x.filter < 0 {
			always |= 1 << i
		}
	}
	for i := range masks {
		masks[i] = always
	}
	m.masks = masks
	for i, x := range m.spec.members {
		if x.filter >= 0 {
			maskTrue(masks, in.rows, in.rec.Column(x.filter), i)
		}
	}
	if always != 0 {
		return in
	}
	gids, rows, _ := sc.lists(n)
	kept := masks[:0]
	for i, mask := range masks {
		if mask == 0 {
			continue
		}
		r := uint32(i)
		if in.rows != nil {
			r = in.rows[i]
		}
		gids, rows, kept = append(gids, in.gids[i]), append(rows, r), append(kept, mask)
	}
	in.gids, in.rows, m.masks = gids, rows, kept
	return in
}

// maskTrue sets a bit where col is TRUE in the row.
func maskTrue(masks []uint64, rows []uint32, col arrow.Array, bit int) {
	d := col.Data()
	if d.Len() == 0 {
		return
	}
	off, values := d.Offset(), d.Buffers()[1].Bytes()
	valid := values // where there are no NULLs, TRUE is valid
	if col.NullN() > 0 {
		valid = col.NullBitmapBytes()
	}
	for i := range masks {
		at := off + i
		if rows != nil {
			at = off + int(rows[i])
		}
		is := values[at>>3] & valid[at>>3] >> (at & 7) & 1
		masks[i] |= uint64(is) << bit
	}
}

// find gives the ids of the rows' values, which are added when they are new.
func (m *multiset) find(t *Table, in input) []uint32 {
	sc := &t.layout.scratch
	cols := make([]arrow.Array, 1, 1+len(m.spec.args))
	for _, a := range m.spec.args {
		cols = append(cols, in.rec.Column(a))
	}
	groups := sc.groupColumn(in, cols[1].Len())
	defer groups.Release()
	cols[0] = groups
	if cap(sc.ids) < len(in.gids) {
		sc.ids = make([]uint32, len(in.gids))
	}
	ids := sc.ids[:len(in.gids)]
	m.table.FindOrInsert(cols, vector.Sel(in.rows), ids)
	return ids
}

// groupColumn is a column of n rows that holds, at each row of in, its group.
func (s *scratch) groupColumn(in input, n int) arrow.Array {
	if cap(s.spread) < n {
		s.spread = make([]uint32, n)
	}
	values := s.spread[:n]
	if in.rows == nil {
		copy(values, in.gids)
	} else {
		for i, r := range in.rows {
			values[r] = in.gids[i]
		}
	}
	buf := memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(values))
	d := array.NewData(arrow.PrimitiveTypes.Uint32, n, []*memory.Buffer{nil, buf}, nil, 0, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

// chain calls yield for the values of group g that are present.
func (m *multiset) chain(t *Table, g uint32, yield func(id uint32)) {
	s := m.slab()
	for id := *t.slab().i64(g, m.spec.head); id != 0; id = *s.i64(uint32(id-1), setNext) {
		if m.present(s, uint32(id-1)) {
			yield(uint32(id - 1))
		}
	}
}

// values are the value columns of ids.
func (m *multiset) values(alloc memory.Allocator, ids []uint32) (groups []uint32, cols []arrow.Array) {
	all := m.table.Keys(alloc, ids)
	groups = append(groups, vector.Values[uint32](all[0])...)
	all[0].Release()
	return groups, all[1:]
}

// merge adds the values of from's groups; into maps them to t's, or to none. It
// gives the values that are new for each member to fold.
func (m *multiset) merge(t *Table, from *multiset, into []uint32, fold func(at int, in input)) {
	alloc := t.layout.alloc
	fs := from.slab()
	var ids []uint32 // not in scratch, which find uses
	for _, id := range from.table.Live(nil) {
		if from.present(fs, id) {
			ids = append(ids, id)
		}
	}
	groups, cols := from.values(alloc, ids)
	defer release(cols)
	in := input{rec: valueColumns{m.spec.args, cols}, rows: make([]uint32, 0, len(ids))}
	for i, g := range groups {
		if into[g] != none {
			in.gids, in.rows = append(in.gids, into[g]), append(in.rows, uint32(i))
		}
	}
	if len(in.gids) == 0 {
		return
	}
	m.forgetTurns()
	vids := m.find(t, in)
	s := m.slab()
	for i, id := range vids {
		was := m.present(s, id)
		changed := m.mergeValue(s, fs, id, ids[in.rows[i]])
		*s.header(id) |= dirtyBit
		if !was {
			m.link(t, s, in.gids[i], id)
		}
		m.turn(in, i, changed)
	}
	for at := range m.turns {
		if len(m.turns[at].gids) > 0 {
			fold(at, m.turned(at, in.rec))
		}
	}
}

// mergeValue adds what another table knows of a value; it returns the members
// for which it is new.
func (m *multiset) mergeValue(s, from slab, id, other uint32) (changed uint64) {
	if !m.spec.counted {
		h := s.header(id)
		changed = *from.header(other) & memberBits &^ *h
		*h |= changed
		return changed
	}
	for j := range m.spec.members {
		n, by := s.i64(id, countAt(j)), *from.i64(other, countAt(j))
		before := *n
		if *n += by; before <= 0 && *n > 0 {
			changed |= 1 << j
		}
	}
	return changed
}

// valueColumns finds a multiset's columns by the input columns they came from.
type valueColumns struct {
	args []int
	cols []arrow.Array
}

func (v valueColumns) Column(i int) arrow.Array {
	for j, a := range v.args {
		if a == i {
			return v.cols[j]
		}
	}
	panic(fmt.Sprintf("agg: no column %d among %v", i, v.args))
}

// sweep removes the values that are gone, but for those that a state table
// still knows.
func (m *multiset) sweep(t *Table) {
	s := m.slab()
	var dead []uint32
	broken := map[uint32]bool{} // groups whose chains have dead values
	t.layout.scratch.ids = m.table.Live(t.layout.scratch.ids[:0])
	for _, id := range t.layout.scratch.ids {
		if *s.header(id)&knownBit == 0 && !m.present(s, id) {
			dead = append(dead, id)
		}
	}
	if len(dead) == 0 {
		m.zeros = 0
		return
	}
	groups, cols := m.values(t.layout.alloc, dead)
	release(cols)
	isDead := make(map[uint32]bool, len(dead))
	for i, id := range dead {
		isDead[id] = true
		broken[groups[i]] = true
	}
	if m.spec.linked {
		for g := range broken {
			at := t.slab().i64(g, m.spec.head)
			for *at != 0 {
				next := s.i64(uint32(*at-1), setNext)
				if isDead[uint32(*at-1)] {
					*at = *next
					continue
				}
				at = next
			}
		}
	}
	for _, id := range dead {
		*s.header(id) = 0
	}
	m.table.Delete(dead)
	m.zeros = 0
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
