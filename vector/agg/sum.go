package agg

import (
	"fmt"
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector"
)

// count is COUNT(*) or COUNT(column).
type count struct{ base }

func (a *count) place(off uintptr, bit uint64) int { a.at(off, bit); return 8 }

func (a *count) fold(t *Table, in input)    { addConst(t.slab(), in.gids, a.off, 1) }
func (a *count) retract(t *Table, in input) { addConst(t.slab(), in.gids, a.off, -1) }

func (a *count) merge(t, from *Table, dst, src []uint32) {
	mergeWords(t.slab(), from.slab(), dst, src, a.off)
}

func (a *count) emit(t *Table, groups []uint32) arrow.Array {
	return narrowed(t.layout.alloc, words(t, groups, a.off), a.of)
}

func (a *count) columns() []arrow.Field {
	return []arrow.Field{a.column("", arrow.PrimitiveTypes.Int64)}
}

func (a *count) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{words(t, groups, a.off).array(arrow.PrimitiveTypes.Int64)}
}

func (a *count) load(t *Table, groups []uint32, cols []arrow.Array) {
	t.setWords(groups, a.off, cols[0])
}

func mergeWords(to, from slab, dst, src []uint32, off uintptr) {
	for i, g := range dst {
		*to.i64(g, off) += *from.i64(src[i], off)
	}
}

// words exports an int64 of each group.
func words(t *Table, groups []uint32, off uintptr) *column[int64] {
	c := newColumn[int64](t.layout.alloc, len(groups))
	s := t.slab()
	for i, g := range groups {
		c.values[i] = *s.i64(g, off)
	}
	return c
}

// sum is SUM, SUM0 or AVG: a sum in 64 bits, in a double or in 192 bits, and,
// for AVG or when rows may be retracted, the number of values behind it.
//
//	│ sum: 8 or 24 bytes │ n: 8 bytes, only where needed │
type sum struct {
	base
	kind  sumKind
	scale int32 // of a DECIMAL argument
	n     uintptr
}

type sumKind uint8

const (
	sumInts sumKind = iota
	sumFloats
	sumDecimals
)

func newSum(b base, arg arrow.DataType) (acc, error) {
	a := &sum{base: b}
	switch t := arg.(type) {
	case *arrow.Float32Type, *arrow.Float64Type:
		a.kind = sumFloats
	case *arrow.Decimal128Type:
		a.kind, a.scale = sumDecimals, t.Scale
	}
	if (a.kind == sumDecimals) != (a.of.ID() == arrow.DECIMAL128) {
		return nil, fmt.Errorf("%s of %v does not give %v", b.spec.Func, arg, a.of)
	}
	return a, checkNumber(b)
}

func (a *sum) place(off uintptr, bit uint64) int {
	a.at(off, bit)
	size := 8
	if a.kind == sumDecimals {
		size = 24
	}
	if a.counted = a.counted || a.spec.Func == "avg"; a.counted {
		a.n = off + uintptr(size)
		size += 8
	}
	return size
}

func (a *sum) fold(t *Table, in input)    { a.apply(t, in, 1) }
func (a *sum) retract(t *Table, in input) { a.apply(t, in, -1) }

func (a *sum) apply(t *Table, in input, sign int64) {
	s, sc, col := t.slab(), &t.layout.scratch, in.rec.Column(a.arg)
	if a.counted {
		addConst(s, in.gids, a.n, sign)
	}
	switch a.kind {
	case sumInts:
		addWords(s, in.gids, in.rows, a.off, sc.int64s(col), sign)
	case sumFloats:
		addFloats(s, in.gids, in.rows, a.off, sc.float64s(col), float64(sign))
	case sumDecimals:
		addDecimals(s, in.gids, in.rows, a.off, decimals(col), sign)
	}
}

func decimals(col arrow.Array) []decimal128.Num {
	if col.Len() == 0 {
		return nil
	}
	return vector.Values[decimal128.Num](col)
}

