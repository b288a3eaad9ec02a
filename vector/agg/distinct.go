package agg

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// distinct counts each value of its arguments once: a multiset tells which
// rows bring a value that the group does not have, and only those reach the
// accumulator within. The first function of a multiset adds the rows for all.
//
//	│ inner accumulator │ head: 8 bytes, of the first, only where values are linked │
type distinct struct {
	acc   // of the same function without DISTINCT
	set   *setSpec
	first bool
}

func (l *Layout) newDistinct(b base, arg arrow.DataType) (acc, error) {
	if len(b.spec.Args) == 0 {
		return nil, fmt.Errorf("%s(DISTINCT) needs an argument", b.spec.Func)
	}
	inner, err := l.plain(b, arg)
	if err != nil {
		return nil, err
	}
	var set *setSpec
	at := 0
	if inner.common().nullable { // the others leave NULLs out
		set = l.newSet(b.name, b.spec.Args, b.spec.Filter)
	} else {
		set, at = l.distinctSet(b.spec.Args, b.spec.Filter)
	}
	m := &set.members[at]
	m.accs = append(m.accs, inner)
	return &distinct{acc: inner, set: set, first: at == 0 && len(m.accs) == 1}, nil
}

func (a *distinct) place(off uintptr, bit uint64) int {
	n := a.acc.place(off, bit)
	return n + a.set.place(off+uintptr(n))
}

// addAll adds the rows for all functions of the multiset, or takes them away.
func (a *distinct) addAll(t *Table, in input, by int64) {
	if !a.first {
		return
	}
	for _, arg := range a.common().valid() {
		in = t.layout.scratch.narrowValid(in, in.rec.Column(arg))
	}
	m := t.set(a.set)
	m.add(t, in, by)
	for at, x := range a.set.members {
		rows := m.turned(at, in.rec)
		if len(rows.gids) == 0 {
			continue
		}
		for _, inner := range x.accs {
			if by < 0 {
				inner.retract(t, rows)
				continue
			}
			inner.fold(t, rows)
			mark(t.slab(), rows.gids, inner.common().bit)
		}
	}
}

func (a *distinct) merge(t, from *Table, dst, src []uint32) {
	if !a.first {
		return
	}
	t.set(a.set).merge(t, from.set(a.set), t.mapping(from, dst, src), func(at int, in input) {
		for _, inner := range a.set.members[at].accs {
			inner.fold(t, in)
		}
	})
}

// extremeSet is MIN or MAX over rows that may be retracted; see multiset.
//
//	│ extreme: 8 or 16 bytes │ head: 8 bytes │ stale: 8 bytes │
type extremeSet struct {
	acc   // the extreme
	class class
	set   *setSpec
	stale uintptr
}

func (l *Layout) newExtremeSet(b base, arg arrow.DataType) (acc, error) {
	inner, err := l.newExtreme(b, arg)
	if err != nil {
		return nil, err
	}
	a := &extremeSet{acc: inner, set: l.newSet(b.name, b.spec.Args, -1)}
	a.class, _ = classOf(arg)
	return a, nil
}

func (a *extremeSet) place(off uintptr, bit uint64) int {
	n := a.acc.place(off, bit)
	n += a.set.place(off + uintptr(n))
	a.stale = off + uintptr(n)
	return n + 8
}

func (a *extremeSet) fold(t *Table, in input) {
	m := t.set(a.set)
	m.add(t, in, 1)
	a.acc.fold(t, m.turned(0, in.rec))
}

func (a *extremeSet) retract(t *Table, in input) {
	m := t.set(a.set)
	m.add(t, in, -1)
	gone := m.turned(0, in.rec)
	s := t.slab()
	a.eachExtreme(t, gone, func(g uint32) {
		*s.i64(g, a.stale) = 1
	})
}

// eachExtreme visits the groups of the rows whose value is their group's extreme.
func (a *extremeSet) eachExtreme(t *Table, in input, yield func(g uint32)) {
	if len(in.gids) == 0 {
		return
	}
	s, sc, b := t.slab(), &t.layout.scratch, a.common()
	col := in.rec.Column(b.arg)
	switch e := a.acc.(type) {
	case *byteExtreme:
		v, ar := vector.ViewsOf(col), t.arenaAt(e.slot)
		for i, g := range in.gids {
			if ref := *s.pair(g, b.off); ref.hi == 0 || bytes.Equal(ar.get(ref), v.At(int(in.rows[i]))) {
				yield(g)
			}
		}
	case *extreme:
		if e.class == classDecimals {
			v := decimals(col)
			for i, g := range in.gids {
				if *s.pair(g, b.off) == e.pairOf(v[in.rows[i]]) {
					yield(g)
				}
			}
			return
		}
		var v []int64
		if e.class == classFloats {
			v = sc.floatWords(col)
		} else {
			v = sc.int64s(col)
		}
		for i, g := range in.gids {
			if *s.u64(g, b.off) == uint64(v[in.rows[i]])^e.flip() {
				yield(g)
			}
		}
	}
}

// refresh computes the extremes of the stale groups among groups again.
func (a *extremeSet) refresh(t *Table, groups []uint32) {
	s, b, m := t.slab(), a.common(), t.set(a.set)
	var ids []uint32
	for _, g := range groups {
		p := s.i64(g, a.stale)
		if *p == 0 {
			continue
		}
		*p = 0
		*s.header(g) &^= b.bit
		if e, ok := a.acc.(*byteExtreme); ok {
			t.arenaAt(e.slot).drop(s.pair(g, b.off))
		} else if a.class == classDecimals {
			*s.pair(g, b.off) = uint128{}
		} else {
			*s.u64(g, b.off) = 0
		}
		m.chain(t, g, func(id uint32) { ids = append(ids, id) })
	}
	if len(ids) == 0 {
		return
	}
	owners, cols := m.values(t.layout.alloc, ids)
	a.acc.fold(t, input{rec: single{cols[0]}, gids: owners})
	mark(s, owners, b.bit)
	release(cols)
}

func (a *extremeSet) emit(t *Table, groups []uint32) arrow.Array {
	a.refresh(t, groups)
	return a.acc.emit(t, groups)
}

func (a *extremeSet) export(t *Table, groups []uint32) []arrow.Array {
	a.refresh(t, groups)
	return a.acc.export(t, groups)
}

func (a *extremeSet) merge(t, from *Table, dst, src []uint32) {
	a.refresh(from, src)
	t.set(a.set).merge(t, from.set(a.set), t.mapping(from, dst, src), func(_ int, in input) { a.acc.fold(t, in) })
}
