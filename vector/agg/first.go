package agg

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// first is FIRST_VALUE or LAST_VALUE: the first or last value that is not NULL,
// in the order of arrival. Tables are merged in the order of their time.
type first struct {
	extreme // for the words, and how they are stored
	last    bool
	slot    int
}

func (l *Layout) newFirst(b base, arg arrow.DataType) (acc, error) {
	b.counted = false
	c, err := classOf(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.name, err)
	}
	a := &first{extreme: extreme{base: b, class: c}, last: b.spec.Func == "last_value", slot: -1}
	if c == classBytes {
		a.slot = l.slot()
	}
	return a, nil
}

func (a *first) fold(t *Table, in input) {
	s, sc, col := t.slab(), &t.layout.scratch, in.rec.Column(a.arg)
	gids, rows := a.winners(t, in)
	switch a.class {
	case classInts:
		set(s, gids, rows, a.off, sc.int64s(col), a.flip())
	case classFloats:
		set(s, gids, rows, a.off, sc.floatWords(col), a.flip())
	case classDecimals:
		v := decimals(col)
		for i, g := range gids {
			*s.pair(g, a.off) = a.pairOf(v[rows[i]])
		}
	case classBytes:
		v, ar := vector.ViewsOf(col), t.arenaAt(a.slot)
		for i, g := range gids {
			ar.put(s.pair(g, a.off), v.At(int(rows[i])))
		}
		ar.compact(t, a.off)
	}
}

// winners are the rows whose values are kept: those of groups that have none,
// or, for LAST_VALUE, all, of which the last is written last.
func (a *first) winners(t *Table, in input) (gids, rows []uint32) {
	s := t.slab()
	gids, rows, _ = t.layout.scratch.lists(len(in.gids))
	for i, g := range in.gids {
		h := s.header(g)
		if !a.last && *h&a.bit != 0 {
			continue
		}
		*h |= a.bit
		r := uint32(i)
		if in.rows != nil {
			r = in.rows[i]
		}
		gids, rows = append(gids, g), append(rows, r)
	}
	return gids, rows
}

// set writes v^flip.
func set(s slab, gids, rows []uint32, off uintptr, v []int64, flip uint64) {
	for i, g := range gids {
		*s.u64(g, off) = uint64(v[rows[i]]) ^ flip
	}
}

func (a *first) merge(t, from *Table, dst, src []uint32) {
	s, f := t.slab(), from.slab()
	for i, g := range dst {
		if *f.header(src[i])&a.bit == 0 || !a.last && *s.header(g)&a.bit != 0 {
			continue
		}
		switch a.class {
		case classInts, classFloats:
			*s.u64(g, a.off) = *f.u64(src[i], a.off)
		case classDecimals:
			*s.pair(g, a.off) = *f.pair(src[i], a.off)
		case classBytes:
			t.arenaAt(a.slot).put(s.pair(g, a.off), from.arenaAt(a.slot).get(*f.pair(src[i], a.off)))
		}
	}
}

func (a *first) emit(t *Table, groups []uint32) arrow.Array {
	if a.class == classBytes {
		return t.emitBytes(a.slot, a.off, groups, a.of)
	}
	return a.extreme.emit(t, groups)
}

func (a *first) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{a.emit(t, groups)}
}

func (a *first) load(t *Table, groups []uint32, cols []arrow.Array) {
	t.loadFold(a, groups, cols[0])
}
