// Package decimal computes with DECIMAL(p, s) values as SQL does: exactly, with
// results rounded half up (away from zero) to a given scale, and with overflow
// of the precision reported and not wrapped.
//
// A value is an arrow decimal128.Num that counts units of 10^-scale; scale and
// precision stand in the type and are arguments here. Products and aligned
// operands have up to 76 digits, so the arithmetic runs on magnitudes of 256
// bits and never allocates; only division by more than 64 bits uses math/big.
package decimal

import (
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Num is an unscaled decimal value.
type Num = decimal128.Num

// MaxPrecision is the most digits that a value may have.
const MaxPrecision = 38

// wide is an unsigned integer of 256 bits, least significant word first.
type wide [4]uint64

// pow10 are the powers of ten that fit into 64 bits.
var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// magnitude splits a value into sign and absolute value.
func magnitude(n Num) (w wide, negative bool) {
	lo, hi := n.LowBits(), uint64(n.HighBits())
	if n.HighBits() < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
		return wide{lo, hi}, true
	}
	return wide{lo, hi}, false
}

// num joins sign and absolute value; ok is false when it has more digits than
// precision.
func (w wide) num(negative bool, precision int32) (n Num, ok bool) {
	if w[3]|w[2] != 0 || w[1]>>63 != 0 {
		return Num{}, false
	}
	n = decimal128.New(int64(w[1]), w[0])
	if !Fits(n, precision) {
		return Num{}, false
	}
	if negative {
		n = n.Negate()
	}
	return n, true
}

// Fits tells whether n has at most precision digits.
func Fits(n Num, precision int32) bool {
	if precision <= 18 && (n.HighBits() == 0 || n.HighBits() == -1) {
		lo := int64(n.LowBits())
		if (n.HighBits() < 0) != (lo < 0) {
			return false
		}
		if lo < 0 {
			lo = -lo
		}
		return uint64(lo) < pow10[precision]
	}
	return n.FitsInPrecision(precision)
}

// mulWord multiplies by a word; what does not fit into 256 bits is reported.
func (w wide) mulWord(m uint64) (out wide, ok bool) {
	var carry uint64
	for i, x := range w {
		hi, lo := bits.Mul64(x, m)
		lo, c := bits.Add64(lo, carry, 0)
		out[i], carry = lo, hi+c
	}
	return out, carry == 0
}

// shift multiplies by 10^digits.
func (w wide) shift(digits int32) (wide, bool) {
	ok := true
	for digits > 0 && ok {
		step := min(digits, 19)
		w, ok = w.mulWord(pow10[step])
		digits -= step
	}
	return w, ok
}

// divWord divides by a word.
func (w wide) divWord(d uint64) (quotient wide, rest uint64) {
	for i := 3; i >= 0; i-- {
		quotient[i], rest = bits.Div64(rest, w[i], d)
	}
	return quotient, rest
}

// drop divides by 10^digits and rounds half up. Only the first dropped digit
// decides, so the others may be cut off before.
func (w wide) drop(digits int32) wide {
	if digits <= 0 {
		return w
	}
	w = w.cut(digits - 1)
	w, last := w.divWord(10)
	if last >= 5 {
		w = w.add(wide{1})
	}
	return w
}

// cut divides by 10^digits and rounds toward zero.
func (w wide) cut(digits int32) wide {
	for digits > 0 {
		step := min(digits, 19)
		w, _ = w.divWord(pow10[step])
		digits -= step
	}
	return w
}

func (w wide) add(x wide) (out wide) {
	var c uint64
	for i := range w {
		out[i], c = bits.Add64(w[i], x[i], c)
	}
	return out
}

func (w wide) sub(x wide) (out wide) {
	var b uint64
	for i := range w {
		out[i], b = bits.Sub64(w[i], x[i], b)
	}
	return out
}

