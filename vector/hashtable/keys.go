package hashtable

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// Keys returns the key columns of rows, in the order of gids, which may repeat.
// The arrays own their data and one reference each.
func (t *Table) Keys(alloc memory.Allocator, gids vector.Sel) []arrow.Array {
	t.pool.Relieve()
	out := make([]arrow.Array, len(t.types))
	for i := range out {
		out[i] = t.key(alloc, i, gids)
	}
	return out
}

func (t *Table) key(alloc memory.Allocator, i int, gids vector.Sel) arrow.Array {
	n, dt, c := len(gids), t.types[i], t.keys[i]
	if c.kind == nullKind {
		return array.NewNull(n)
	}
	validity, nulls := t.validity(alloc, i, gids)
	base, stride := unsafe.Add(t.rows.Base(), 8*c.at), uintptr(t.stride)
	switch c.kind {
	case decimalKind:
		buf, dst := vector.NewValues[[2]uint64](alloc, n)
		for j, g := range gids {
			dst[j] = *(*[2]uint64)(unsafe.Add(base, uintptr(g)*stride))
		}
		return vector.MakeArray(dt, n, nulls, validity, buf)
	case stringKind:
		return t.stringKeys(alloc, dt, base, gids, validity, nulls)
	case wordKind, nullKind:
	}
	scratch, w := vector.NewValues[uint64](alloc, n)
	defer scratch.Release()
	for j, g := range gids {
		w[j] = *(*uint64)(unsafe.Add(base, uintptr(g)*stride))
	}
	return vector.FromWords(alloc, dt, w, validity, nulls)
}

// stringKeys copies the headers at base and the long values behind them.
func (t *Table) stringKeys(alloc memory.Allocator, dt arrow.DataType, base unsafe.Pointer, gids vector.Sel, validity *memory.Buffer, nulls int) arrow.Array {
	stride := uintptr(t.stride)
	long := 0
	hbuf, headers := vector.NewValues[vector.Header](alloc, len(gids))
	for j, g := range gids {
		headers[j] = *(*vector.Header)(unsafe.Add(base, uintptr(g)*stride))
		if n := headers[j].Len(); n > vector.Inline {
			long += n
		}
	}
	if long == 0 {
		return vector.MakeArray(dt, len(gids), nulls, validity, hbuf)
	}
	dbuf, dst := vector.NewValues[byte](alloc, long)
	at := 0
	for j, h := range headers {
		if n := h.Len(); n > vector.Inline {
			b := dst[at : at+n]
			copy(b, unsafe.Slice((*byte)(address(t.arena.Base(), h.Hi)), n))
			headers[j] = vector.MakeLongHeader(b, 0, at)
			at += n
		}
	}
	return vector.MakeArray(dt, len(gids), nulls, validity, hbuf, dbuf)
}

// validity returns the bitmap of a key column: nil, 0 when no row is NULL.
func (t *Table) validity(alloc memory.Allocator, column int, gids vector.Sel) (*memory.Buffer, int) {
	nulls := 0
	for _, g := range gids {
		if t.isNull(g, column) {
			nulls++
		}
	}
	if nulls == 0 {
		return nil, 0
	}
	buf, dst := vector.NewValues[byte](alloc, (len(gids)+7)/8)
	clear(dst)
	for j, g := range gids {
		if !t.isNull(g, column) {
			dst[j/8] |= 1 << (j % 8)
		}
	}
	return buf, nulls
}

func (t *Table) isNull(g uint32, column int) bool {
	if t.word {
		return g == t.nullRow
	}
	return *t.wordOf(g, 0)>>column&1 == 1
}
