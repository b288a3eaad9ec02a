package expr

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// arithmeticFunctions compute with numbers as Flink does: integers wrap
// around, division of integers truncates and fails for a zero divisor, floats
// follow IEEE 754, and a decimal that does not fit its type is NULL.
func arithmeticFunctions() map[string]maker {
	return map[string]maker{
		"add": arithmetic(opAdd), "sub": arithmetic(opSub), "mul": arithmetic(opMul),
		"div": arithmetic(opDiv), "mod": arithmetic(opMod), "neg": negate,
	}
}

type arithOp uint8

const (
	opAdd arithOp = iota
	opSub
	opMul
	opDiv
	opMod
)

var errDivisionByZero = errors.New("division by zero")

func arithmetic(op arithOp) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 2 {
			return nil, nil
		}
		a, b := e.Args[0], e.Args[1]
		switch {
		case isTemporal(e.Of) || isInterval(e.Of):
			return timeArithmetic(c, e, op)
		case !isNumeric(e.Of):
			return nil, nil
		case isDecimal(e.Of):
			return makeDecimal(c, e, op)
		case !numericOrNull(a.Type()) || !numericOrNull(b.Type()):
			return nil, nil
		}
		t := e.Of
		if op == opMod && isInteger(t) { // MOD(BIGINT, INT) is an INT, but computed as BIGINT
			if w := commonNumber(a.Type(), b.Type()); classOf(w) > classOf(t) {
				wide := &Call{Func: e.Func, Args: e.Args, Of: w}
				if isDecimal(w) {
					wide.Of = w
				}
				return c.node(as(wide, t))
			}
		}
		n, err := c.call(e, numberKernel(op, t), as(a, t), as(b, t))
		if err != nil {
			return nil, err
		}
		n.total = op <= opMul || isFloat(t)
		if v, ok := constant(n.args[1]); ok && isInteger(t) && !v.IsNull(0) {
			n.total = integers(&frame{alloc: memory.DefaultAllocator}, v).at(0) != 0
		}
		return n, nil
	}
}

func numericOrNull(t arrow.DataType) bool { return isNumeric(t) || t.ID() == arrow.NULL }

func numberKernel(op arithOp, t arrow.DataType) kernel {
	switch classOf(t) {
	case int8Class:
		return integerKernel[int8](op, t)
	case int16Class:
		return integerKernel[int16](op, t)
	case int32Class:
		return integerKernel[int32](op, t)
	case int64Class:
		return integerKernel[int64](op, t)
	case float32Class:
		return floatKernel[float32](op, t)
	default:
		return floatKernel[float64](op, t)
	}
}

// arrayOf computes all rows of a fixed-width result at once; what stands in
// null rows does not matter.
func arrayOf[T any](t arrow.DataType, loop func(out []T, args []value, valid []byte) error) kernel {
	return func(f *frame, args []value) (value, error) {
		return strict(f, t, args, func(n int, valid *nullable) (arrow.Array, error) {
			out, buf := fixed[T](f.alloc, n)
			var b []byte
			if valid.buf != nil {
				b = valid.buf.Bytes()
			}
			if err := loop(out, args, b); err != nil {
				buf.Release()
				return nil, err
			}
			return finish(t, n, valid.take(), buf, -1), nil
		})
	}
}

type integer interface{ int8 | int16 | int32 | int64 }

func integerKernel[T integer](op arithOp, t arrow.DataType) kernel {
	return arrayOf(t, func(out []T, args []value, valid []byte) error {
		a, b := vecOf[T](args[0]), vecOf[T](args[1])
		switch {
		case op == opDiv || op == opMod:
			return divide(op, out, a, b, valid)
		case a.mask != 0 && b.mask == 0:
			arithScalar(op, out, a.v, b.v[0])
		case a.mask == 0 && b.mask != 0:
			scalarArith(op, out, a.v[0], b.v)
		default:
			arithSlices(op, out, a.v, b.v)
		}
		return nil
	})
}

func arithSlices[T number](op arithOp, out, a, b []T) {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case opAdd:
		for i := range out {
			out[i] = a[i] + b[i]
		}
	case opSub:
		for i := range out {
			out[i] = a[i] - b[i]
		}
	case opMul:
		for i := range out {
			out[i] = a[i] * b[i]
		}
	default:
	}
}

func arithScalar[T number](op arithOp, out, a []T, s T) {
	a = a[:len(out)]
	switch op {
	case opAdd:
		for i := range out {
			out[i] = a[i] + s
		}
	case opSub:
		for i := range out {
			out[i] = a[i] - s
		}
	case opMul:
		for i := range out {
			out[i] = a[i] * s
		}
	default:
	}
}

func scalarArith[T number](op arithOp, out []T, s T, b []T) {
	if op != opSub {
		arithScalar(op, out, b, s)
		return
	}
	b = b[:len(out)]
	for i := range out {
		out[i] = s - b[i]
	}
}

