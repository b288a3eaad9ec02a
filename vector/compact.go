package vector

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// CompactViews returns a with the bytes of its strings, at any depth, in one
// buffer of their own, when the buffers that they share are more than four times
// as large; otherwise a itself with one more reference. Whoever keeps a few
// rows of many batches calls it, or the rows keep all those batches alive.
func CompactViews(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return finish(compact(alloc, a.Data()))
}

// CompactRecord is CompactViews for every column of rec.
func CompactRecord(alloc memory.Allocator, rec arrow.RecordBatch) arrow.RecordBatch {
	cols := make([]arrow.Array, rec.NumCols())
	for i := range cols {
		cols[i] = CompactViews(alloc, rec.Column(i))
	}
	return newRecord(rec.Schema(), cols, int(rec.NumRows()))
}

func compact(alloc memory.Allocator, d arrow.ArrayData) arrow.ArrayData {
	switch d.DataType().ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		if live, held := viewBytes(d); held > 4*live+4096 {
			return compactLeaf(alloc, d, live)
		}
	case arrow.LIST, arrow.LARGE_LIST, arrow.MAP, arrow.FIXED_SIZE_LIST, arrow.STRUCT:
		children, changed := make([]arrow.ArrayData, len(d.Children())), false
		for i, c := range d.Children() {
			children[i] = compact(alloc, c)
			changed = changed || children[i] != c
		}
		defer func() {
			for _, c := range children {
				c.Release()
			}
		}()
		if changed {
			return array.NewData(d.DataType(), d.Len(), slices.Clone(d.Buffers()), children, d.NullN(), d.Offset())
		}
	default: // no strings in it
	}
	d.Retain()
	return d
}

// viewBytes returns how many bytes of the rows stand outside their headers, and
// how many the buffers hold.
func viewBytes(d arrow.ArrayData) (live, held int) {
	for _, b := range d.Buffers()[2:] {
		held += b.Len()
	}
	valid, off := validBits(d)
	for i, h := range values[Header](d) {
		if h.Len() > Inline && (valid == nil || bitAt(valid, off+i) == 1) {
			live += h.Len()
		}
	}
	return live, held
}

func compactLeaf(alloc memory.Allocator, d arrow.ArrayData, live int) arrow.ArrayData {
	n := d.Len()
	v := viewsOf(d)
	valid, off := validBits(d)
	hbuf, headers := newValues[Header](alloc, n)
	validity, nulls := copiedValidity(alloc, d)
	bufs := []*memory.Buffer{validity, hbuf}
	var dst []byte
	if live > 0 {
		var dbuf *memory.Buffer
		dbuf, dst = newBuffer(alloc, live)
		bufs = append(bufs, dbuf)
	}
	at := 0
	for i, h := range v.Headers {
		switch {
		case valid != nil && bitAt(valid, off+i) == 0:
			headers[i] = Header{}
		case h.Len() <= Inline:
			headers[i] = h
		default:
			b := v.long(h)
			copy(dst[at:], b)
			headers[i] = MakeLongHeader(b, 0, at)
			at += len(b)
		}
	}
	return newData(d.DataType(), n, nulls, bufs)
}
