package vector

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/mem"
)

// newBuffer returns a buffer of n bytes that the caller writes in full, and
// those bytes.
func newBuffer(alloc memory.Allocator, n int) (*memory.Buffer, []byte) {
	var b []byte
	if raw, ok := alloc.(mem.Raw); ok {
		b = raw.AllocateRaw(n)
	} else {
		b = alloc.Allocate(n)
	}
	return memory.NewBufferWithAllocator(b, alloc), b
}

// NewValues returns a buffer for n values of type T, which the caller writes in
// full, and those values.
func NewValues[T any](alloc memory.Allocator, n int) (*memory.Buffer, []T) {
	return newValues[T](alloc, n)
}

// CopyValues returns a buffer with a copy of values.
func CopyValues[T any](alloc memory.Allocator, values []T) *memory.Buffer {
	buf, v := newValues[T](alloc, len(values))
	copy(v, values)
	return buf
}

func newValues[T any](alloc memory.Allocator, n int) (*memory.Buffer, []T) {
	var t T
	buf, b := newBuffer(alloc, n*int(unsafe.Sizeof(t)))
	return buf, unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// MakeArray builds an array of n rows at offset 0 from the buffers of its layout,
// the validity bitmap first (nil when nulls is 0), and takes over the references
// to them.
func MakeArray(t arrow.DataType, n, nulls int, buffers ...*memory.Buffer) arrow.Array {
	return makeArray(t, n, nulls, buffers)
}

// makeArray builds an array at offset 0 and takes over the references to its
// buffers and children.
func makeArray(t arrow.DataType, n, nulls int, buffers []*memory.Buffer, children ...arrow.ArrayData) arrow.Array {
	d := array.NewData(t, n, buffers, children, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return finish(d)
}

// finish makes the array of d and takes over the reference to d.
func finish(d arrow.ArrayData) arrow.Array {
	a := array.MakeFromData(d)
	d.Release()
	return a
}

// fixed builds an array of one values buffer, without NULLs if validity is nil.
func fixed(t arrow.DataType, n, nulls int, validity, data *memory.Buffer) arrow.Array {
	return makeArray(t, n, nulls, []*memory.Buffer{validity, data})
}
