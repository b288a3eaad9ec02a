package vector

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Concat returns the rows of arrs, one array after the other. All have the same
// type, and there is at least one. Views share their data with arrs.
func Concat(alloc memory.Allocator, arrs []arrow.Array) arrow.Array {
	if len(arrs) == 1 {
		arrs[0].Retain()
		return arrs[0]
	}
	ds := make([]arrow.ArrayData, len(arrs))
	for i, a := range arrs {
		ds[i] = a.Data()
	}
	return finish(concat(alloc, ds))
}

// ConcatRecords is Concat for every column of recs, which share a schema; there
// is at least one.
func ConcatRecords(alloc memory.Allocator, recs []arrow.RecordBatch) arrow.RecordBatch {
	if len(recs) == 1 {
		recs[0].Retain()
		return recs[0]
	}
	n := 0
	for _, r := range recs {
		n += int(r.NumRows())
	}
	cols := make([]arrow.Array, recs[0].NumCols())
	parts := make([]arrow.Array, len(recs))
	for c := range cols {
		for i, r := range recs {
			parts[i] = r.Column(c)
		}
		cols[c] = Concat(alloc, parts)
	}
	return newRecord(recs[0].Schema(), cols, n)
}

func concat(alloc memory.Allocator, ds []arrow.ArrayData) arrow.ArrayData {
	t := ds[0].DataType()
	n := 0
	for _, d := range ds {
		if d.DataType().ID() != t.ID() {
			panic(fmt.Sprintf("vector: concat %v with %v", t, d.DataType()))
		}
		n += d.Len()
	}
	switch t.ID() {
	case arrow.BOOL:
		buf, dst := newBuffer(alloc, bitBytes(n))
		at := 0
		for _, d := range ds {
			if d.Len() > 0 {
				bitutil.CopyBitmap(d.Buffers()[1].Bytes(), d.Offset(), d.Len(), dst, at)
			}
			at += d.Len()
		}
		clearTail(dst, n)
		validity, nulls := concatValidity(alloc, ds, n)
		return newData(t, n, nulls, []*memory.Buffer{validity, buf})
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return concatViews(alloc, t, ds, n)
	case arrow.STRUCT:
		return concatStructs(alloc, t, ds, n)
	case arrow.DICTIONARY, arrow.EXTENSION:
		return concatOther(alloc, ds)
	default: // fixed width, or the rest
	}
	w, ok := t.(arrow.FixedWidthDataType)
	if !ok || t.ID() == arrow.FIXED_SIZE_LIST {
		return concatOther(alloc, ds)
	}
	width := w.BitWidth() / 8
	buf, dst := newBuffer(alloc, n*width)
	for _, d := range ds {
		if d.Len() > 0 {
			dst = dst[copy(dst, d.Buffers()[1].Bytes()[d.Offset()*width:(d.Offset()+d.Len())*width]):]
		}
	}
	validity, nulls := concatValidity(alloc, ds, n)
	return newData(t, n, nulls, []*memory.Buffer{validity, buf})
}

// concatValidity joins the bitmaps of ds: nil, 0 when no row is NULL.
func concatValidity(alloc memory.Allocator, ds []arrow.ArrayData, n int) (*memory.Buffer, int) {
	found := false
	for _, d := range ds {
		valid, _ := validBits(d)
		found = found || valid != nil
	}
	if !found {
		return nil, 0
	}
	buf, dst := newBuffer(alloc, bitBytes(n))
	at := 0
	for _, d := range ds {
		if valid, off := validBits(d); valid != nil {
			bitutil.CopyBitmap(valid, off, d.Len(), dst, at)
		} else {
			bitutil.SetBitsTo(dst, int64(at), int64(d.Len()), true)
		}
		at += d.Len()
	}
	clearTail(dst, n)
	nulls := n - bitutil.CountSetBits(dst, 0, n)
	if nulls == 0 {
		buf.Release()
		return nil, 0
	}
	return buf, nulls
}

