package vector

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Header is a view as two little-endian words:
//
//	          bytes 0–3   4–7              8–15
//	≤ 12 bytes  length    the bytes themselves, zero-padded
//	longer      length    first 4 bytes    buffer index, offset in the buffer
//
// Equal short values have equal headers, and equal values equal Lo.
type Header struct{ Lo, Hi uint64 }

// Inline is the longest value that stands in its header.
const Inline = 12

// Len is the number of bytes of the value.
func (h Header) Len() int { return int(uint32(h.Lo)) }

// Views reads the rows of a string view or binary view array.
type Views struct {
	Headers []Header
	buffers []*memory.Buffer
}

// ViewsOf returns the rows of a view array. It is valid as long as a is.
func ViewsOf(a arrow.Array) Views { return viewsOf(a.Data()) }

func viewsOf(d arrow.ArrayData) Views {
	return Views{Headers: values[Header](d), buffers: d.Buffers()[2:]}
}

// At returns the bytes of row i, which must not be NULL; they are valid as long
// as the array is, and not to be changed.
func (v Views) At(i int) []byte {
	h := &v.Headers[i]
	n := h.Len()
	if n <= Inline {
		return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(h), 4)), n)
	}
	return v.long(*h)
}

func (v Views) long(h Header) []byte {
	at := int(h.Hi >> 32)
	return v.buffers[uint32(h.Hi)].Bytes()[at : at+h.Len()]
}

// Address is where the bytes of row i lie, a value of more than 12 bytes; 0 for
// the header of a NULL that names no buffer.
func (v Views) Address(i int) uintptr {
	h := v.Headers[i]
	if b := uint64(uint32(h.Hi)); b < uint64(len(v.buffers)) {
		return uintptr(unsafe.Pointer(unsafe.SliceData(v.buffers[b].Bytes()))) + uintptr(h.Hi>>32)
	}
	return 0
}

// MakeHeader returns the header of a value of up to 12 bytes.
func MakeHeader(b []byte) Header {
	if len(b) > Inline {
		panic("vector: value does not fit a view header")
	}
	var h Header
	raw := (*[16]byte)(unsafe.Pointer(&h))
	h.Lo = uint64(len(b))
	copy(raw[4:], b)
	return h
}

// MakeLongHeader returns the header of a value of more than 12 bytes that lies
// at the given offset of a view array's buffer.
func MakeLongHeader(b []byte, buffer, offset int) Header {
	prefix := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
	return Header{uint64(uint32(len(b))) | prefix<<32, uint64(uint32(buffer)) | uint64(offset)<<32}
}