func (a *sum) merge(t, from *Table, dst, src []uint32) {
	s, f := t.slab(), from.slab()
	if a.counted {
		mergeWords(s, f, dst, src, a.n)
	}
	for i, g := range dst {
		switch a.kind {
		case sumInts:
			*s.i64(g, a.off) += *f.i64(src[i], a.off)
		case sumFloats:
			*s.f64(g, a.off) += *f.f64(src[i], a.off)
		case sumDecimals:
			s.wide(g, a.off).addWide(f.wide(src[i], a.off))
		}
	}
}

// values is how many values the sum of group g holds, or 1 when it is only
// known that there are some.
func (a *sum) values(s slab, g uint32) int64 {
	if a.counted {
		return *s.i64(g, a.n)
	}
	if *s.header(g)&a.bit != 0 {
		return 1
	}
	return 0
}

func (a *sum) emit(t *Table, groups []uint32) arrow.Array {
	switch of := a.of.(type) {
	case *arrow.Decimal128Type:
		return a.emitDecimals(t, groups, of)
	case *arrow.Float32Type:
		c := newColumn[float32](t.layout.alloc, len(groups))
		a.eachFloat(t, groups, c.null, func(i int, v float64) { c.values[i] = float32(v) })
		return c.array(of)
	case *arrow.Float64Type:
		c := newColumn[float64](t.layout.alloc, len(groups))
		a.eachFloat(t, groups, c.null, func(i int, v float64) { c.values[i] = v })
		return c.array(of)
	}
	c := newColumn[int64](t.layout.alloc, len(groups))
	if a.kind == sumFloats {
		a.eachFloat(t, groups, c.null, func(i int, v float64) { c.values[i] = int64(v) })
		return narrowed(t.layout.alloc, c, a.of)
	}
	s := t.slab()
	for i, g := range groups {
		n, v := a.values(s, g), *s.i64(g, a.off)
		switch {
		case n == 0 && a.spec.Func != "sum0":
			c.null(i)
		case a.spec.Func == "avg":
			c.values[i] = v / n // truncates towards zero, as Flink
		default:
			c.values[i] = v
		}
	}
	return narrowed(t.layout.alloc, c, a.of)
}

// eachFloat visits the result of each group as a double.
func (a *sum) eachFloat(t *Table, groups []uint32, null func(i int), set func(i int, v float64)) {
	s := t.slab()
	for i, g := range groups {
		n := a.values(s, g)
		if n == 0 && a.spec.Func != "sum0" {
			null(i)
			continue
		}
		v := 0.0
		if a.kind == sumInts {
			v = float64(*s.i64(g, a.off))
		} else {
			v = *s.f64(g, a.off)
		}
		if a.spec.Func == "avg" {
			v /= float64(n)
		}
		set(i, v)
	}
}

// emitDecimals gives sums and averages at the scale of the result, rounded
// half away from zero; what has more digits than the result's precision is
// NULL.
func (a *sum) emitDecimals(t *Table, groups []uint32, of *arrow.Decimal128Type) arrow.Array {
	c := newColumn[decimal128.Num](t.layout.alloc, len(groups))
	s := t.slab()
	for i, g := range groups {
		n, w := a.values(s, g), s.wide(g, a.off)
		if n == 0 && a.spec.Func != "sum0" {
			c.null(i)
			continue
		}
		v, ok := w.num()
		if a.spec.Func == "avg" {
			v, ok = quotient(w, n, of.Scale-a.scale)
		} else if of.Scale != a.scale && ok {
			v, ok = quotient(w, 1, of.Scale-a.scale)
		}
		if !ok || !v.FitsInPrecision(of.Precision) {
			c.null(i)
			continue
		}
		c.values[i] = v
	}
	return c.array(of)
}

