package vector

import (
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// DecimalArith returns a op b as decimals of type out, computed exactly and
// rounded HALF_UP to its scale; NULL where an operand is NULL, where the result
// needs more digits than out has, and where a divisor is zero (see ZeroDivisor).
// Operands are decimals of any precision and scale or integers, which count as
// decimals of scale 0. The remainder has the sign of the dividend.
func DecimalArith(alloc memory.Allocator, op ArithOp, a, b arrow.Array, out *arrow.Decimal128Type) arrow.Array {
	n := a.Len()
	da, db := a.Data(), b.Data()
	validity, nulls := bothValid(alloc, n, da, db)
	return decimalArith(alloc, op, decimalColumn(da), decimalColumn(db), n, out, validity, nulls)
}

// DecimalArithScalar is DecimalArith with a constant of the given scale on the
// right, or nil for NULL.
func DecimalArithScalar(alloc memory.Allocator, op ArithOp, a arrow.Array, s *decimal128.Num, scale int32, out *arrow.Decimal128Type) arrow.Array {
	if s == nil {
		return allNull(alloc, out, a.Len())
	}
	validity, nulls := bothValid(alloc, a.Len(), a.Data())
	return decimalArith(alloc, op, decimalColumn(a.Data()), decimalConstant(*s, scale), a.Len(), out, validity, nulls)
}

// ScalarDecimalArith is DecimalArith with a constant on the left.
func ScalarDecimalArith(alloc memory.Allocator, op ArithOp, s *decimal128.Num, scale int32, b arrow.Array, out *arrow.Decimal128Type) arrow.Array {
	if s == nil {
		return allNull(alloc, out, b.Len())
	}
	validity, nulls := bothValid(alloc, b.Len(), b.Data())
	return decimalArith(alloc, op, decimalConstant(*s, scale), decimalColumn(b.Data()), b.Len(), out, validity, nulls)
}

// decimalOperand is a column of decimals or integers, or a constant.
type decimalOperand struct {
	dec       []decimal128.Num
	ints      arrow.ArrayData // integers of any width
	constant  decimal128.Num
	precision int32
	scale     int32
}

func decimalColumn(d arrow.ArrayData) decimalOperand {
	if t, ok := d.DataType().(*arrow.Decimal128Type); ok {
		return decimalOperand{dec: values[decimal128.Num](d), precision: t.Precision, scale: t.Scale}
	}
	o := decimalOperand{ints: d}
	switch physicalOf(d.DataType()) {
	case i8, u8:
		o.precision = 3
	case i16, u16:
		o.precision = 5
	case i32, u32:
		o.precision = 10
	case i64:
		o.precision = 19
	default:
		panic(noKernel("compute decimals of", d.DataType()))
	}
	return o
}

func decimalConstant(v decimal128.Num, scale int32) decimalOperand {
	return decimalOperand{constant: v, scale: scale, precision: digits(v)}
}

// digits is the number of decimal digits of v, at least 1.
func digits(v decimal128.Num) int32 {
	v = v.Abs()
	for p := int32(1); p < 39; p++ {
		if v.FitsInPrecision(p) {
			return p
		}
	}
	return 39
}

// read writes rows [lo, lo+len(dst)) of the operand.
func (o *decimalOperand) read(dst []decimal128.Num, scratch []uint64, lo int) []decimal128.Num {
	switch {
	case o.dec != nil:
		return o.dec[lo : lo+len(dst)]
	case o.ints != nil:
		w := scratch[:len(dst)]
		words(w, o.ints, lo)
		for i, v := range w {
			dst[i] = decimal128.New(int64(v)>>63, v)
		}
	default:
		for i := range dst {
			dst[i] = o.constant
		}
	}
	return dst
}

func decimalArith(alloc memory.Allocator, op ArithOp, a, b decimalOperand, n int, out *arrow.Decimal128Type, validity *memory.Buffer, nulls int) arrow.Array {
	buf, dst := newValues[decimal128.Num](alloc, n)
	w := newDecimalWriter(alloc, n, validity, nulls)
	if op == Mul && mulFast(dst, a, b, out) {
		return fixed(out, n, nulls, validity, buf)
	}
	step := newDecimalStep(op, a.scale, b.scale, out)
	var sa, sb [chunk]decimal128.Num
	var sw [chunk]uint64
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		x := a.read(sa[:hi-lo], sw[:], lo)
		y := b.read(sb[:hi-lo], sw[:], lo)
		for i := range x {
			if !w.isValid(lo + i) {
				dst[lo+i] = decimal128.Num{}
				continue
			}
			v, ok := step.apply(x[i], y[i])
			dst[lo+i] = v
			if !ok {
				w.setNull(lo + i)
			}
		}
	}
	validity, nulls = w.finish()
	return fixed(out, n, nulls, validity, buf)
}

