package agg

import (
	"bytes"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector"
)

// class is how the values of a type are kept in an accumulator.
type class uint8

const (
	classInts     class = iota // a word: integers, booleans, dates, times
	classFloats                // a word: FLOAT, DOUBLE
	classDecimals              // two words
	classBytes                 // two words that point into an arena
)

func classOf(t arrow.DataType) (class, error) {
	switch t.ID() {
	case arrow.FLOAT32, arrow.FLOAT64:
		return classFloats, nil
	case arrow.DECIMAL128:
		return classDecimals, nil
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return classBytes, nil
	default:
	}
	if isInts(t) {
		return classInts, nil
	}
	return 0, fmt.Errorf("values of type %v have no order", t)
}

func (c class) bytes() int {
	if c == classDecimals || c == classBytes {
		return 16
	}
	return 8
}

// newExtreme makes MIN or MAX over rows that are never retracted.
func (l *Layout) newExtreme(b base, arg arrow.DataType) (acc, error) {
	b.counted = false
	c, err := classOf(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.name, err)
	}
	e := extreme{base: b, class: c, least: b.spec.Func == "min"}
	if c == classBytes {
		return &byteExtreme{extreme: e, slot: l.slot()}, nil
	}
	return &e, nil
}

// extreme is MIN or MAX of numbers: words that only grow, see raise.
type extreme struct {
	base
	class class
	least bool
}

func (a *extreme) place(off uintptr, bit uint64) int { a.at(off, bit); return a.class.bytes() }

// flip turns a value's word into one that grows as the value becomes more
// extreme.
func (a *extreme) flip() uint64 {
	f := uint64(0)
	if a.class == classInts {
		f = 1 << 63
	}
	if a.least {
		f = ^f
	}
	return f
}

// retract implements acc; compile makes an extremeSet where rows may be retracted.
func (a *extreme) retract(*Table, input) { panic("agg: " + a.name + " cannot be retracted") }

func (a *extreme) fold(t *Table, in input) {
	s, sc, col := t.slab(), &t.layout.scratch, in.rec.Column(a.arg)
	switch a.class {
	case classInts:
		raise(s, in.gids, in.rows, a.off, sc.int64s(col), a.flip())
	case classFloats:
		raise(s, in.gids, in.rows, a.off, sc.floatWords(col), a.flip())
	case classDecimals:
		v := decimals(col)
		for i, g := range in.gids {
			r := uint32(i)
			if in.rows != nil {
				r = in.rows[i]
			}
			p, x := s.pair(g, a.off), a.pairOf(v[r])
			if p.less(x) {
				*p = x
			}
		}
	case classBytes: // a byteExtreme
	}
}

func (a *extreme) pairOf(v decimal128.Num) uint128 {
	x := uint128{lo: v.LowBits(), hi: uint64(v.HighBits()) ^ 1<<63}
	if a.least {
		x.lo, x.hi = ^x.lo, ^x.hi
	}
	return x
}

func (a *extreme) decimalOf(x uint128) decimal128.Num {
	if a.least {
		x.lo, x.hi = ^x.lo, ^x.hi
	}
	return decimal128.New(int64(x.hi^1<<63), x.lo)
}

// floatWords are words that order, unsigned, as the floats do, with -0 = 0 and
// NaN above all others, and equal for all NaNs.
func (s *scratch) floatWords(col arrow.Array) []int64 {
	v := s.float64s(col)
	if cap(s.ints) < len(v) {
		s.ints = make([]int64, len(v))
	}
	out := s.ints[:len(v)]
	for i, f := range v {
		out[i] = int64(floatWord(f))
	}
	return out
}

