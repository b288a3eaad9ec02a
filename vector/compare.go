package vector

import (
	"bytes"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// CompareOp is a comparison. Floats compare as in IEEE 754: NaN is unequal to
// everything, itself included, and neither less nor greater. Strings and bytes
// compare by their bytes, false is less than true.
type CompareOp uint8

// The comparisons.
const (
	Eq CompareOp = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

func (op CompareOp) String() string {
	return [...]string{"=", "<>", "<", "<=", ">", ">="}[op]
}

// Swap is the comparison with its sides exchanged: a op b = b op.Swap() a.
func (op CompareOp) Swap() CompareOp { return [...]CompareOp{Eq, Ne, Gt, Ge, Lt, Le}[op] }

// IsComparable reports whether there are comparisons of values of type t.
func IsComparable(t arrow.DataType) bool { return physicalOf(t) != other }

// Compare returns a op b, row by row, as BOOLEAN; NULL where either is NULL. The
// types are the same, decimals of one scale.
func Compare(alloc memory.Allocator, op CompareOp, a, b arrow.Array) arrow.Array {
	n := a.Len()
	validity, nulls := bothValid(alloc, n, a.Data(), b.Data())
	buf, dst := newBuffer(alloc, bitBytes(n))
	comparison{op: op, a: a.Data(), b: b.Data()}.bits(dst, n)
	return fixed(arrow.FixedWidthTypes.Boolean, n, nulls, validity, buf)
}

// CompareScalar is Compare with a constant, given as expr.Literal holds it: nil
// for NULL, bool, int64 for every type that is an integer in memory, float64,
// string, []byte or decimal128.Num (of the array's scale). An int64 may be
// outside the range of the array's type.
func CompareScalar(alloc memory.Allocator, op CompareOp, a arrow.Array, s any) arrow.Array {
	n := a.Len()
	if s == nil {
		return allNull(alloc, arrow.FixedWidthTypes.Boolean, n)
	}
	validity, nulls := bothValid(alloc, n, a.Data())
	buf, dst := newBuffer(alloc, bitBytes(n))
	comparison{op: op, a: a.Data(), scalar: s}.bits(dst, n)
	return fixed(arrow.FixedWidthTypes.Boolean, n, nulls, validity, buf)
}

// SelectCompare appends to dst the rows of sel where a op b is true.
func SelectCompare(dst Sel, op CompareOp, a, b arrow.Array, sel Sel) Sel {
	return comparison{op: op, a: a.Data(), b: b.Data()}.selectRows(dst, sel)
}

// SelectCompareScalar is SelectCompare with a constant, as for CompareScalar.
func SelectCompareScalar(dst Sel, op CompareOp, a arrow.Array, s any, sel Sel) Sel {
	if s == nil {
		return dst
	}
	return comparison{op: op, a: a.Data(), scalar: s}.selectRows(dst, sel)
}

// comparison is a comparison of two columns, or of one and a constant.
//
// All loops make bits of contiguous values. A selection is made by chunks:
// selected values are gathered into scratch on the stack, compared there, and
// the ones among the bits name the rows that stay. Decimals and strings are
// first reduced to their order, -1, 0 or 1.
type comparison struct {
	op     CompareOp
	a, b   arrow.ArrayData
	scalar any
}

// bits writes the result of rows [0, n) to dst; bits of NULLs are arbitrary.
func (c comparison) bits(dst []byte, n int) {
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		c.chunk(dst[lo/8:], lo, hi, nil)
	}
	clearTail(dst, n)
}

func (c comparison) selectRows(dst, sel Sel) Sel {
	n := c.a.Len()
	if sel != nil {
		n = len(sel)
	}
	var space [chunk / 8]byte
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		out := space[:bitBytes(hi-lo)]
		c.chunk(out, lo, hi, sel)
		clearTail(out, hi-lo)
		maskValid(out, c.a, lo, hi, sel)
		if c.b != nil {
			maskValid(out, c.b, lo, hi, sel)
		}
		dst = appendRows(dst, out, lo, hi, sel)
	}
	return dst
}

// appendRows appends the rows whose bits are set: lo + bit, or the row of sel
// there.
func appendRows(dst Sel, b []byte, lo, hi int, sel Sel) Sel {
	first := len(dst)
	for i := 0; i < hi-lo; i += 64 {
		dst = appendOnes(dst, uint32(lo+i), word(b, i))
	}
	if sel != nil {
		for i, r := range dst[first:] {
			dst[first+i] = sel[r]
		}
	}
	return dst
}

// maskValid clears the bits of rows [lo, hi), of d or of sel, that are NULL.
func maskValid(b []byte, d arrow.ArrayData, lo, hi int, sel Sel) {
	valid, off := validBits(d)
	switch {
	case valid == nil:
	case sel == nil:
		andBits(b, valid, off+lo, hi-lo)
	default:
		var space [chunk / 8]byte
		gatherBits(space[:], valid, off, sel[lo:hi])
		andBits(b, space[:], 0, hi-lo)
	}
}