func divide[T integer](op arithOp, out []T, a, b vec[T], valid []byte) error {
	if b.mask == 0 && a.mask != 0 && b.v[0] != 0 {
		divideBy(op, out, a.v, b.v[0])
		return nil
	}
	for i := range out {
		d := b.at(i)
		switch {
		case d == 0:
			if valid == nil || valid[i/8]>>(i%8)&1 != 0 {
				return fmt.Errorf("%w: %d / 0", errDivisionByZero, a.at(i))
			}
			out[i] = 0
		case op == opDiv:
			out[i] = a.at(i) / d
		default:
			out[i] = a.at(i) % d
		}
	}
	return nil
}

// divideBy divides by a constant. For 64 bits the quotient is the high word of
// a product with the divisor's inverse (Warren, Hacker's Delight, chapter 10),
// which is several times faster than the machine's division.
func divideBy[T integer](op arithOp, out, a []T, d T) {
	a = a[:len(out)]
	if wide, ok := any(a).([]int64); ok && d != 1 && d != -1 {
		res := any(out).([]int64)
		m := newInverse(int64(d))
		if op == opDiv {
			for i, x := range wide {
				res[i] = m.quotient(x)
			}
			return
		}
		for i, x := range wide {
			res[i] = x - m.quotient(x)*m.d
		}
		return
	}
	if op == opDiv {
		for i, x := range a {
			out[i] = x / d
		}
		return
	}
	for i, x := range a {
		out[i] = x % d
	}
}

// inverse holds 2^(64+shift) / |d|, rounded up, without its highest bit.
type inverse struct {
	d     int64
	mul   uint64
	shift uint
	sign  int64 // -1 when d is negative
}

// newInverse needs |d| > 1.
func newInverse(d int64) inverse {
	abs := uint64(d)
	if d < 0 {
		abs = -abs
	}
	shift := uint(bits.Len64(abs-1)) - 1 // 2^shift < |d| <= 2^(shift+1)
	mul, rest := bits.Div64(1<<shift, 0, abs)
	if rest != 0 {
		mul++
	}
	return inverse{d: d, mul: mul, shift: shift, sign: d >> 63}
}

// quotient returns x / d.
func (m inverse) quotient(x int64) int64 {
	neg := x >> 63
	abs := uint64((x ^ neg) - neg)
	hi, _ := bits.Mul64(abs, m.mul)
	q := int64(hi >> m.shift)
	s := neg ^ m.sign
	return (q ^ s) - s
}

func floatKernel[T float32 | float64](op arithOp, t arrow.DataType) kernel {
	return arrayOf(t, func(out []T, args []value, _ []byte) error {
		a, b := vecOf[T](args[0]), vecOf[T](args[1])
		switch {
		case op == opDiv:
			for i := range out {
				out[i] = a.at(i) / b.at(i)
			}
		case op == opMod:
			for i := range out {
				out[i] = T(math.Mod(float64(a.at(i)), float64(b.at(i))))
			}
		case a.mask != 0 && b.mask == 0:
			arithScalar(op, out, a.v, b.v[0])
		case a.mask == 0 && b.mask != 0:
			scalarArith(op, out, a.v[0], b.v)
		default:
			arithSlices(op, out, a.v, b.v)
		}
		return nil
	})
}

// decimalArgs gives the arguments of decimal arithmetic as decimals or BIGINTs.
func makeDecimal(c *compiler, e *Call, op arithOp) (node, error) {
	args := make([]Expr, 2)
	var p, s [2]int32
	for i, a := range e.Args {
		t := a.Type()
		switch {
		case t.ID() == arrow.NULL:
			a, t = &Literal{Of: e.Of}, e.Of
		case isInteger(t):
			a = as(a, arrow.PrimitiveTypes.Int64)
		case isFloat(t):
			a, t = as(a, e.Of), e.Of
		case !isDecimal(t):
			return nil, nil
		}
		args[i] = a
		p[i], s[i] = digits(t)
	}
	to := e.Of.(*arrow.Decimal128Type)
	k := decimalKernel{op: op, of: to, sa: s[0], sb: s[1]}
	switch op {
	case opMul:
		k.exact = s[0]+s[1] == to.Scale && p[0]+p[1] <= min(to.Precision, 38)
		k.small = p[0] <= 19 && p[1] <= 19
	case opAdd, opSub:
		k.exact = s[0] == to.Scale && s[1] == to.Scale && max(p[0], p[1]) < to.Precision
	default:
	}
	n, err := c.call(e, k.run, args...)
	if err != nil {
		return nil, err
	}
	n.total = k.exact
	return n, nil
}

// decimalKernel computes decimals from decimals or BIGINTs.
type decimalKernel struct {
	op     arithOp
	of     *arrow.Decimal128Type
	sa, sb int32
	exact  bool // the result needs no rounding and cannot overflow
	small  bool // both sides have at most 19 digits (64 bits, as a BIGINT has)
}