// quotient is w·10^shift / n, rounded half away from zero.
func quotient(w *int192, n int64, shift int32) (decimal128.Num, bool) {
	x := new(big.Int).SetUint64(w.hi)
	if int64(w.hi) < 0 {
		x.SetInt64(int64(w.hi))
	}
	x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(w.mid))
	x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(w.lo))
	d := big.NewInt(n)
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift > 0 {
		x.Mul(x, ten)
	} else {
		d.Mul(d, ten)
	}
	half := new(big.Int).Rsh(new(big.Int).Abs(d), 1)
	if negative := x.Sign() < 0; negative {
		x.Sub(x, half)
	} else {
		x.Add(x, half)
	}
	x.Quo(x, d)
	if x.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(x), true
}

func (a *sum) columns() []arrow.Field {
	var f []arrow.Field
	switch a.kind {
	case sumInts:
		f = append(f, a.column("sum", arrow.PrimitiveTypes.Int64))
	case sumFloats:
		f = append(f, a.column("sum", arrow.PrimitiveTypes.Float64))
	case sumDecimals: // as an exact number of up to 58 digits: carry·2^128 + sum
		f = append(f, a.column("sum", &arrow.Decimal128Type{Precision: 38, Scale: a.scale}),
			a.column("carry", arrow.PrimitiveTypes.Int64))
	}
	if a.counted {
		f = append(f, a.column("n", arrow.PrimitiveTypes.Int64))
	}
	return f
}

func (a *sum) export(t *Table, groups []uint32) []arrow.Array {
	s := t.slab()
	var out []arrow.Array
	if a.kind == sumDecimals {
		c, carry := newColumn[decimal128.Num](t.layout.alloc, len(groups)), newColumn[int64](t.layout.alloc, len(groups))
		for i, g := range groups {
			w := s.wide(g, a.off)
			c.values[i] = decimal128.New(int64(w.mid), w.lo)
			if carry.values[i] = int64(w.hi) - int64(w.mid)>>63; a.values(s, g) == 0 {
				c.null(i)
			}
		}
		out = append(out, c.array(a.columns()[0].Type), carry.array(arrow.PrimitiveTypes.Int64))
	} else {
		c := words(t, groups, a.off)
		for i, g := range groups {
			if a.values(s, g) == 0 {
				c.null(i)
			}
		}
		out = append(out, c.array(a.columns()[0].Type))
	}
	if a.counted {
		out = append(out, words(t, groups, a.n).array(arrow.PrimitiveTypes.Int64))
	}
	return out
}

func (a *sum) load(t *Table, groups []uint32, cols []arrow.Array) {
	s := t.slab()
	if a.kind == sumDecimals {
		for i, v := range decimals(cols[0]) {
			if cols[0].IsValid(i) {
				w := s.wide(groups[i], a.off)
				w.lo, w.mid, w.hi = v.LowBits(), uint64(v.HighBits()), uint64(v.HighBits()>>63)
				*s.header(groups[i]) |= a.bit
			}
		}
		for i, v := range vector.Values[int64](cols[1]) {
			s.wide(groups[i], a.off).hi += uint64(v)
		}
	} else {
		for i, v := range vector.Values[int64](cols[0]) { // the bits of a double too
			if cols[0].IsValid(i) {
				*s.i64(groups[i], a.off) = v
				*s.header(groups[i]) |= a.bit
			}
		}
	}
	if a.counted {
		t.setWords(groups, a.n, cols[len(cols)-1])
	}
}

// moments are VAR_POP, VAR_SAMP, STDDEV_POP and STDDEV_SAMP, from n, Σx and
// Σx² in doubles, as Flink rewrites them.
type moments struct{ base }

func newMoments(b base) (acc, error) { return &moments{base: b}, checkNumber(b) }

// checkNumber reports a result that is no number.
func checkNumber(b base) error {
	switch b.of.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128:
		return nil
	default:
		return fmt.Errorf("%s does not give %v", b.spec.Func, b.of)
	}
}

