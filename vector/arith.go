package vector

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ArithOp is an operation of two numbers of one type. Integers wrap around and
// division truncates, as in Java; the remainder has the sign of the dividend,
// for floats too. Division by zero gives infinity or NaN for floats and any
// value for integers: see ZeroDivisor.
type ArithOp uint8

// The operations.
const (
	Add ArithOp = iota
	Sub
	Mul
	Div
	Mod
)

func (op ArithOp) String() string { return [...]string{"+", "-", "*", "/", "%"}[op] }

// Arith returns a op b, row by row; NULL where either is NULL. Both are of the
// same kind in memory, an integer or a float (dates, times, timestamps and
// intervals are integers), and the result has a's type. For decimals see
// DecimalArith.
func Arith(alloc memory.Allocator, op ArithOp, a, b arrow.Array) arrow.Array {
	validity, nulls := bothValid(alloc, a.Len(), a.Data(), b.Data())
	return arith(alloc, op, operands{t: a.DataType(), n: a.Len(), a: a.Data(), b: b.Data()}, validity, nulls)
}

// ArithScalar is Arith with a constant on the right: int64 or float64, or nil
// for NULL.
func ArithScalar(alloc memory.Allocator, op ArithOp, a arrow.Array, s any) arrow.Array {
	if s == nil {
		return allNull(alloc, a.DataType(), a.Len())
	}
	validity, nulls := bothValid(alloc, a.Len(), a.Data())
	return arith(alloc, op, operands{t: a.DataType(), n: a.Len(), a: a.Data(), scalar: s}, validity, nulls)
}

// ScalarArith is Arith with a constant on the left.
func ScalarArith(alloc memory.Allocator, op ArithOp, s any, b arrow.Array) arrow.Array {
	if s == nil {
		return allNull(alloc, b.DataType(), b.Len())
	}
	validity, nulls := bothValid(alloc, b.Len(), b.Data())
	return arith(alloc, op, operands{t: b.DataType(), n: b.Len(), b: b.Data(), scalar: s}, validity, nulls)
}

// operands are two columns, or one and a constant in the other's place.
type operands struct {
	t      arrow.DataType
	n      int
	a, b   arrow.ArrayData
	scalar any
}

func arith(alloc memory.Allocator, op ArithOp, o operands, validity *memory.Buffer, nulls int) arrow.Array {
	var buf *memory.Buffer
	switch physicalOf(o.t) {
	case i8:
		buf = arithInts[int8](alloc, op, o)
	case i16:
		buf = arithInts[int16](alloc, op, o)
	case i32:
		buf = arithInts[int32](alloc, op, o)
	case i64:
		buf = arithInts[int64](alloc, op, o)
	case u8:
		buf = arithInts[uint8](alloc, op, o)
	case u16:
		buf = arithInts[uint16](alloc, op, o)
	case u32:
		buf = arithInts[uint32](alloc, op, o)
	case u64:
		buf = arithInts[uint64](alloc, op, o)
	case f32:
		buf = arithFloats[float32](alloc, op, o)
	case f64:
		buf = arithFloats[float64](alloc, op, o)
	default:
		panic(noKernel("compute "+op.String()+" of", o.t))
	}
	return fixed(o.t, o.n, nulls, validity, buf)
}

func arithInts[T Integer](alloc memory.Allocator, op ArithOp, o operands) *memory.Buffer {
	buf, dst := newValues[T](alloc, o.n)
	if o.scalar == nil {
		Ints(dst, op, values[T](o.a), values[T](o.b))
		return buf
	}
	s, ok := o.scalar.(int64)
	if !ok {
		panic(fmt.Sprintf("vector: %v %v a %T", o.t, op, o.scalar))
	}
	if o.a != nil {
		IntsScalar(dst, op, values[T](o.a), T(s))
	} else {
		ScalarInts(dst, op, T(s), values[T](o.b))
	}
	return buf
}

func arithFloats[T Float](alloc memory.Allocator, op ArithOp, o operands) *memory.Buffer {
	buf, dst := newValues[T](alloc, o.n)
	if o.scalar == nil {
		Floats(dst, op, values[T](o.a), values[T](o.b))
		return buf
	}
	s := T(o.scalar.(float64))
	if o.a != nil {
		FloatsScalar(dst, op, values[T](o.a), s)
	} else {
		ScalarFloats(dst, op, s, values[T](o.b))
	}
	return buf
}

