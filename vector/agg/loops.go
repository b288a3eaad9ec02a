package agg

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// slab is where the accumulators of a table's groups stand: those of group g
// begin at base + g·stride. It is good until a group is added.
type slab struct {
	base   unsafe.Pointer
	stride uintptr
}

func (s slab) row(g uint32) unsafe.Pointer { return unsafe.Add(s.base, uintptr(g)*s.stride) }

// The words of a group's row. The offsets come from Layout.place.
func (s slab) header(g uint32) *uint64             { return (*uint64)(s.row(g)) }
func (s slab) i64(g uint32, off uintptr) *int64    { return (*int64)(unsafe.Add(s.row(g), off)) }
func (s slab) u64(g uint32, off uintptr) *uint64   { return (*uint64)(unsafe.Add(s.row(g), off)) }
func (s slab) f64(g uint32, off uintptr) *float64  { return (*float64)(unsafe.Add(s.row(g), off)) }
func (s slab) wide(g uint32, off uintptr) *int192  { return (*int192)(unsafe.Add(s.row(g), off)) }
func (s slab) pair(g uint32, off uintptr) *uint128 { return (*uint128)(unsafe.Add(s.row(g), off)) }

// mark sets bits of the headers.
func mark(s slab, gids []uint32, mask uint64) {
	for _, g := range gids {
		*s.header(g) |= mask
	}
}

// markCount is mark and addConst in one pass: headers and counts share a
// cache line.
func markCount(s slab, gids []uint32, mask uint64, off uintptr) {
	for _, g := range gids {
		p := s.row(g)
		*(*uint64)(p) |= mask
		*(*int64)(unsafe.Add(p, off))++
	}
}

func addConst(s slab, gids []uint32, off uintptr, by int64) {
	for _, g := range gids {
		*s.i64(g, off) += by
	}
}

// addWords adds v, or takes it away; BIGINT wraps around as in Flink.
func addWords(s slab, gids, rows []uint32, off uintptr, v []int64, sign int64) {
	switch {
	case rows != nil:
		for i, g := range gids {
			*s.i64(g, off) += v[rows[i]] * sign
		}
	case sign < 0:
		v = v[:len(gids)]
		for i, g := range gids {
			*s.i64(g, off) -= v[i]
		}
	default:
		v = v[:len(gids)]
		for i, g := range gids {
			*s.i64(g, off) += v[i]
		}
	}
}

func addFloats(s slab, gids, rows []uint32, off uintptr, v []float64, sign float64) {
	if rows != nil {
		for i, g := range gids {
			*s.f64(g, off) += v[rows[i]] * sign
		}
		return
	}
	v = v[:len(gids)]
	for i, g := range gids {
		*s.f64(g, off) += v[i] * sign
	}
}

func addDecimals(s slab, gids, rows []uint32, off uintptr, v []decimal128.Num, sign int64) {
	for i, g := range gids {
		r := uint32(i)
		if rows != nil {
			r = rows[i]
		}
		x := v[r]
		if sign < 0 {
			x = x.Negate()
		}
		s.wide(g, off).add(x)
	}
}

// int192 is a sum of up to 2^64 decimals, exact: it cannot overflow, so that
// the order of additions, merges and retractions does not matter.
type int192 struct{ lo, mid, hi uint64 }

func (a *int192) add(x decimal128.Num) {
	var c uint64
	a.lo, c = bits.Add64(a.lo, x.LowBits(), 0)
	a.mid, c = bits.Add64(a.mid, uint64(x.HighBits()), c)
	a.hi, _ = bits.Add64(a.hi, uint64(x.HighBits()>>63), c)
}

func (a *int192) addWide(b *int192) {
	var c uint64
	a.lo, c = bits.Add64(a.lo, b.lo, 0)
	a.mid, c = bits.Add64(a.mid, b.mid, c)
	a.hi, _ = bits.Add64(a.hi, b.hi, c)
}

// num is the sum as a decimal; fits is false when it has more than 128 bits.
func (a *int192) num() (n decimal128.Num, fits bool) {
	return decimal128.New(int64(a.mid), a.lo), a.hi == uint64(int64(a.mid)>>63)
}

// uint128 orders like the value it was made from.
type uint128 struct{ lo, hi uint64 }

func (a uint128) less(b uint128) bool {
	return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
}

// raise keeps the greater of the accumulator and v^flip in each group. Empty
// accumulators are 0, the least word; flip turns a value into a word that
// grows with it (the sign bit, for a maximum of signed integers) or against it
// (its complement, for a minimum).
func raise(s slab, gids, rows []uint32, off uintptr, v []int64, flip uint64) {
	if rows != nil {
		for i, g := range gids {
			p := s.u64(g, off)
			*p = max(*p, uint64(v[rows[i]])^flip)
		}
		return
	}
	v = v[:len(gids)]
	for i, g := range gids {
		p := s.u64(g, off)
		*p = max(*p, uint64(v[i])^flip)
	}
}