func (a *moments) place(off uintptr, bit uint64) int { a.at(off, bit); return 24 }

func (a *moments) fold(t *Table, in input)    { a.apply(t, in, 1) }
func (a *moments) retract(t *Table, in input) { a.apply(t, in, -1) }

func (a *moments) apply(t *Table, in input, sign float64) {
	s, v := t.slab(), t.layout.scratch.float64s(in.rec.Column(a.arg))
	addConst(s, in.gids, a.off, int64(sign))
	for i, g := range in.gids {
		r := uint32(i)
		if in.rows != nil {
			r = in.rows[i]
		}
		*s.f64(g, a.off+8) += sign * v[r]
		*s.f64(g, a.off+16) += sign * v[r] * v[r]
	}
}

func (a *moments) merge(t, from *Table, dst, src []uint32) {
	s, f := t.slab(), from.slab()
	mergeWords(s, f, dst, src, a.off)
	for i, g := range dst {
		*s.f64(g, a.off+8) += *f.f64(src[i], a.off+8)
		*s.f64(g, a.off+16) += *f.f64(src[i], a.off+16)
	}
}

func (a *moments) emit(t *Table, groups []uint32) arrow.Array {
	s, c := t.slab(), newColumn[float64](t.layout.alloc, len(groups))
	for i, g := range groups {
		n := float64(*s.i64(g, a.off))
		d := n
		if a.spec.Func == "var_samp" || a.spec.Func == "stddev_samp" {
			d = n - 1
		}
		if d <= 0 {
			c.null(i)
			continue
		}
		sum := *s.f64(g, a.off+8)
		v := (*s.f64(g, a.off+16) - sum*sum/n) / d
		if a.spec.Func == "stddev_pop" || a.spec.Func == "stddev_samp" {
			v = math.Sqrt(max(v, 0))
		}
		c.values[i] = v
	}
	return numbers(t, c, a.of)
}

// numbers finishes a column of doubles as the type of a result: truncated to an
// integer, rounded to a decimal (NULL where it has too many digits).
func numbers(t *Table, c *column[float64], of arrow.DataType) arrow.Array {
	switch of := of.(type) {
	case *arrow.Float64Type:
		return c.array(of)
	case *arrow.Float32Type:
		return narrowFloats(t, c, of)
	case *arrow.Decimal128Type:
		out := newColumn[decimal128.Num](t.layout.alloc, len(c.values))
		for i, v := range c.values {
			n, err := decimal128.FromFloat64(v, of.Precision, of.Scale)
			if err != nil || c.valid[i>>3]>>(i&7)&1 == 0 {
				out.null(i)
				continue
			}
			out.values[i] = n
		}
		c.buf.Release()
		c.nul.Release()
		return out.array(of)
	}
	out := newColumn[int64](t.layout.alloc, len(c.values))
	for i, v := range c.values {
		out.values[i] = int64(v)
	}
	copy(out.valid, c.valid)
	out.nulls = c.nulls
	c.buf.Release()
	c.nul.Release()
	return narrowed(t.layout.alloc, out, of)
}

func (a *moments) columns() []arrow.Field {
	return []arrow.Field{
		a.column("n", arrow.PrimitiveTypes.Int64),
		a.column("sum", arrow.PrimitiveTypes.Float64), a.column("squares", arrow.PrimitiveTypes.Float64),
	}
}

func (a *moments) export(t *Table, groups []uint32) []arrow.Array {
	return []arrow.Array{
		words(t, groups, a.off).array(arrow.PrimitiveTypes.Int64),
		words(t, groups, a.off+8).array(arrow.PrimitiveTypes.Float64),
		words(t, groups, a.off+16).array(arrow.PrimitiveTypes.Float64),
	}
}

func (a *moments) load(t *Table, groups []uint32, cols []arrow.Array) {
	for i, c := range cols {
		t.setWords(groups, a.off+uintptr(8*i), c)
	}
}
