package vector

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Take returns the rows idx of arr, in that order; an index may occur more than
// once. A nil idx returns arr itself with one more reference. Views and
// dictionaries share their data with arr.
func Take(alloc memory.Allocator, arr arrow.Array, idx Sel) arrow.Array {
	if idx == nil {
		arr.Retain()
		return arr
	}
	return finish(takeData(alloc, arr.Data(), idx))
}

// TakeRecord is Take for every column of rec.
func TakeRecord(alloc memory.Allocator, rec arrow.RecordBatch, sel Sel) arrow.RecordBatch {
	if sel == nil {
		rec.Retain()
		return rec
	}
	cols := make([]arrow.Array, rec.NumCols())
	for i := range cols {
		cols[i] = Take(alloc, rec.Column(i), sel)
	}
	return newRecord(rec.Schema(), cols, len(sel))
}

// newRecord takes over the references to cols.
func newRecord(schema *arrow.Schema, cols []arrow.Array, n int) arrow.RecordBatch {
	rec := array.NewRecordBatch(schema, cols, int64(n))
	for _, c := range cols {
		c.Release()
	}
	return rec
}

func takeData(alloc memory.Allocator, d arrow.ArrayData, idx Sel) arrow.ArrayData {
	t := d.DataType()
	n := len(idx)
	if t.ID() == arrow.NULL {
		return array.NewData(t, n, []*memory.Buffer{nil}, nil, n, 0)
	}
	validity, nulls := takeValidity(alloc, d, idx)
	switch t.ID() {
	case arrow.DICTIONARY:
		buf := takeFixed(alloc, d, idx, t.(arrow.FixedWidthDataType).BitWidth()/8)
		out := array.NewDataWithDictionary(t, n, []*memory.Buffer{validity, buf}, nulls, 0, d.Dictionary().(*array.Data))
		release(validity, buf)
		return out
	case arrow.BOOL:
		buf, dst := newBuffer(alloc, bitBytes(n))
		if n > 0 {
			gatherBits(dst, d.Buffers()[1].Bytes(), d.Offset(), idx)
		}
		return newData(t, n, nulls, []*memory.Buffer{validity, buf})
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		bufs := make([]*memory.Buffer, len(d.Buffers()))
		copy(bufs, d.Buffers())
		for _, b := range bufs[2:] {
			b.Retain()
		}
		bufs[0], bufs[1] = validity, takeFixed(alloc, d, idx, arrow.ViewHeaderSizeBytes)
		return newData(t, n, nulls, bufs)
	case arrow.STRING, arrow.BINARY:
		return takeBytes[int32](alloc, d, idx, validity, nulls)
	case arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return takeBytes[int64](alloc, d, idx, validity, nulls)
	case arrow.LIST, arrow.MAP:
		return takeList[int32](alloc, d, idx, validity, nulls)
	case arrow.LARGE_LIST:
		return takeList[int64](alloc, d, idx, validity, nulls)
	case arrow.FIXED_SIZE_LIST:
		return takeFixedList(alloc, d, idx, validity, nulls)
	case arrow.STRUCT:
		return takeStruct(alloc, d, idx, validity, nulls)
	case arrow.EXTENSION:
		release(validity)
		return takeExtension(alloc, d, idx)
	default:
	}
	if w, ok := t.(arrow.FixedWidthDataType); ok {
		return newData(t, n, nulls, []*memory.Buffer{validity, takeFixed(alloc, d, idx, w.BitWidth()/8)})
	}
	panic(noKernel("take", t))
}

// newData builds data at offset 0 and takes over the references to its buffers
// and children.
func newData(t arrow.DataType, n, nulls int, bufs []*memory.Buffer, children ...arrow.ArrayData) arrow.ArrayData {
	d := array.NewData(t, n, bufs, children, nulls, 0)
	release(bufs...)
	for _, c := range children {
		c.Release()
	}
	return d
}

func release(bufs ...*memory.Buffer) {
	for _, b := range bufs {
		if b != nil {
			b.Release()
		}
	}
}

// takeFixed gathers the values buffer of a type of width bytes.
func takeFixed(alloc memory.Allocator, d arrow.ArrayData, idx Sel, width int) *memory.Buffer {
	if len(idx) > 0 && d.Len() == 0 {
		panic(fmt.Sprintf("vector: take row %d of an empty array", idx[0]))
	}
	switch width {
	case 1:
		return takeValues[uint8](alloc, d, idx)
	case 2:
		return takeValues[uint16](alloc, d, idx)
	case 4:
		return takeValues[uint32](alloc, d, idx)
	case 8:
		return takeValues[uint64](alloc, d, idx)
	case 16:
		return takeValues[[2]uint64](alloc, d, idx)
	}
	buf, dst := newBuffer(alloc, len(idx)*width)
	if len(idx) > 0 {
		src := d.Buffers()[1].Bytes()[d.Offset()*width:]
		for i, r := range idx {
			copy(dst[i*width:(i+1)*width], src[int(r)*width:])
		}
	}
	return buf
}