// Ints sets dst[i] = a[i] op b[i]; a division by zero gives 0. dst may be a or b.
func Ints[T Integer](dst []T, op ArithOp, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case Sub:
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	case Mul:
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	case Div:
		for i := range dst {
			if d := b[i]; d != 0 {
				dst[i] = a[i] / d
			} else {
				dst[i] = 0
			}
		}
	case Mod:
		for i := range dst {
			if d := b[i]; d != 0 {
				dst[i] = a[i] % d
			} else {
				dst[i] = 0
			}
		}
	}
}

// IntsScalar sets dst[i] = a[i] op s; a division by zero gives 0. dst may be a.
func IntsScalar[T Integer](dst []T, op ArithOp, a []T, s T) {
	a = a[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + s
		}
	case Sub:
		for i := range dst {
			dst[i] = a[i] - s
		}
	case Mul:
		for i := range dst {
			dst[i] = a[i] * s
		}
	case Div, Mod:
		divideScalar(dst, op, a, s)
	}
}

// ScalarInts sets dst[i] = s op b[i]; a division by zero gives 0. dst may be b.
func ScalarInts[T Integer](dst []T, op ArithOp, s T, b []T) {
	b = b[:len(dst)]
	switch op {
	case Add, Mul:
		IntsScalar(dst, op, b, s)
	case Sub:
		for i := range dst {
			dst[i] = s - b[i]
		}
	case Div:
		for i := range dst {
			if d := b[i]; d != 0 {
				dst[i] = s / d
			} else {
				dst[i] = 0
			}
		}
	case Mod:
		for i := range dst {
			if d := b[i]; d != 0 {
				dst[i] = s % d
			} else {
				dst[i] = 0
			}
		}
	}
}

// Floats sets dst[i] = a[i] op b[i]. dst may be a or b.
func Floats[T Float](dst []T, op ArithOp, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	case Sub:
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	case Mul:
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	case Div:
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	case Mod:
		for i := range dst {
			dst[i] = T(math.Mod(float64(a[i]), float64(b[i])))
		}
	}
}

// FloatsScalar sets dst[i] = a[i] op s. dst may be a.
func FloatsScalar[T Float](dst []T, op ArithOp, a []T, s T) {
	a = a[:len(dst)]
	switch op {
	case Add:
		for i := range dst {
			dst[i] = a[i] + s
		}
	case Sub:
		for i := range dst {
			dst[i] = a[i] - s
		}
	case Mul:
		for i := range dst {
			dst[i] = a[i] * s
		}
	case Div:
		for i := range dst {
			dst[i] = a[i] / s
		}
	case Mod:
		for i := range dst {
			dst[i] = T(math.Mod(float64(a[i]), float64(s)))
		}
	}
}

// ScalarFloats sets dst[i] = s op b[i]. dst may be b.
func ScalarFloats[T Float](dst []T, op ArithOp, s T, b []T) {
	b = b[:len(dst)]
	switch op {
	case Add, Mul:
		FloatsScalar(dst, op, b, s)
	case Sub:
		for i := range dst {
			dst[i] = s - b[i]
		}
	case Div:
		for i := range dst {
			dst[i] = s / b[i]
		}
	case Mod:
		for i := range dst {
			dst[i] = T(math.Mod(float64(s), float64(b[i])))
		}
	}
}

// Neg returns -a for integers, floats and decimals; the smallest integer is its
// own negation.
func Neg(alloc memory.Allocator, a arrow.Array) arrow.Array {
	if physicalOf(a.DataType()) == d128 {
		return negDecimals(alloc, a)
	}
	if p := physicalOf(a.DataType()); p == f32 || p == f64 {
		return ArithScalar(alloc, Mul, a, -1.0) // 0 - x would lose the sign of zero
	}
	return ScalarArith(alloc, Sub, int64(0), a)
}

// ZeroDivisor returns the first row of sel where b, integers or decimals, is 0
// and neither a nor b is NULL, or -1. A nil a stands for a constant.
func ZeroDivisor(a, b arrow.Array, sel Sel) int {
	valid := func(r int) bool { return b.IsValid(r) && (a == nil || a.IsValid(r)) }
	n := b.Len()
	if sel != nil {
		n = len(sel)
	}
	zeros := comparison{op: Eq, a: b.Data(), scalar: zeroOf(b.DataType())}
	var space [chunk / 8]byte
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		out := space[:bitBytes(hi-lo)]
		zeros.chunk(out, lo, hi, sel)
		clearTail(out, hi-lo)
		for i, w := range out {
			for ; w != 0; w &= w - 1 {
				if r := rowOf(sel, lo+8*i+trailing(w)); valid(r) {
					return r
				}
			}
		}
	}
	return -1
}
