package parquet

import (
	"encoding/binary"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// view is a string view as two words of memory, least significant byte first:
//
//	lo: length (32 bits), first 4 bytes
//	hi: up to 12 bytes in all: the other 8; else: buffer (32 bits), offset (32)
type view struct{ lo, hi uint64 }

const (
	viewBytes  = 16
	viewInline = 12
)

func (v view) len() int { return int(uint32(v.lo)) }

// bytes returns what v shows; *v must stay alive while it is used.
func (v *view) bytes(bufs []*memory.Buffer) []byte {
	n := v.len()
	if n <= viewInline {
		return (*[viewBytes]byte)(unsafe.Pointer(v))[4 : 4+n : 4+n]
	}
	off := int(v.hi >> 32)
	return bufs[uint32(v.hi)].Bytes()[off : off+n : off+n]
}

// makeView shows n bytes of b, from at on, where b is the buffer of this index.
func makeView(b []byte, at, n int, index uint32) view {
	if n > viewInline {
		prefix := binary.LittleEndian.Uint32(b[at:])
		return view{uint64(n) | uint64(prefix)<<32, uint64(index) | uint64(at)<<32}
	}
	var w0, w1 uint64
	if at+12 <= len(b) {
		w0, w1 = binary.LittleEndian.Uint64(b[at:]), uint64(binary.LittleEndian.Uint32(b[at+8:]))
		if n < 8 {
			w0, w1 = w0&(1<<(8*uint(n))-1), 0
		} else {
			w1 &= 1<<(8*uint(n-8)) - 1
		}
	} else {
		var short [16]byte
		copy(short[:], b[at:at+n])
		w0, w1 = binary.LittleEndian.Uint64(short[:]), binary.LittleEndian.Uint64(short[8:])
	}
	return view{uint64(n) | w0<<32, w0>>32 | w1<<32}
}

// cast reinterprets memory as a slice of T. b must be aligned for T where the
// machine cares; pooled buffers are.
func cast[T any](b []byte) []T {
	var t T
	n := len(b) / int(unsafe.Sizeof(t))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

func bytesOf[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// sink gathers the buffers that the views of one batch show.
type sink struct {
	alloc memory.Allocator
	bufs  []*memory.Buffer
}

// index returns the number of buf in the batch, adding it when it is not the last.
func (s *sink) index(buf *memory.Buffer) uint32 {
	if n := len(s.bufs); n > 0 && s.bufs[n-1] == buf {
		return uint32(n - 1)
	}
	buf.Retain()
	s.bufs = append(s.bufs, buf)
	return uint32(len(s.bufs) - 1)
}

// fresh adds a new buffer of n bytes.
func (s *sink) fresh(n int) (*memory.Buffer, uint32) {
	buf := memory.NewResizableBuffer(s.alloc)
	buf.Resize(n)
	s.bufs = append(s.bufs, buf)
	return buf, uint32(len(s.bufs) - 1)
}

func (s *sink) reset() {
	for i, b := range s.bufs {
		b.Release()
		s.bufs[i] = nil
	}
	s.bufs = s.bufs[:0]
}