// mulFast multiplies where operands of 64 bits give every digit of the result
// and no result can need more digits than there are.
func mulFast(dst []decimal128.Num, a, b decimalOperand, out *arrow.Decimal128Type) bool {
	if a.scale+b.scale != out.Scale || a.precision+b.precision > out.Precision {
		return false
	}
	if a.dec == nil && a.ints == nil {
		a, b = b, a
	}
	small := func(o decimalOperand) bool { return o.precision <= 18 || o.ints != nil }
	if b.dec != nil || b.ints != nil || !small(a) || !small(b) {
		return false
	}
	s := int64(b.constant.LowBits())
	if a.ints != nil {
		if v, ok := aliasWords(a.ints); ok {
			mulWords(dst, v, s)
			return true
		}
		var scratch [chunk]uint64
		for lo := 0; lo < len(dst); lo += chunk {
			w := scratch[:min(chunk, len(dst)-lo)]
			words(w, a.ints, lo)
			mulWords(dst[lo:lo+len(w)], w, s)
		}
		return true
	}
	for i, v := range a.dec[:len(dst)] {
		dst[i] = mul64(v.LowBits(), s)
	}
	return true
}

// mulWords sets dst[i] = v[i]·s for signed words.
func mulWords(dst []decimal128.Num, v []uint64, s int64) {
	dst = dst[:len(v)]
	for i, x := range v {
		dst[i] = mul64(x, s)
	}
}

// mul64 is the signed product of two words.
func mul64(x uint64, s int64) decimal128.Num {
	hi, lo := bits.Mul64(x, uint64(s))
	return decimal128.New(int64(hi)-(int64(x)>>63)&s-(s>>63)&int64(x), lo)
}

// decimalWriter keeps the validity of results that may become NULL.
type decimalWriter struct {
	alloc    memory.Allocator
	n        int
	validity *memory.Buffer
	bits     []byte
	nulls    int
}

func newDecimalWriter(alloc memory.Allocator, n int, validity *memory.Buffer, nulls int) *decimalWriter {
	w := &decimalWriter{alloc: alloc, n: n, validity: validity, nulls: nulls}
	if validity != nil {
		w.bits = validity.Bytes()
	}
	return w
}

func (w *decimalWriter) isValid(i int) bool { return w.bits == nil || bitAt(w.bits, i) == 1 }

func (w *decimalWriter) setNull(i int) {
	if w.bits == nil {
		w.validity, w.bits = newBuffer(w.alloc, bitBytes(w.n))
		for j := range w.bits {
			w.bits[j] = 0xff
		}
		clearTail(w.bits, w.n)
	}
	w.bits[i/8] &^= 1 << (i % 8)
	w.nulls++
}

func (w *decimalWriter) finish() (*memory.Buffer, int) { return w.validity, w.nulls }

// decimalStep computes one row. Within 128 bits it uses machine words; beyond,
// big integers.
type decimalStep struct {
	op        ArithOp
	a, b      int32 // scales
	out       *arrow.Decimal128Type
	upA, upB  int32 // powers of ten that align the scales for + - %
	common    int32 // the aligned scale
	numerator int32 // power of ten on the dividend
}

func newDecimalStep(op ArithOp, a, b int32, out *arrow.Decimal128Type) *decimalStep {
	s := &decimalStep{op: op, a: a, b: b, out: out, common: max(a, b)}
	s.upA, s.upB = s.common-a, s.common-b
	s.numerator = out.Scale - a + b
	return s
}

func (s *decimalStep) apply(x, y decimal128.Num) (decimal128.Num, bool) {
	switch s.op {
	case Add, Sub:
		x, okx := scaleUp(x, s.upA)
		y, oky := scaleUp(y, s.upB)
		if okx && oky {
			if s.op == Sub {
				y = y.Negate()
			}
			return rescale(x.Add(y), s.common, s.out)
		}
	case Mul:
		if bitLen(x)+bitLen(y) <= 127 {
			return rescale(x.Mul(y), s.a+s.b, s.out)
		}
	case Mod:
		if y == (decimal128.Num{}) {
			return y, false
		}
		x, okx := scaleUp(x, s.upA)
		y, oky := scaleUp(y, s.upB)
		if okx && oky {
			_, r := quoRem(x, y)
			return rescale(r, s.common, s.out)
		}
	case Div:
		if y == (decimal128.Num{}) {
			return y, false
		}
		if s.numerator >= 0 {
			if num, ok := scaleUp(x, s.numerator); ok {
				return fit(divHalfUp(num, y), s.out)
			}
		}
	}
	return s.big(x.BigInt(), y.BigInt())
}

