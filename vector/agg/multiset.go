package agg

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// setSpec is a multiset of a layout: which columns it counts.
type setSpec struct {
	index int // in Layout.sides and Table.sides
	name  string
	args  []int
	// head is where a group's row holds the id+1 of its first value,
	// only where rows may be retracted or groups dropped.
	head   uintptr
	linked bool
}

// multiset counts the values that each group has seen: what DISTINCT needs to
// count a value once, and what a retractable MIN or MAX needs to find the next
// one. It is a hash table keyed by group and value; where rows may be
// retracted, the values of one group form a chain:
//
//	groups                    values: (group, value) │ header │ count │ next
//	│ a │ … MAX 9 │ head ─┼──▶ (a, 9) 1 ──▶ (a, 7) 2 ──▶ (a, 3) 0 ──▶ nil
//	│ b │ … MAX 5 │ head ─┼──▶ (b, 5) 1 ──▶ nil
//
// When the count of a group's extreme value falls to 0, the group becomes
// stale, and nothing else happens: only when somebody asks for its result, all
// stale groups walk their chains, and the values they find are folded again in
// one loop. A value whose count is 0 stays in its chain until sweep: it may
// come back, and a state table may have to be told that it is gone.
type multiset struct {
	spec  *setSpec
	table *hashtable.Table
	zeros int // values whose count fell to 0 since the last sweep
}

const (
	setCount = 8
	setNext  = 16
	setBytes = 24
)

// newSet adds a multiset to the layout.
func (l *Layout) newSet(name string, args []int) *setSpec {
	s := &setSpec{index: len(l.sides), name: name, args: args, linked: l.retract || l.drops}
	l.sides = append(l.sides, s)
	return s
}

// place gives the head of the chain its offset in the groups' rows.
func (s *setSpec) place(off uintptr) int {
	if !s.linked {
		return 0
	}
	s.head = off
	return 8
}

// open implements sideSpec.
func (s *setSpec) open(l *Layout) (side, error) {
	spec := s
	types := []arrow.DataType{arrow.PrimitiveTypes.Uint32}
	for _, a := range spec.args {
		types = append(types, l.in.Field(a).Type)
	}
	t, err := hashtable.New(hashtable.Options{}, types, setBytes)
	if err != nil {
		return nil, fmt.Errorf("values of %s: %w", spec.name, err)
	}
	return &multiset{spec: spec, table: t}, nil
}

func (m *multiset) slab() slab { return slabOf(m.table) }

// count adds by to the counts of the rows' values. It returns the rows whose
// value came to be (from 0 up) or ceased to be (down to 0), once each.
func (m *multiset) count(t *Table, in input, by int64) input {
	if len(in.gids) == 0 {
		return in
	}
	ids := m.find(t, in)
	s := m.slab()
	sc := &t.layout.scratch
	gids, rows, _ := sc.lists(len(in.gids))
	for i, id := range ids {
		n := s.i64(id, setCount)
		before := *n
		*n += by
		if (before > 0) == (*n > 0) {
			*s.header(id) |= dirtyBit
			continue
		}
		m.turn(t, s, in.gids[i], id, *n > 0)
		r := uint32(i)
		if in.rows != nil {
			r = in.rows[i]
		}
		gids, rows = append(gids, in.gids[i]), append(rows, r)
	}
	in.gids, in.rows = gids, rows
	return in
}

// turn notes that the value id of group g has come to be, or ceased to be.
func (m *multiset) turn(t *Table, s slab, g, id uint32, present bool) {
	h := s.header(id)
	*h |= dirtyBit
	if !present {
		m.zeros++
		return
	}
	if !m.spec.linked || *h&m.inChain() != 0 {
		m.zeros = max(m.zeros-1, 0)
		return
	}
	*h |= m.inChain()
	head := t.slab().i64(g, m.spec.head)
	*s.i64(id, setNext), *head = *head, int64(id)+1
}

// inChain is the header's bit of a value that is in its group's chain.
func (m *multiset) inChain() uint64 { return 1 }

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
		if *s.i64(uint32(id-1), setCount) > 0 {
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
// gives the values that are new to fold.
func (m *multiset) merge(t *Table, from *multiset, into []uint32, fold func(in input)) {
	alloc := t.layout.alloc
	fs := from.slab()
	var ids []uint32 // not in scratch, which find uses
	for _, id := range from.table.Live(nil) {
		if *fs.i64(id, setCount) > 0 {
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
	vids := m.find(t, in)
	s := m.slab()
	var firsts, rows []uint32
	for i, id := range vids {
		n := s.i64(id, setCount)
		before := *n
		if *n += *fs.i64(ids[in.rows[i]], setCount); before > 0 {
			*s.header(id) |= dirtyBit
			continue
		}
		m.turn(t, s, in.gids[i], id, true)
		firsts, rows = append(firsts, in.gids[i]), append(rows, in.rows[i])
	}
	in.gids, in.rows = firsts, rows
	fold(in)
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
		if *s.i64(id, setCount) <= 0 && *s.header(id)&knownBit == 0 {
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