func (k decimalKernel) run(f *frame, args []value) (value, error) {
	if k.exact && (k.op != opMul || k.small) {
		return arrayOf(k.of, func(out []decimal.Num, args []value, _ []byte) error {
			if k.op == opMul {
				mulSmall(f, out, args[0], args[1])
			} else {
				addExact(k.op, out, decimals(f, args[0]), decimals(f, args[1]))
			}
			return nil
		})(f, args)
	}
	if v, done, err := k.narrow(f, args); done || err != nil {
		return v, err
	}
	return rowsOf(k.of, func(f *frame, args []value) (func(i int) (decimal.Num, error), error) {
		a, b := decimals(f, args[0]), decimals(f, args[1])
		return func(i int) (decimal.Num, error) {
			n, ok, err := k.one(a.at(i), b.at(i))
			if err == nil && !ok {
				err = errNull
			}
			return n, err
		}, nil
	})(f, args)
}

func (k decimalKernel) one(a, b decimal.Num) (n decimal.Num, ok bool, err error) {
	s, p := k.of.Scale, k.of.Precision
	switch k.op {
	case opAdd:
		n, ok = decimal.Add(a, k.sa, b, k.sb, s, p)
	case opSub:
		n, ok = decimal.Sub(a, k.sa, b, k.sb, s, p)
	case opMul:
		n, ok = decimal.Mul(a, k.sa, b, k.sb, s, p)
	default:
		if b.Sign() == 0 {
			return n, false, fmt.Errorf("%w: %s / 0", errDivisionByZero, decimal.Append(nil, a, k.sa))
		}
		if k.op == opDiv {
			n, ok = decimal.Div(a, k.sa, b, k.sb, s, p)
		} else {
			n, ok = decimal.Mod(a, k.sa, b, k.sb, s, p)
		}
	}
	return n, ok, nil
}

// decimals reads a decimal, or a BIGINT as a decimal.
func decimals(f *frame, v value) vec[decimal.Num] {
	if isDecimal(v.DataType()) {
		return vecOf[decimal.Num](v)
	}
	in := integers(f, v)
	out := vec[decimal.Num]{v: temp[decimal.Num](f, len(in.v)), mask: in.mask}
	for i, x := range in.v {
		out.v[i] = decimal128.New(x>>63, uint64(x))
	}
	return out
}

// lows reads a decimal of at most 19 digits whose value fits 64 bits, or a
// BIGINT, as int64; ok is false when a value does not fit.
func lows(f *frame, v value) (vec[int64], bool) {
	if !isDecimal(v.DataType()) {
		return integers(f, v), true
	}
	in := vecOf[decimal.Num](v)
	out := vec[int64]{v: temp[int64](f, len(in.v)), mask: in.mask}
	var bad int64
	for i, x := range in.v {
		lo := int64(x.LowBits())
		out.v[i] = lo
		bad |= x.HighBits() ^ lo>>63
	}
	return out, bad == 0
}

// product is the 128-bit product of two signed words.
func product(a, b int64) decimal.Num {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return decimal128.New(int64(hi)-(a>>63&b)-(b>>63&a), lo)
}

func mulSmall(f *frame, out []decimal.Num, x, y value) {
	a, ok1 := lows(f, x)
	b, ok2 := lows(f, y)
	switch {
	case !ok1 || !ok2: // also null rows may hold anything
		c, d := decimals(f, x), decimals(f, y)
		for i := range out {
			out[i] = c.at(i).Mul(d.at(i))
		}
	case a.mask != 0 && b.mask == 0:
		mulScalar(out, a.v, b.v[0])
	case a.mask == 0 && b.mask != 0:
		mulScalar(out, b.v, a.v[0])
	default:
		for i := range out {
			out[i] = product(a.at(i), b.at(i))
		}
	}
}

func mulScalar(out []decimal.Num, a []int64, s int64) {
	a = a[:len(out)]
	for i, x := range a {
		out[i] = product(x, s)
	}
}

func addExact(op arithOp, out []decimal.Num, a, b vec[decimal.Num]) {
	if op == opAdd {
		for i := range out {
			out[i] = a.at(i).Add(b.at(i))
		}
		return
	}
	for i := range out {
		out[i] = a.at(i).Sub(b.at(i))
	}
}

func negate(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || !sameLayout(e.Of, e.Args[0].Type()) {
		return nil, nil
	}
	var run kernel
	switch classOf(e.Of) {
	case int8Class:
		run = negateKernel[int8](e.Of)
	case int16Class:
		run = negateKernel[int16](e.Of)
	case int32Class:
		run = negateKernel[int32](e.Of)
	case int64Class:
		run = negateKernel[int64](e.Of)
	case float32Class:
		run = negateKernel[float32](e.Of)
	case float64Class:
		run = negateKernel[float64](e.Of)
	case decimalClass:
		run = arrayOf(e.Of, func(out []decimal.Num, args []value, _ []byte) error {
			a := vecOf[decimal.Num](args[0])
			for i := range out {
				out[i] = a.at(i).Negate()
			}
			return nil
		})
	default:
	}
	if run == nil || isTemporal(e.Of) {
		return nil, nil
	}
	return c.totalCall(e, run, e.Args[0])
}

func negateKernel[T number](t arrow.DataType) kernel {
	return arrayOf(t, func(out []T, args []value, _ []byte) error {
		in := vecOf[T](args[0]).v[:len(out)]
		for i, x := range in {
			out[i] = -x
		}
		return nil
	})
}