// big is apply for what does not fit 128 bits on the way.
func (s *decimalStep) big(x, y *big.Int) (decimal128.Num, bool) {
	r := new(big.Int)
	scale := s.common
	switch s.op {
	case Add:
		r.Add(bigUp(x, s.upA), bigUp(y, s.upB))
	case Sub:
		r.Sub(bigUp(x, s.upA), bigUp(y, s.upB))
	case Mul:
		r.Mul(x, y)
		scale = s.a + s.b
	case Mod:
		r.Rem(bigUp(x, s.upA), bigUp(y, s.upB))
	case Div:
		if s.numerator < 0 {
			y = bigUp(y, -s.numerator)
		}
		return fitBig(bigDivHalfUp(bigUp(x, max(s.numerator, 0)), y), s.out)
	}
	if scale <= s.out.Scale {
		return fitBig(bigUp(r, s.out.Scale-scale), s.out)
	}
	return fitBig(bigDivHalfUp(r, tenTo(scale-s.out.Scale)), s.out)
}

// bitLen is the number of bits of |v|.
func bitLen(v decimal128.Num) int {
	v = v.Abs()
	if h := uint64(v.HighBits()); h != 0 {
		return 64 + bits.Len64(h)
	}
	return bits.Len64(v.LowBits())
}

// scaleUp is v·10^k and whether it fits.
func scaleUp(v decimal128.Num, k int32) (decimal128.Num, bool) {
	if k == 0 {
		return v, true
	}
	if k > 38 {
		return v, v == decimal128.Num{}
	}
	ten := decimal128.GetScaleMultiplier(int(k))
	if bitLen(v)+bitLen(ten) > 127 {
		return v, false
	}
	return v.Mul(ten), true
}

// rescale moves v from a scale to out's, rounding HALF_UP, and reports whether
// it fits out's precision.
func rescale(v decimal128.Num, scale int32, out *arrow.Decimal128Type) (decimal128.Num, bool) {
	switch k := out.Scale - scale; {
	case k > 0:
		if v == (decimal128.Num{}) {
			return v, true
		}
		if k >= out.Precision || !v.FitsInPrecision(out.Precision-k) {
			return decimal128.Num{}, false
		}
		return v.Mul(decimal128.GetScaleMultiplier(int(k))), true
	case k < -38:
		return decimal128.Num{}, true
	case k < 0:
		v = divHalfUp(v, decimal128.GetScaleMultiplier(int(-k)))
	}
	return fit(v, out)
}

func fit(v decimal128.Num, out *arrow.Decimal128Type) (decimal128.Num, bool) {
	if !v.FitsInPrecision(out.Precision) {
		return decimal128.Num{}, false
	}
	return v, true
}

// quoRem is the truncated quotient and the remainder of x by y, which is not 0.
func quoRem(x, y decimal128.Num) (q, r decimal128.Num) {
	d := y.Abs()
	if d.HighBits() != 0 {
		return x.Div(y)
	}
	n := x.Abs()
	hi, rem := bits.Div64(0, uint64(n.HighBits()), d.LowBits())
	lo, rem := bits.Div64(rem, n.LowBits(), d.LowBits())
	q, r = decimal128.New(int64(hi), lo), decimal128.FromU64(rem)
	if (x.HighBits() < 0) != (y.HighBits() < 0) {
		q = q.Negate()
	}
	if x.HighBits() < 0 {
		r = r.Negate()
	}
	return q, r
}

// divHalfUp is x/y rounded to the nearest, halves away from zero.
func divHalfUp(x, y decimal128.Num) decimal128.Num {
	q, r := quoRem(x, y)
	// 2r ≥ |y|, without doubling: 10^38 has 127 bits.
	if r = r.Abs(); !r.Less(y.Abs().Sub(r)) {
		if (x.Sign() < 0) != (y.Sign() < 0) {
			return q.Sub(decimal128.FromU64(1))
		}
		return q.Add(decimal128.FromU64(1))
	}
	return q
}

func tenTo(k int32) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil) }

func bigUp(v *big.Int, k int32) *big.Int {
	if k == 0 {
		return v
	}
	return new(big.Int).Mul(v, tenTo(k))
}

func bigDivHalfUp(x, y *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(x, y, new(big.Int))
	if r.Abs(r).Lsh(r, 1).CmpAbs(y) >= 0 {
		q.Add(q, big.NewInt(int64(x.Sign()*y.Sign())))
	}
	return q
}

func fitBig(v *big.Int, out *arrow.Decimal128Type) (decimal128.Num, bool) {
	if v.CmpAbs(tenTo(out.Precision)) >= 0 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(v), true
}

func negDecimals(alloc memory.Allocator, a arrow.Array) arrow.Array {
	n := a.Len()
	validity, nulls := bothValid(alloc, n, a.Data())
	buf, dst := newValues[decimal128.Num](alloc, n)
	for i, v := range values[decimal128.Num](a.Data()) {
		dst[i] = v.Negate()
	}
	return fixed(a.DataType(), n, nulls, validity, buf)
}
