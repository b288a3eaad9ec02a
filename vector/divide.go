package vector

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

func trailing(b byte) int { return bits.TrailingZeros8(b) }

// zeroOf is the constant 0 that compares with arrays of type t.
func zeroOf(t arrow.DataType) any {
	if physicalOf(t) == d128 {
		return decimal128.Num{}
	}
	return int64(0)
}

// divideScalar sets dst[i] to the quotient or the remainder of a[i] and s.
func divideScalar[T Integer](dst []T, op ArithOp, a []T, s T) {
	if s == 0 {
		clear(dst)
		return
	}
	if wide, ok := any(a).([]int64); ok && s != 1 && int64(s) != -1 {
		d := newDivisor(int64(s))
		out := unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
		if op == Div {
			d.quotients(out, wide)
		} else {
			d.remainders(out, wide)
		}
		return
	}
	if op == Div {
		for i := range dst {
			dst[i] = a[i] / s
		}
		return
	}
	for i := range dst {
		dst[i] = a[i] % s
	}
}

// divisor divides 64-bit integers by a constant without a division
// (Granlund and Montgomery 1994; Hacker's Delight, 10-1): with d of magnitude
// 2^k < |d| ≤ 2^(k+1), the quotient is the high half of x times a multiplier of
// 64 bits, corrected by x where the multiplier needed 65, shifted by k, plus one
// for negative results.
type divisor struct {
	d          int64
	multiplier int64
	shift      uint
}

// newDivisor prepares for d, which is not 0, 1 or -1.
func newDivisor(d int64) divisor {
	abs := uint64(d)
	if d < 0 {
		abs = -abs
	}
	const two63 = 1 << 63
	t := two63 + uint64(d)>>63
	anc := t - 1 - t%abs // absolute value of nc
	p := uint(63)
	q1, r1 := two63/anc, two63%anc
	q2, r2 := two63/abs, two63%abs
	for {
		p++
		q1, r1 = 2*q1, 2*r1
		if r1 >= anc {
			q1, r1 = q1+1, r1-anc
		}
		q2, r2 = 2*q2, 2*r2
		if r2 >= abs {
			q2, r2 = q2+1, r2-abs
		}
		if delta := abs - r2; q1 > delta || q1 == delta && r1 != 0 {
			break
		}
	}
	m := int64(q2 + 1)
	if d < 0 {
		m = -m
	}
	return divisor{d: d, multiplier: m, shift: p - 64}
}

func (d divisor) quotients(dst, a []int64) {
	m, shift := d.multiplier, d.shift&63
	mneg := m >> 63
	// The multiplier stands for itself plus or minus 2^64 when its sign is not d's.
	fix := int64(0)
	if d.d > 0 && m < 0 {
		fix = 1
	} else if d.d < 0 && m > 0 {
		fix = -1
	}
	a = a[:len(dst)]
	for i := range dst {
		x := a[i]
		hi, _ := bits.Mul64(uint64(x), uint64(m))
		q := int64(hi) - (x>>63)&m - mneg&x + fix*x
		q >>= shift
		dst[i] = q + int64(uint64(q)>>63)
	}
}

func (d divisor) remainders(dst, a []int64) {
	m, shift, by := d.multiplier, d.shift&63, d.d
	mneg := m >> 63
	fix := int64(0)
	if d.d > 0 && m < 0 {
		fix = 1
	} else if d.d < 0 && m > 0 {
		fix = -1
	}
	a = a[:len(dst)]
	for i := range dst {
		x := a[i]
		hi, _ := bits.Mul64(uint64(x), uint64(m))
		q := int64(hi) - (x>>63)&m - mneg&x + fix*x
		q >>= shift
		q += int64(uint64(q) >> 63)
		dst[i] = x - q*by
	}
}