func (w wide) cmp(x wide) int {
	for i := 3; i >= 0; i-- {
		if w[i] != x[i] {
			if w[i] < x[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Rescale changes the scale of n, rounding half up.
func Rescale(n Num, from, to, precision int32) (Num, bool) {
	if from == to {
		return n, Fits(n, precision)
	}
	w, neg := magnitude(n)
	if to < from {
		return w.drop(from-to).num(neg, precision)
	}
	w, ok := w.shift(to - from)
	if !ok {
		return Num{}, false
	}
	return w.num(neg, precision)
}

// Add returns a + b in the given scale.
func Add(a Num, sa int32, b Num, sb, scale, precision int32) (Num, bool) {
	x, xneg := magnitude(a)
	y, yneg := magnitude(b)
	s := max(sa, sb)
	x, ok1 := x.shift(s - sa)
	y, ok2 := y.shift(s - sb)
	if !ok1 || !ok2 {
		return Num{}, false
	}
	var sum wide
	neg := xneg
	switch {
	case xneg == yneg:
		sum = x.add(y)
	case x.cmp(y) >= 0:
		sum = x.sub(y)
	default:
		sum, neg = y.sub(x), yneg
	}
	if s > scale {
		sum = sum.drop(s - scale)
	} else if sum, ok1 = sum.shift(scale - s); !ok1 {
		return Num{}, false
	}
	return sum.num(neg, precision)
}

// Sub returns a - b in the given scale.
func Sub(a Num, sa int32, b Num, sb, scale, precision int32) (Num, bool) {
	return Add(a, sa, b.Negate(), sb, scale, precision)
}

// Mul returns a * b in the given scale.
func Mul(a Num, sa int32, b Num, sb, scale, precision int32) (Num, bool) {
	x, xneg := magnitude(a)
	y, yneg := magnitude(b)
	low, _ := x.mulWord(y[0])
	high, _ := x.mulWord(y[1])
	product := low.add(wide{0, high[0], high[1], high[2]})
	if drop := sa + sb - scale; drop >= 0 {
		product = product.drop(drop)
	} else {
		var ok bool
		if product, ok = product.shift(-drop); !ok {
			return Num{}, false
		}
	}
	return product.num(xneg != yneg, precision)
}

// Div returns a / b in the given scale. The caller has checked that b is not 0.
func Div(a Num, sa int32, b Num, sb, scale, precision int32) (Num, bool) {
	x, xneg := magnitude(a)
	y, yneg := magnitude(b)
	digits := scale - sa + sb
	if num, ok := x.shift(digits); ok && digits >= 0 && y[1] == 0 {
		q, rest := num.divWord(y[0])
		if rest >= y[0]-rest {
			q = q.add(wide{1})
		}
		return q.num(xneg != yneg, precision)
	}
	num, den := new(big.Int).Abs(a.BigInt()), new(big.Int).Abs(b.BigInt())
	if digits >= 0 {
		num.Mul(num, power(digits))
	} else {
		den.Mul(den, power(-digits))
	}
	q, rest := num.QuoRem(num, den, new(big.Int))
	if rest.Lsh(rest, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return fromBig(q, xneg != yneg, precision)
}

// Mod returns the remainder of a / b, which has the sign of a, in the given
// scale. The caller has checked that b is not 0.
func Mod(a Num, sa int32, b Num, sb, scale, precision int32) (Num, bool) {
	s := max(sa, sb)
	x := new(big.Int).Mul(a.BigInt(), power(s-sa))
	y := new(big.Int).Mul(b.BigInt(), power(s-sb))
	x.Rem(x, y)
	neg := x.Sign() < 0
	x.Abs(x)
	w := fromWords(x)
	if s > scale {
		w = w.drop(s - scale)
	} else {
		var ok bool
		if w, ok = w.shift(scale - s); !ok {
			return Num{}, false
		}
	}
	return w.num(neg, precision)
}

func power(digits int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

func fromWords(x *big.Int) (w wide) {
	var b [32]byte
	x.FillBytes(b[:])
	for i := range w {
		for j := range 8 {
			w[i] |= uint64(b[31-8*i-j]) << (8 * j)
		}
	}
	return w
}

func fromBig(x *big.Int, negative bool, precision int32) (Num, bool) {
	if x.BitLen() > 127 {
		return Num{}, false
	}
	return fromWords(x).num(negative, precision)
}

// Cmp compares two values of any scales.
func Cmp(a Num, sa int32, b Num, sb int32) int {
	if sa == sb {
		return a.Cmp(b)
	}
	if a.Sign() != b.Sign() {
		if a.Sign() < b.Sign() {
			return -1
		}
		return 1
	}
	x, neg := magnitude(a)
	y, _ := magnitude(b)
	s := max(sa, sb)
	x, _ = x.shift(s - sa)
	y, _ = y.shift(s - sb)
	if neg {
		return y.cmp(x)
	}
	return x.cmp(y)
}

// Floor returns the greatest whole number that is not above n, with scale 0.
func Floor(n Num, scale int32) Num { return whole(n, scale, true) }

// Ceil returns the least whole number that is not below n, with scale 0.
func Ceil(n Num, scale int32) Num { return whole(n, scale, false) }

func whole(n Num, scale int32, down bool) Num {
	w, neg := magnitude(n)
	q := w.cut(scale)
	back, _ := q.shift(scale)
	if neg == down && back.cmp(w) != 0 {
		q = q.add(wide{1})
	}
	out, _ := q.num(neg, MaxPrecision)
	return out
}

// Round rounds n half up to keep digits behind the point; negative digits
// round to tens, hundreds and so on. The result has the scale max(keep, 0),
// or that of n when it is smaller.
func Round(n Num, scale, keep, precision int32) (Num, bool) {
	if keep >= scale {
		return n, Fits(n, precision)
	}
	w, neg := magnitude(n)
	w = w.drop(min(scale-keep, 77))
	w, ok := w.shift(min(max(-keep, 0), 77))
	if !ok {
		return Num{}, false
	}
	return w.num(neg, precision)
}

// Truncate is Round toward zero.
func Truncate(n Num, scale, keep, precision int32) (Num, bool) {
	if keep >= scale {
		return n, Fits(n, precision)
	}
	w, neg := magnitude(n)
	w, ok := w.cut(min(scale-keep, 77)).shift(min(max(-keep, 0), 77))
	if !ok {
		return Num{}, false
	}
	return w.num(neg, precision)
}

// Int returns the whole part of n; beyond 64 bits it wraps around, as a cast
// does in Java.
func Int(n Num, scale int32) int64 {
	w, neg := magnitude(n)
	v := int64(w.cut(scale)[0])
	if neg {
		return -v
	}
	return v
}

// FromInt is a whole number with scale 0.
func FromInt(v int64) Num { return decimal128.New(v>>63, uint64(v)) }