func takeValues[T any](alloc memory.Allocator, d arrow.ArrayData, idx Sel) *memory.Buffer {
	buf, dst := newValues[T](alloc, len(idx))
	Gather(dst, values[T](d), idx)
	return buf
}

// Gather sets dst[i] = src[idx[i]]. dst has the length of idx.
func Gather[T any](dst, src []T, idx Sel) {
	dst = dst[:len(idx)]
	for i, r := range idx {
		dst[i] = src[r]
	}
}

func takeBytes[O int32 | int64](alloc memory.Allocator, d arrow.ArrayData, idx Sel, validity *memory.Buffer, nulls int) arrow.ArrayData {
	offsets := offsetsOf[O](d)
	var src []byte
	if b := d.Buffers()[2]; b != nil {
		src = b.Bytes()
	}
	obuf, out := newValues[O](alloc, len(idx)+1)
	var total O
	for i, r := range idx {
		out[i] = total
		total += offsets[r+1] - offsets[r]
		if total < out[i] {
			panic(fmt.Sprintf("vector: take of %d rows needs more bytes than %v can hold", len(idx), d.DataType()))
		}
	}
	out[len(idx)] = total
	dbuf, dst := newBuffer(alloc, int(total))
	for i, r := range idx {
		copy(dst[out[i]:out[i+1]], src[offsets[r]:offsets[r+1]])
	}
	return newData(d.DataType(), len(idx), nulls, []*memory.Buffer{validity, obuf, dbuf})
}

// offsetsOf returns the n+1 offsets of a variable-width array's rows. An empty
// array may lack the buffer.
func offsetsOf[O int32 | int64](d arrow.ArrayData) []O {
	b := d.Buffers()[1]
	if b == nil || b.Len() == 0 {
		return make([]O, d.Len()+1)
	}
	return arrow.GetData[O](b.Bytes())[d.Offset() : d.Offset()+d.Len()+1]
}

func takeList[O int32 | int64](alloc memory.Allocator, d arrow.ArrayData, idx Sel, validity *memory.Buffer, nulls int) arrow.ArrayData {
	offsets := offsetsOf[O](d)
	src, off := validBits(d)
	obuf, out := newValues[O](alloc, len(idx)+1)
	inner := make(Sel, 0, len(idx))
	for i, r := range idx {
		out[i] = O(len(inner))
		if src != nil && bitAt(src, off+int(r)) == 0 {
			continue
		}
		for j := offsets[r]; j < offsets[r+1]; j++ {
			inner = append(inner, uint32(j))
		}
	}
	out[len(idx)] = O(len(inner))
	child := takeData(alloc, d.Children()[0], inner)
	return newData(d.DataType(), len(idx), nulls, []*memory.Buffer{validity, obuf}, child)
}

func takeFixedList(alloc memory.Allocator, d arrow.ArrayData, idx Sel, validity *memory.Buffer, nulls int) arrow.ArrayData {
	size := int(d.DataType().(*arrow.FixedSizeListType).Len())
	inner := make(Sel, 0, len(idx)*size)
	for _, r := range idx {
		first := (d.Offset() + int(r)) * size
		for j := range size {
			inner = append(inner, uint32(first+j))
		}
	}
	child := takeData(alloc, d.Children()[0], inner)
	return newData(d.DataType(), len(idx), nulls, []*memory.Buffer{validity}, child)
}

func takeStruct(alloc memory.Allocator, d arrow.ArrayData, idx Sel, validity *memory.Buffer, nulls int) arrow.ArrayData {
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, c := range d.Children() {
		c = array.NewSliceData(c, int64(d.Offset()), int64(d.Offset()+d.Len()))
		children[i] = takeData(alloc, c, idx)
		c.Release()
	}
	return newData(d.DataType(), len(idx), nulls, []*memory.Buffer{validity}, children...)
}

func takeExtension(alloc memory.Allocator, d arrow.ArrayData, idx Sel) arrow.ArrayData {
	storage := retyped(d, d.DataType().(arrow.ExtensionType).StorageType())
	taken := takeData(alloc, storage, idx)
	out := retyped(taken, d.DataType())
	storage.Release()
	taken.Release()
	return out
}

// retyped is d under another type of the same layout.
func retyped(d arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	out := array.NewData(t, d.Len(), slices.Clone(d.Buffers()), slices.Clone(d.Children()), d.NullN(), d.Offset())
	if dict := d.Dictionary(); dict != nil && dict != arrow.ArrayData((*array.Data)(nil)) {
		out.SetDictionary(dict)
	}
	return out
}
