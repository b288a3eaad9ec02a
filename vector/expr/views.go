package expr

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// viewWriter builds an array of strings or bytes. Rows longer than twelve
// bytes share one growing buffer; a row may also point into the buffers of an
// argument, so that SUBSTRING or TRIM copy nothing:
//
//	heads  | 'short'  | 17 bytes at 0:0 | 31 bytes at 1:4096 |
//	bufs   0: the writer's            1: borrowed from an argument
type viewWriter struct {
	alloc memory.Allocator
	heads []arrow.ViewHeader
	hbuf  *memory.Buffer

	data *memory.Buffer // of rows made here; nil until the first long one
	used int
	full []*memory.Buffer // data buffers that are closed
	lent *views           // whose memory rows may share
}

// maxViewBuffer is where a data buffer closes: offsets in views are 32 bits.
const maxViewBuffer = 1 << 30

func newViewWriter(alloc memory.Allocator, n int) *viewWriter {
	w := &viewWriter{alloc: alloc}
	w.heads, w.hbuf = fixed[arrow.ViewHeader](alloc, n)
	clear(w.heads)
	return w
}

// scratch is where the next row may be appended; what append returns goes to
// put. It saves a copy when the row fits.
func (w *viewWriter) scratch() []byte {
	if w.data == nil {
		w.grow(16 * len(w.heads))
	}
	if w.data.Len()-w.used < 256 {
		w.grow(256)
	}
	b := w.data.Bytes()
	return b[w.used:w.used:len(b)]
}

// grow makes room for need more bytes.
func (w *viewWriter) grow(need int) {
	if w.data != nil && w.used+need > maxViewBuffer {
		w.full = append(w.full, w.data)
		w.data, w.used = nil, 0
	}
	if w.data == nil {
		w.data = memory.NewResizableBuffer(w.alloc)
		w.data.Resize(max(need, 4096))
		return
	}
	w.data.Resize(min(max(2*w.data.Len(), w.used+need), max(maxViewBuffer, w.used+need)))
}

// put sets row i to b, which scratch may have given.
func (w *viewWriter) put(i int, b []byte) error {
	if len(b) <= 12 {
		w.heads[i].SetBytes(b)
		return nil
	}
	if len(b) > math.MaxInt32 {
		return fmt.Errorf("string of %d bytes is longer than a row can hold", len(b))
	}
	if w.data == nil || w.used+len(b) > w.data.Len() {
		w.grow(len(b))
	}
	dst := w.data.Bytes()[w.used : w.used+len(b)]
	if unsafe.SliceData(dst) != unsafe.SliceData(b) {
		copy(dst, b)
	}
	w.heads[i].SetBytes(dst)
	w.heads[i].SetIndexOffset(int32(len(w.full)), int32(w.used))
	w.used += len(b)
	return nil
}

// share sets row i to s, a part of row i of the argument src. One writer can
// share with one argument, and then writes no rows of its own longer than
// twelve bytes.
func (w *viewWriter) share(i int, src *views, s string) {
	w.lent = src
	if len(s) <= 12 {
		w.heads[i].SetString(s)
		return
	}
	h := words(&src.heads[i&src.mask]) // not inline: a part of it is longer than twelve bytes
	off := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(src.bases[uint32(h[1])])
	prefix := uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
	*words(&w.heads[i]) = [2]uint64{uint64(len(s)) | uint64(prefix)<<32, uint64(uint32(h[1])) | uint64(off)<<32}
}

// finish returns the array and takes over valid.
func (w *viewWriter) finish(t arrow.DataType, valid *memory.Buffer) arrow.Array {
	bufs := []*memory.Buffer{valid, w.hbuf}
	if w.data != nil {
		w.full = append(w.full, w.data)
		w.data = nil
	}
	bufs = append(bufs, w.full...)
	if w.lent != nil {
		bufs = append(bufs[:2], w.lent.bufs...)
	}
	d := array.NewData(t, len(w.heads), bufs, nil, countNulls(valid, len(w.heads)), 0)
	defer d.Release()
	if valid != nil {
		valid.Release()
	}
	w.drop()
	return array.MakeFromData(d)
}

// drop releases what the writer holds.
func (w *viewWriter) drop() {
	w.hbuf.Release()
	if w.data != nil {
		w.data.Release()
	}
	for _, b := range w.full {
		b.Release()
	}
}
