package vector

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// chunk is how many rows kernels with scratch on the stack take at a time.
const chunk = 512

// nanBits is the one NaN that keys know.
const nanBits = 0x7ff8000000000000

// IsWord reports whether values of type t are one word as keys: booleans,
// integers, dates, times, timestamps, intervals and floats.
func IsWord(t arrow.DataType) bool {
	p := physicalOf(t)
	return p != other && p != d128 && p != view
}

// Words writes the values of rows [from, from+len(dst)) of a, whose type is one
// word, as keys are compared: integers of any width sign-extended (unsigned ones
// zero-extended), floats as the bits of the float64 with -0 as +0 and one NaN,
// false and true as 0 and 1. Rows that are NULL get 0.
func Words(dst []uint64, a arrow.Array, from int) { words(dst, a.Data(), from) }

// WordsSel is Words for the rows sel, in that order.
func WordsSel(dst []uint64, a arrow.Array, sel Sel) {
	d := a.Data()
	dst = dst[:len(sel)]
	switch physicalOf(d.DataType()) {
	case boolean:
		src, off := d.Buffers()[1].Bytes(), d.Offset()
		for i, r := range sel {
			dst[i] = uint64(bitAt(src, off+int(r)))
		}
	case i8:
		gatherInts(dst, values[int8](d), sel)
	case i16:
		gatherInts(dst, values[int16](d), sel)
	case i32:
		gatherInts(dst, values[int32](d), sel)
	case i64, u64:
		Gather(dst, values[uint64](d), sel)
	case u8:
		gatherInts(dst, values[uint8](d), sel)
	case u16:
		gatherInts(dst, values[uint16](d), sel)
	case u32:
		gatherInts(dst, values[uint32](d), sel)
	case f32:
		gatherFloats(dst, values[float32](d), sel)
	case f64:
		gatherFloats(dst, values[float64](d), sel)
	default:
		panic(noKernel("make words of", d.DataType()))
	}
	if valid, off := validBits(d); valid != nil {
		for i, r := range sel {
			dst[i] &= -uint64(bitAt(valid, off+int(r)))
		}
	}
}

func gatherInts[T Integer](dst []uint64, src []T, sel Sel) {
	for i, r := range sel {
		dst[i] = uint64(int64(src[r]))
	}
}

func gatherFloats[T Float](dst []uint64, src []T, sel Sel) {
	for i, r := range sel {
		dst[i] = floatWord(float64(src[r]))
	}
}

func words(dst []uint64, d arrow.ArrayData, from int) {
	to := from + len(dst)
	switch physicalOf(d.DataType()) {
	case boolean:
		src, off := d.Buffers()[1].Bytes(), d.Offset()+from
		for i := range dst {
			dst[i] = uint64(bitAt(src, off+i))
		}
	case i8:
		widen(dst, values[int8](d)[from:to])
	case i16:
		widen(dst, values[int16](d)[from:to])
	case i32:
		widen(dst, values[int32](d)[from:to])
	case i64, u64:
		copy(dst, values[uint64](d)[from:to])
	case u8:
		widen(dst, values[uint8](d)[from:to])
	case u16:
		widen(dst, values[uint16](d)[from:to])
	case u32:
		widen(dst, values[uint32](d)[from:to])
	case f32:
		floatWords(dst, values[float32](d)[from:to])
	case f64:
		floatWords(dst, values[float64](d)[from:to])
	default:
		panic(noKernel("make words of", d.DataType()))
	}
	if valid, off := validBits(d); valid != nil {
		for i := range dst {
			dst[i] &= -uint64(bitAt(valid, off+from+i))
		}
	}
}

// FromWords returns an array of type t, which is one word, of words as Words
// makes them. validity is its bitmap, or nil when nulls is 0; FromWords takes
// over the reference to it.
func FromWords(alloc memory.Allocator, t arrow.DataType, w []uint64, validity *memory.Buffer, nulls int) arrow.Array {
	var buf *memory.Buffer
	switch physicalOf(t) {
	case boolean:
		var dst []byte
		buf, dst = newBuffer(alloc, bitBytes(len(w)))
		clear(dst)
		for i, v := range w {
			dst[i/8] |= byte(v&1) << (i % 8)
		}
	case i8, u8:
		buf = narrow[uint8](alloc, w)
	case i16, u16:
		buf = narrow[uint16](alloc, w)
	case i32, u32:
		buf = narrow[uint32](alloc, w)
	case i64, u64, f64:
		buf = narrow[uint64](alloc, w)
	case f32:
		var dst []float32
		buf, dst = newValues[float32](alloc, len(w))
		for i, v := range w {
			dst[i] = float32(math.Float64frombits(v))
		}
	default:
		panic(noKernel("make words into", t))
	}
	return fixed(t, len(w), nulls, validity, buf)
}

func narrow[T Integer](alloc memory.Allocator, w []uint64) *memory.Buffer {
	buf, dst := newValues[T](alloc, len(w))
	for i, v := range w {
		dst[i] = T(v)
	}
	return buf
}

func widen[T Integer](dst []uint64, src []T) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = uint64(int64(src[i]))
	}
}

func floatWords[T Float](dst []uint64, src []T) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = floatWord(float64(src[i]))
	}
}

func floatWord(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return nanBits
	}
	return math.Float64bits(f)
}

// aliasWords returns the values of 8-byte integers as words without a copy.
func aliasWords(d arrow.ArrayData) ([]uint64, bool) {
	switch physicalOf(d.DataType()) {
	case i64, u64:
		return values[uint64](d), true
	default:
		return nil, false
	}
}

// bytesReader reads the rows of variable-width arrays of any layout.
type bytesReader struct {
	views   Views
	off32   []int32
	off64   []int64
	data    []byte
	width   int // of fixed-size values
	offset  int
	isViews bool
}

// readerOf prepares to read a string, binary, view or fixed-size binary array.
func readerOf(d arrow.ArrayData) (r bytesReader, ok bool) {
	switch t := d.DataType().(type) {
	case *arrow.StringViewType, *arrow.BinaryViewType:
		return bytesReader{views: viewsOf(d), isViews: true}, true
	case *arrow.StringType, *arrow.BinaryType:
		r.off32 = offsetsOf[int32](d)
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		r.off64 = offsetsOf[int64](d)
	case *arrow.FixedSizeBinaryType:
		r.width, r.offset = t.ByteWidth, d.Offset()
		if d.Buffers()[1] != nil {
			r.data = d.Buffers()[1].Bytes()
		}
		return r, true
	default:
		return r, false
	}
	if d.Buffers()[2] != nil {
		r.data = d.Buffers()[2].Bytes()
	}
	return r, true
}

// at returns the bytes of row i, which must not be NULL.
func (r *bytesReader) at(i int) []byte {
	switch {
	case r.isViews:
		return r.views.At(i)
	case r.off32 != nil:
		return r.data[r.off32[i]:r.off32[i+1]]
	case r.off64 != nil:
		return r.data[r.off64[i]:r.off64[i+1]]
	}
	return r.data[(r.offset+i)*r.width : (r.offset+i+1)*r.width]
}
