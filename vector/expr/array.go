package expr

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// slice returns the values of a fixed-width array, its offset applied.
func slice[T any](d arrow.ArrayData) []T { return sliceAt[T](d, d.Offset(), d.Len()) }

// sliceAt returns n values from the one at off in the buffer of d.
func sliceAt[T any](d arrow.ArrayData, off, n int) []T {
	if n == 0 || d.Buffers()[1] == nil {
		return nil
	}
	all := d.Buffers()[1].Bytes()
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(all))), off+n)[off:]
}

// fixed returns n values of undefined content and the buffer that holds them.
func fixed[T any](alloc memory.Allocator, n int) ([]T, *memory.Buffer) {
	buf := memory.NewResizableBuffer(alloc)
	var t T
	buf.Resize(n * int(unsafe.Sizeof(t)))
	if n == 0 {
		return nil, buf
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(buf.Bytes()))), n), buf
}

// values is the content of a buffer as values.
func values[T any](b *memory.Buffer) []T {
	var t T
	n := b.Len() / int(unsafe.Sizeof(t))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), n)
}

// newBits returns a bitmap of n bits, all of them zero.
func newBits(alloc memory.Allocator, n int) ([]byte, *memory.Buffer) {
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(int(bitutil.BytesForBits(int64(n))))
	clear(buf.Bytes())
	return buf.Bytes(), buf
}

// finish makes an array of its parts and takes over the buffers. A nil valid
// says that no row is null; nullN may be negative when it is not known.
func finish(t arrow.DataType, n int, valid, data *memory.Buffer, nullN int) arrow.Array {
	if valid != nil && nullN < 0 {
		nullN = n - bitutil.CountSetBits(valid.Bytes(), 0, n)
	}
	if nullN == 0 && valid != nil {
		valid.Release()
		valid = nil
	}
	d := array.NewData(t, n, []*memory.Buffer{valid, data}, nil, max(nullN, 0), 0)
	defer d.Release()
	if valid != nil {
		valid.Release()
	}
	if data != nil {
		data.Release()
	}
	return array.MakeFromData(d)
}

// nulls returns n null rows of a type.
func nulls(alloc memory.Allocator, t arrow.DataType, n int) arrow.Array {
	return array.MakeArrayOfNull(alloc, t, n)
}

func nullScalar(f *frame, t arrow.DataType) value {
	return value{Array: nulls(f.alloc, t, 1), scalar: true}
}

// validity is the null bitmap of an array, where a set bit is a value.
type validity struct {
	bits []byte // nil: no row is null
	off  int
	mask int // -1, or 0 for a scalar
}

func validityOf(v value) validity {
	x := validity{mask: -1}
	if v.scalar {
		x.mask = 0
	}
	if v.NullN() > 0 {
		x.bits, x.off = v.NullBitmapBytes(), v.Data().Offset()
	}
	if v.DataType().ID() == arrow.NULL {
		x.bits, x.off, x.mask = []byte{0}, 0, 0
	}
	return x
}

func (v validity) null(i int) bool {
	return v.bits != nil && bitutil.BitIsNotSet(v.bits, v.off+i&v.mask)
}

// mergeValid returns the bitmap of the rows in which no argument is null, or
// nil when that is all of them. none says that it is none of them, because a
// scalar is null.
func mergeValid(f *frame, n int, args []value) (valid *memory.Buffer, none bool) {
	for _, a := range args {
		v := validityOf(a)
		switch {
		case v.mask == 0 && v.null(0):
			if valid != nil {
				valid.Release()
			}
			return nil, true
		case v.bits == nil || v.mask == 0:
		case valid == nil:
			var dst []byte
			dst, valid = newBits(f.alloc, n)
			copyBits(dst, v.bits, v.off, n)
		default:
			bitutil.BitmapAnd(valid.Bytes(), v.bits, 0, int64(v.off), valid.Bytes(), 0, int64(n))
		}
	}
	return valid, false
}

func copyBits(dst, src []byte, off, n int) {
	if off%8 == 0 {
		copy(dst, src[off/8:])
		trim(dst, n)
		return
	}
	bitutil.CopyBitmap(src, off, n, dst, 0)
}