func floatWord(f float64) uint64 {
	if f != f {
		f = math.NaN()
	}
	b := math.Float64bits(f + 0)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func wordFloat(w uint64) float64 {
	if w>>63 == 1 {
		return math.Float64frombits(w ^ 1<<63)
	}
	return math.Float64frombits(^w)
}

func (a *extreme) merge(t, from *Table, dst, src []uint32) {
	s, f := t.slab(), from.slab()
	if a.class == classDecimals {
		for i, g := range dst {
			if p, x := s.pair(g, a.off), *f.pair(src[i], a.off); p.less(x) {
				*p = x
			}
		}
		return
	}
	for i, g := range dst {
		p := s.u64(g, a.off)
		*p = max(*p, *f.u64(src[i], a.off))
	}
}

func (a *extreme) emit(t *Table, groups []uint32) arrow.Array {
	s, alloc, flip := t.slab(), t.layout.alloc, a.flip()
	switch a.class {
	case classDecimals:
		c := newColumn[decimal128.Num](alloc, len(groups))
		for i, g := range groups {
			if *s.header(g)&a.bit == 0 {
				c.null(i)
				continue
			}
			c.values[i] = a.decimalOf(*s.pair(g, a.off))
		}
		return c.array(a.of)
	case classFloats:
		c := newColumn[float64](alloc, len(groups))
		for i, g := range groups {
			if *s.header(g)&a.bit == 0 {
				c.null(i)
				continue
			}
			c.values[i] = wordFloat(*s.u64(g, a.off) ^ flip)
		}
		if a.of.ID() == arrow.FLOAT64 {
			return c.array(a.of)
		}
		return narrowFloats(t, c, a.of)
	case classInts, classBytes:
	}
	c := newColumn[int64](alloc, len(groups))
	for i, g := range groups {
		if *s.header(g)&a.bit == 0 {
			c.null(i)
			continue
		}
		c.values[i] = int64(*s.u64(g, a.off) ^ flip)
	}
	return narrowed(alloc, c, a.of)
}

func narrowFloats(t *Table, c *column[float64], of arrow.DataType) arrow.Array {
	out := newColumn[float32](t.layout.alloc, len(c.values))
	widen(out.values, c.values)
	copy(out.valid, c.valid)
	out.nulls = c.nulls
	c.buf.Release()
	c.nul.Release()
	return out.array(of)
}

func (a *extreme) columns() []arrow.Field { return []arrow.Field{a.column("", a.of)} }

func (a *extreme) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{a.emit(t, groups)}
}

func (a *extreme) load(t *Table, groups []uint32, cols []arrow.Array) {
	t.loadFold(a, groups, cols[0])
}

// loadFold restores accumulators whose stored column is a value like any
// other: it is folded into empty groups.
func (t *Table) loadFold(a acc, groups []uint32, col arrow.Array) {
	in := t.layout.scratch.narrowValid(input{rec: single{col}, gids: groups}, col)
	a.fold(t, in)
	mark(t.slab(), in.gids, a.common().bit)
}

// byteExtreme is MIN or MAX of strings or bytes. The values are in an arena.
type byteExtreme struct {
	extreme
	slot int
}

func (a *byteExtreme) fold(t *Table, in input) {
	s, v, ar := t.slab(), vector.ViewsOf(in.rec.Column(a.arg)), t.arenaAt(a.slot)
	for i, g := range in.gids {
		r := uint32(i)
		if in.rows != nil {
			r = in.rows[i]
		}
		a.offer(s, ar, g, v.At(int(r)))
	}
	ar.compact(t, a.off)
}

func (a *byteExtreme) offer(s slab, ar *arena, g uint32, v []byte) {
	ref := s.pair(g, a.off)
	if ref.hi != 0 {
		if c := bytes.Compare(v, ar.get(*ref)); c == 0 || (c < 0) != a.least {
			return
		}
	}
	ar.put(ref, v)
}

func (a *byteExtreme) merge(t, from *Table, dst, src []uint32) {
	s, f, to, fr := t.slab(), from.slab(), t.arenaAt(a.slot), from.arenaAt(a.slot)
	for i, g := range dst {
		if ref := *f.pair(src[i], a.off); ref.hi != 0 {
			a.offer(s, to, g, fr.get(ref))
		}
	}
	to.compact(t, a.off)
}

func (a *byteExtreme) emit(t *Table, groups []uint32) arrow.Array {
	return t.emitBytes(a.slot, a.off, groups, a.of)
}

func (a *byteExtreme) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{a.emit(t, groups)}
}

func (a *byteExtreme) load(t *Table, groups []uint32, cols []arrow.Array) {
	t.loadFold(a, groups, cols[0])
}