// chunk compares rows [lo, hi), of the columns or of sel.
func (c comparison) chunk(dst []byte, lo, hi int, sel Sel) {
	switch physicalOf(c.a.DataType()) {
	case boolean:
		c.booleans(dst, lo, hi, sel)
	case i8:
		compareInts[int8](c, dst, lo, hi, sel)
	case i16:
		compareInts[int16](c, dst, lo, hi, sel)
	case i32:
		compareInts[int32](c, dst, lo, hi, sel)
	case i64:
		compareInts[int64](c, dst, lo, hi, sel)
	case u8:
		compareInts[uint8](c, dst, lo, hi, sel)
	case u16:
		compareInts[uint16](c, dst, lo, hi, sel)
	case u32:
		compareInts[uint32](c, dst, lo, hi, sel)
	case u64:
		compareInts[uint64](c, dst, lo, hi, sel)
	case f32:
		compareFloats[float32](c, dst, lo, hi, sel)
	case f64:
		compareFloats[float64](c, dst, lo, hi, sel)
	case d128:
		c.decimals(dst, lo, hi, sel)
	case view:
		c.views(dst, lo, hi, sel)
	default:
		panic(noKernel("compare", c.a.DataType()))
	}
}

func compareInts[T Integer](c comparison, dst []byte, lo, hi int, sel Sel) {
	var sa, sb [chunk]T
	a := part(&sa, values[T](c.a), lo, hi, sel)
	if c.b != nil {
		compareBits(dst, c.op, a, part(&sb, values[T](c.b), lo, hi, sel))
		return
	}
	s, ok := c.scalar.(int64)
	if !ok {
		panic(fmt.Sprintf("vector: compare %v with a %T", c.a.DataType(), c.scalar))
	}
	t := T(s)
	switch {
	case int64(t) == s && (t < 0) == (s < 0):
		compareBitsScalar(dst, c.op, a, t)
	default: // outside the range of T: every value is on one side
		order := int8(-1)
		if s < 0 {
			order = 1
		}
		constantBits(dst[:bitBytes(hi-lo)], c.op, order)
	}
}

// constantBits fills dst with the result for values that all have one order
// to the constant.
func constantBits(dst []byte, op CompareOp, order int8) {
	var b [1]byte
	compareBitsScalar(b[:], op, []int8{order}, 0)
	for i := range dst {
		dst[i] = -(b[0] & 1) // 0 or all ones
	}
}

func compareFloats[T Float](c comparison, dst []byte, lo, hi int, sel Sel) {
	var sa, sb [chunk]T
	a := part(&sa, values[T](c.a), lo, hi, sel)
	if c.b != nil {
		compareBits(dst, c.op, a, part(&sb, values[T](c.b), lo, hi, sel))
		return
	}
	s := c.scalar.(float64)
	if float64(T(s)) == s || s != s {
		compareBitsScalar(dst, c.op, a, T(s))
		return
	}
	var wide [chunk]float64 // a FLOAT column and a constant between two floats
	for i, v := range a {
		wide[i] = float64(v)
	}
	compareBitsScalar(dst, c.op, wide[:len(a)], s)
}

// part returns rows [lo, hi) of v, or those of sel gathered into scratch.
func part[T any](scratch *[chunk]T, v []T, lo, hi int, sel Sel) []T {
	if sel == nil {
		return v[lo:hi]
	}
	out := scratch[:hi-lo]
	Gather(out, v, sel[lo:hi])
	return out
}

func (c comparison) booleans(dst []byte, lo, hi int, sel Sel) {
	var sa, sb [chunk]uint8
	a := unpackBits(&sa, c.a, lo, hi, sel)
	if c.b != nil {
		compareBits(dst, c.op, a, unpackBits(&sb, c.b, lo, hi, sel))
		return
	}
	compareBitsScalar(dst, c.op, a, toBit(c.scalar.(bool)))
}

func unpackBits(scratch *[chunk]uint8, d arrow.ArrayData, lo, hi int, sel Sel) []uint8 {
	src, off := d.Buffers()[1].Bytes(), d.Offset()
	out := scratch[:hi-lo]
	for i := range out {
		r := lo + i
		if sel != nil {
			r = int(sel[r])
		}
		out[i] = bitAt(src, off+r)
	}
	return out
}

func (c comparison) decimals(dst []byte, lo, hi int, sel Sel) {
	var space [chunk]int8
	order := space[:hi-lo]
	a := values[decimal128.Num](c.a)
	if c.b == nil {
		s := c.scalar.(decimal128.Num)
		for i := range order {
			order[i] = orderDecimals(a[rowOf(sel, lo+i)], s)
		}
	} else {
		mustMatchScale(c.a, c.b)
		b := values[decimal128.Num](c.b)
		for i := range order {
			r := rowOf(sel, lo+i)
			order[i] = orderDecimals(a[r], b[r])
		}
	}
	compareBitsScalar(dst, c.op, order, 0)
}

