package rowstore

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// maxBuffer bounds the bytes behind one buffer of a view array, whose offsets
// are 32 bits; a longer value has a buffer of its own.
const maxBuffer = 1 << 30

// Take returns rows as columns, in the order of ids, which may repeat; None gives
// NULL in every column. The arrays own their data and one reference each.
func (s *Store) Take(alloc memory.Allocator, ids []uint32) []arrow.Array {
	out := make([]arrow.Array, len(s.columns))
	for i := range out {
		out[i] = s.TakeColumn(alloc, i, ids)
	}
	return out
}

// TakeColumn is Take for one column.
func (s *Store) TakeColumn(alloc memory.Allocator, i int, ids []uint32) arrow.Array {
	s.pool.Relieve()
	n, dt, c := len(ids), s.types[i], s.columns[i]
	if c.kind == nullKind {
		return array.NewNull(n)
	}
	validity, nulls := s.validity(alloc, i, ids)
	base, stride := unsafe.Add(s.rows.Base(), 8*c.at), uintptr(s.stride)
	switch c.kind {
	case decimalKind:
		buf, dst := vector.NewValues[[2]uint64](alloc, n)
		for j, id := range ids {
			dst[j] = *(*[2]uint64)(unsafe.Add(base, uintptr(id+1)*stride))
		}
		return vector.MakeArray(dt, n, nulls, validity, buf)
	case stringKind:
		return s.takeStrings(alloc, dt, base, ids, validity, nulls)
	case nestedKind:
		a := s.takeStrings(alloc, arrow.BinaryTypes.BinaryView, base, ids, validity, nulls)
		defer a.Release()
		return decode(alloc, dt, a)
	case wordKind, floatKind, nullKind:
	}
	scratch, w := vector.NewValues[uint64](alloc, n)
	defer scratch.Release()
	for j, id := range ids {
		w[j] = *(*uint64)(unsafe.Add(base, uintptr(id+1)*stride))
	}
	if c.kind == floatKind {
		a := vector.FromWords(alloc, integerOf(dt), w, validity, nulls)
		defer a.Release()
		return as(a, dt)
	}
	return vector.FromWords(alloc, dt, w, validity, nulls)
}

// takeStrings copies the headers at base and the long values behind them.
func (s *Store) takeStrings(alloc memory.Allocator, dt arrow.DataType, base unsafe.Pointer, ids []uint32, validity *memory.Buffer, nulls int) arrow.Array {
	stride := uintptr(s.stride)
	var sizes []int // of the buffers behind the headers
	hbuf, headers := vector.NewValues[vector.Header](alloc, len(ids))
	for j, id := range ids {
		headers[j] = *(*vector.Header)(unsafe.Add(base, uintptr(id+1)*stride))
		if n := headers[j].Len(); n > vector.Inline {
			if k := len(sizes); k == 0 || sizes[k-1]+n > maxBuffer {
				sizes = append(sizes, 0)
			}
			sizes[len(sizes)-1] += n
		}
	}
	bufs := append(make([]*memory.Buffer, 0, 2+len(sizes)), validity, hbuf)
	if len(sizes) == 0 {
		return vector.MakeArray(dt, len(ids), nulls, bufs...)
	}
	var dst []byte
	at := 0
	for j, h := range headers {
		n := h.Len()
		if n <= vector.Inline {
			continue
		}
		if at == len(dst) {
			var buf *memory.Buffer
			buf, dst = vector.NewValues[byte](alloc, sizes[len(bufs)-2])
			bufs, at = append(bufs, buf), 0
		}
		b := dst[at : at+n]
		copy(b, unsafe.Slice((*byte)(address(s.arena.Base(), h.Hi)), n))
		headers[j] = vector.MakeLongHeader(b, len(bufs)-3, at)
		at += n
	}
	return vector.MakeArray(dt, len(ids), nulls, bufs...)
}

// validity returns the bitmap of a column: nil, 0 when no row is NULL.
func (s *Store) validity(alloc memory.Allocator, i int, ids []uint32) (*memory.Buffer, int) {
	base, stride, bit := unsafe.Add(s.rows.Base(), 8*(i/64)), uintptr(s.stride), i%64
	nulls := 0
	for _, id := range ids {
		nulls += int(*(*uint64)(unsafe.Add(base, uintptr(id+1)*stride)) >> bit & 1)
	}
	if nulls == 0 {
		return nil, 0
	}
	buf, dst := vector.NewValues[byte](alloc, (len(ids)+7)/8)
	clear(dst)
	for j, id := range ids {
		valid := ^*(*uint64)(unsafe.Add(base, uintptr(id+1)*stride)) >> bit & 1
		dst[j/8] |= byte(valid << (j % 8))
	}
	return buf, nulls
}