// concatViews joins the headers and the lists of buffers; a header's buffer
// index moves by the number of buffers before its array's. Neighbours that
// share their buffers, as slices of one array do, share them in the result.
func concatViews(alloc memory.Allocator, t arrow.DataType, ds []arrow.ArrayData, n int) arrow.ArrayData {
	validity, nulls := concatValidity(alloc, ds, n)
	buf, dst := newValues[Header](alloc, n)
	bufs := []*memory.Buffer{validity, buf}
	base := 0
	for i, d := range ds {
		if i == 0 || !sameBuffers(ds[i-1].Buffers()[2:], d.Buffers()[2:]) {
			base = len(bufs) - 2
			for _, b := range d.Buffers()[2:] {
				b.Retain()
				bufs = append(bufs, b)
			}
		}
		src := values[Header](d)
		if base == 0 {
			copy(dst, src)
		} else {
			shiftHeaders(dst[:len(src)], src, uint32(base))
		}
		dst = dst[len(src):]
	}
	return newData(t, n, nulls, bufs)
}

func shiftHeaders(dst, src []Header, by uint32) {
	for i, h := range src {
		if h.Len() > Inline {
			h.Hi = h.Hi&^0xffffffff | uint64(uint32(h.Hi)+by)
		}
		dst[i] = h
	}
}

func sameBuffers(a, b []*memory.Buffer) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func concatStructs(alloc memory.Allocator, t arrow.DataType, ds []arrow.ArrayData, n int) arrow.ArrayData {
	validity, nulls := concatValidity(alloc, ds, n)
	children := make([]arrow.ArrayData, len(ds[0].Children()))
	parts := make([]arrow.ArrayData, len(ds))
	for c := range children {
		for i, d := range ds {
			parts[i] = array.NewSliceData(d.Children()[c], int64(d.Offset()), int64(d.Offset()+d.Len()))
		}
		children[c] = concat(alloc, parts)
		for _, p := range parts {
			p.Release()
		}
	}
	return newData(t, n, nulls, []*memory.Buffer{validity}, children...)
}

// concatOther joins lists, maps, dictionaries and the layouts of the edges. The
// values of a list are joined by concat, where they may be views.
func concatOther(alloc memory.Allocator, ds []arrow.ArrayData) arrow.ArrayData {
	if id := ds[0].DataType().ID(); id == arrow.LIST || id == arrow.MAP {
		return concatLists(alloc, ds)
	}
	// An empty dictionary array may lack its dictionary, which Concatenate needs.
	first := ds[0]
	ds = slices.DeleteFunc(slices.Clone(ds), func(d arrow.ArrayData) bool { return d.Len() == 0 })
	if len(ds) == 0 {
		first.Retain()
		return first
	}
	arrs := make([]arrow.Array, len(ds))
	for i, d := range ds {
		arrs[i] = array.MakeFromData(d)
		defer arrs[i].Release()
	}
	out, err := array.Concatenate(arrs, alloc)
	if err != nil {
		panic(fmt.Sprintf("vector: concat %v: %v", ds[0].DataType(), err))
	}
	defer out.Release()
	d := out.Data()
	d.Retain()
	return d
}

func concatLists(alloc memory.Allocator, ds []arrow.ArrayData) arrow.ArrayData {
	n := 0
	for _, d := range ds {
		n += d.Len()
	}
	validity, nulls := concatValidity(alloc, ds, n)
	buf, offsets := newValues[int32](alloc, n+1)
	parts := make([]arrow.ArrayData, len(ds))
	at, base := 0, int32(0)
	for i, d := range ds {
		o := offsetsOf[int32](d)
		first, last := o[0], o[len(o)-1]
		for j, x := range o {
			offsets[at+j] = base + x - first
		}
		parts[i] = array.NewSliceData(d.Children()[0], int64(first), int64(last))
		at += d.Len()
		base += last - first
	}
	child := concat(alloc, parts)
	for _, p := range parts {
		p.Release()
	}
	return newData(ds[0].DataType(), n, nulls, []*memory.Buffer{validity, buf}, child)
}