func mustMatchScale(a, b arrow.ArrayData) {
	if x, y := a.DataType().(*arrow.Decimal128Type).Scale, b.DataType().(*arrow.Decimal128Type).Scale; x != y {
		panic(fmt.Sprintf("vector: compare decimals of scale %d and %d", x, y))
	}
}

func orderDecimals(a, b decimal128.Num) int8 {
	ah, bh := a.HighBits(), b.HighBits()
	al, bl := a.LowBits(), b.LowBits()
	less := ah < bh || ah == bh && al < bl
	more := ah > bh || ah == bh && al > bl
	return int8(toBit(more)) - int8(toBit(less))
}

func rowOf(sel Sel, i int) int {
	if sel == nil {
		return i
	}
	return int(sel[i])
}

// views compares strings. NULLs are skipped, because their headers may be
// anything.
func (c comparison) views(dst []byte, lo, hi int, sel Sel) {
	var space [chunk]int8
	order := space[:hi-lo]
	a := viewsOf(c.a)
	av, aoff := validBits(c.a)
	if c.b == nil {
		s := bytesOf(c.scalar)
		if (c.op == Eq || c.op == Ne) && len(s) <= Inline {
			unequalShort(order, a.Headers, MakeHeader(s), lo, sel)
		} else {
			for i := range order {
				if r := rowOf(sel, lo+i); av == nil || bitAt(av, aoff+r) == 1 {
					order[i] = int8(bytes.Compare(a.At(r), s))
				}
			}
		}
		compareBitsScalar(dst, c.op, order, 0)
		return
	}
	b := viewsOf(c.b)
	bv, boff := validBits(c.b)
	for i := range order {
		r := rowOf(sel, lo+i)
		if av != nil && bitAt(av, aoff+r) == 0 || bv != nil && bitAt(bv, boff+r) == 0 {
			continue
		}
		if c.op == Eq || c.op == Ne {
			order[i] = int8(1 - toBit(a.equal(r, b, r)))
		} else {
			order[i] = int8(a.compare(r, b, r))
		}
	}
	compareBitsScalar(dst, c.op, order, 0)
}

// unequalShort writes 0 where a header equals h and 1 elsewhere.
func unequalShort(order []int8, v []Header, h Header, lo int, sel Sel) {
	if sel == nil {
		v = v[lo : lo+len(order)]
		for i, x := range v {
			order[i] = int8(toBit((x.Lo^h.Lo)|(x.Hi^h.Hi) != 0))
		}
		return
	}
	for i, r := range sel[lo : lo+len(order)] {
		x := v[r]
		order[i] = int8(toBit((x.Lo^h.Lo)|(x.Hi^h.Hi) != 0))
	}
}

func bytesOf(scalar any) []byte {
	switch s := scalar.(type) {
	case string:
		return unsafe.Slice(unsafe.StringData(s), len(s))
	case []byte:
		return s
	}
	panic(fmt.Sprintf("vector: a %T is no string", scalar))
}

// allNull returns n NULLs of a fixed-width type or BOOLEAN.
func allNull(alloc memory.Allocator, t arrow.DataType, n int) arrow.Array {
	validity, bits := newBuffer(alloc, bitBytes(n))
	clear(bits)
	size := bitBytes(n)
	if w := t.(arrow.FixedWidthDataType).BitWidth(); w > 1 {
		size = n * w / 8
	}
	buf, data := newBuffer(alloc, size)
	clear(data)
	return fixed(t, n, n, validity, buf)
}

// SelectTrue appends to dst the rows of sel where a BOOLEAN array is true.
func SelectTrue(dst Sel, a arrow.Array, sel Sel) Sel { return selectBits(dst, a.Data(), sel, 0) }

// SelectFalse appends to dst the rows of sel where a BOOLEAN array is false.
func SelectFalse(dst Sel, a arrow.Array, sel Sel) Sel {
	return selectBits(dst, a.Data(), sel, math.MaxUint64)
}

// selectBits selects valid rows whose bit differs from those of flip.
func selectBits(dst Sel, d arrow.ArrayData, sel Sel, flip uint64) Sel {
	n := d.Len()
	if n == 0 {
		return dst
	}
	src, off := d.Buffers()[1].Bytes(), d.Offset()
	valid, voff := validBits(d)
	if sel != nil {
		want := byte(1) ^ byte(flip&1)
		for _, r := range sel {
			if bitAt(src, off+int(r)) == want && (valid == nil || bitAt(valid, voff+int(r)) == 1) {
				dst = append(dst, r)
			}
		}
		return dst
	}
	for i := 0; i < n; i += 64 {
		w := word(src, off+i) ^ flip
		if valid != nil {
			w &= word(valid, voff+i)
		}
		if i+64 > n {
			w &= 1<<(n-i) - 1
		}
		dst = appendOnes(dst, uint32(i), w)
	}
	return dst
}