// trim clears the bits behind the n-th.
func trim(b []byte, n int) {
	if n%8 != 0 {
		b[n/8] &= 1<<(n%8) - 1
	}
}

// vec reads the rows of a fixed-width argument, scalar or not.
type vec[T any] struct {
	v    []T
	mask int // -1, or 0 for a scalar
}

func (x vec[T]) at(i int) T { return x.v[i&x.mask] }

func vecOf[T any](v value) vec[T] {
	x := vec[T]{v: slice[T](v.Data()), mask: -1}
	if v.scalar {
		x.mask = 0
	}
	return x
}

// integers reads an argument of any integer-like type as int64.
func integers(f *frame, v value) vec[int64] {
	x := vec[int64]{mask: -1}
	if v.scalar {
		x.mask = 0
	}
	switch classOf(v.DataType()) {
	case int64Class:
		x.v = slice[int64](v.Data())
	case int32Class:
		x.v = widen(f, slice[int32](v.Data()))
	case int16Class:
		x.v = widen(f, slice[int16](v.Data()))
	default:
		x.v = widen(f, slice[int8](v.Data()))
	}
	return x
}

func widen[T int8 | int16 | int32](f *frame, s []T) []int64 {
	out := temp[int64](f, len(s))
	for i, v := range s {
		out[i] = int64(v)
	}
	return out
}

// flags reads a boolean argument.
type flags struct {
	bits      []byte
	off, mask int
}

func flagsOf(v value) flags {
	x := flags{off: v.Data().Offset(), mask: -1}
	if v.scalar {
		x.mask = 0
	}
	if b := v.Data().Buffers()[1]; b != nil {
		x.bits = b.Bytes()
	}
	return x
}

func (x flags) at(i int) bool { return bitutil.BitIsSet(x.bits, x.off+i&x.mask) }

// views reads strings or bytes, without copying them.
type views struct {
	heads []arrow.ViewHeader
	bufs  []*memory.Buffer
	bases []unsafe.Pointer // where the bytes of each buffer begin
	mask  int              // -1, or 0 for a scalar
}

func viewsOf(v value) views {
	x := newViews(slice[arrow.ViewHeader](v.Data()), v.Data())
	if v.scalar {
		x.mask = 0
	}
	return x
}

func newViews(heads []arrow.ViewHeader, d arrow.ArrayData) views {
	x := views{heads: heads, bufs: d.Buffers()[2:], mask: -1}
	if len(x.bufs) > 0 {
		x.bases = make([]unsafe.Pointer, len(x.bufs))
	}
	for i, b := range x.bufs {
		x.bases[i] = unsafe.Pointer(unsafe.SliceData(b.Bytes()))
	}
	return x
}

// at returns a row as a string that shares the array's memory.
func (x *views) at(i int) string {
	h := words(&x.heads[i&x.mask])
	n := int(uint32(h[0]))
	if n <= 12 {
		return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(h), 4)), n)
	}
	return unsafe.String((*byte)(unsafe.Add(x.bases[uint32(h[1])], h[1]>>32)), n)
}

// constant tells whether every row is the same.
func (x *views) constant() bool { return x.mask == 0 }

// bytes is at, as bytes that must not be changed.
func (x *views) bytes(i int) []byte {
	s := x.at(i)
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// eachSet calls do with every set bit among the first n.
func eachSet(b []byte, n int, do func(i int) error) error {
	for base := 0; base < n; base += 8 {
		for w := b[base/8]; w != 0; w &= w - 1 {
			i := base + bits.TrailingZeros8(w)
			if i >= n {
				return nil
			}
			if err := do(i); err != nil {
				return err
			}
		}
	}
	return nil
}

func countNulls(valid *memory.Buffer, n int) int {
	if valid == nil {
		return 0
	}
	return n - bitutil.CountSetBits(valid.Bytes(), 0, n)
}

// words is a view header as two little-endian words: length and the first four
// bytes, then the rest, or buffer and offset of a longer value.
func words(h *arrow.ViewHeader) *[2]uint64 { return (*[2]uint64)(unsafe.Pointer(h)) }
