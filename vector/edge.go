package vector

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Externalize returns rec as files and clients know it: string views as Utf8
// and binary views as Binary, at any depth. Other columns are shared. The bytes
// of a column's strings are less than 2 GiB; more panic.
func Externalize(alloc memory.Allocator, rec arrow.RecordBatch) arrow.RecordBatch {
	return convertRecord(alloc, rec, external)
}

// Internalize returns rec as the engine knows it: Utf8, LargeUtf8, Binary,
// LargeBinary and FixedSizeBinary as views that share their bytes, dictionaries
// decoded, at any depth. Other columns are shared.
func Internalize(alloc memory.Allocator, rec arrow.RecordBatch) arrow.RecordBatch {
	return convertRecord(alloc, rec, internal)
}

// ExternalizeArray is Externalize for one column.
func ExternalizeArray(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return finish(convert(alloc, a.Data(), external))
}

// InternalizeArray is Internalize for one column.
func InternalizeArray(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return finish(convert(alloc, a.Data(), internal))
}

// ExternalType is the type that Externalize gives to columns of type t.
func ExternalType(t arrow.DataType) arrow.DataType { return convertType(t, external) }

// InternalType is the type that Internalize gives to columns of type t.
func InternalType(t arrow.DataType) arrow.DataType { return convertType(t, internal) }

// ExternalSchema is the schema that Externalize gives to records of schema s.
func ExternalSchema(s *arrow.Schema) *arrow.Schema { return convertSchema(s, external) }

// InternalSchema is the schema that Internalize gives to records of schema s.
func InternalSchema(s *arrow.Schema) *arrow.Schema { return convertSchema(s, internal) }

// direction is which way a record crosses the edge.
type direction bool

const (
	external direction = true
	internal direction = false
)

func convertRecord(alloc memory.Allocator, rec arrow.RecordBatch, to direction) arrow.RecordBatch {
	schema := convertSchema(rec.Schema(), to)
	if schema == rec.Schema() {
		rec.Retain()
		return rec
	}
	cols := make([]arrow.Array, rec.NumCols())
	for i := range cols {
		cols[i] = finish(convert(alloc, rec.Column(i).Data(), to))
	}
	return newRecord(schema, cols, int(rec.NumRows()))
}

func convertSchema(s *arrow.Schema, to direction) *arrow.Schema {
	fields, changed := convertFields(s.Fields(), to)
	if !changed {
		return s
	}
	meta := s.Metadata()
	return arrow.NewSchema(fields, &meta)
}

func convertFields(fields []arrow.Field, to direction) ([]arrow.Field, bool) {
	out, changed := slices.Clone(fields), false
	for i := range out {
		out[i].Type = convertType(fields[i].Type, to)
		changed = changed || out[i].Type != fields[i].Type
	}
	return out, changed
}

// convertType returns t itself when nothing in it changes.
func convertType(t arrow.DataType, to direction) arrow.DataType {
	switch t := t.(type) {
	case *arrow.StringViewType:
		if to == external {
			return arrow.BinaryTypes.String
		}
	case *arrow.BinaryViewType:
		if to == external {
			return arrow.BinaryTypes.Binary
		}
	case *arrow.StringType, *arrow.LargeStringType:
		if to == internal {
			return arrow.BinaryTypes.StringView
		}
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.FixedSizeBinaryType:
		if to == internal {
			return arrow.BinaryTypes.BinaryView
		}
	case *arrow.DictionaryType:
		if to == internal {
			return convertType(t.ValueType, to)
		}
	case *arrow.MapType:
		fields, changed := convertFields([]arrow.Field{t.KeyField(), t.ItemField()}, to)
		if changed {
			m := arrow.MapOfFields(fields[0], fields[1])
			m.KeysSorted = t.KeysSorted
			return m
		}
	case *arrow.ListType:
		if f := convertField(t.ElemField(), to); f.Type != t.Elem() {
			return arrow.ListOfField(f)
		}
	case *arrow.LargeListType:
		if f := convertField(t.ElemField(), to); f.Type != t.Elem() {
			return arrow.LargeListOfField(f)
		}
	case *arrow.FixedSizeListType:
		if f := convertField(t.ElemField(), to); f.Type != t.Elem() {
			return arrow.FixedSizeListOfField(t.Len(), f)
		}
	case *arrow.StructType:
		if fields, changed := convertFields(t.Fields(), to); changed {
			return arrow.StructOf(fields...)
		}
	}
	return t
}

func convertField(f arrow.Field, to direction) arrow.Field {
	f.Type = convertType(f.Type, to)
	return f
}

// convert returns d in the other form, or d itself, with a reference of its own.
func convert(alloc memory.Allocator, d arrow.ArrayData, to direction) arrow.ArrayData {
	t := convertType(d.DataType(), to)
	if t == d.DataType() {
		d.Retain()
		return d
	}
	switch d.DataType().ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return viewsToBytes(alloc, d, t)
	case arrow.STRING, arrow.BINARY:
		return bytesToViews[int32](alloc, d, t)
	case arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return bytesToViews[int64](alloc, d, t)
	case arrow.FIXED_SIZE_BINARY:
		return fixedToViews(alloc, d, t)
	case arrow.DICTIONARY:
		return decode(alloc, d, to)
	default: // something nested, around one of these
	}
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, c := range d.Children() {
		children[i] = convert(alloc, c, to)
	}
	out := array.NewData(t, d.Len(), slices.Clone(d.Buffers()), children, d.NullN(), d.Offset())
	for _, c := range children {
		c.Release()
	}
	return out
}

// copiedValidity returns the validity of d at offset 0.
func copiedValidity(alloc memory.Allocator, d arrow.ArrayData) (*memory.Buffer, int) {
	return bothValid(alloc, d.Len(), d)
}

func viewsToBytes(alloc memory.Allocator, d arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	n := d.Len()
	v := viewsOf(d)
	valid, off := validBits(d)
	obuf, offsets := newValues[int32](alloc, n+1)
	total := 0
	for i := range n {
		offsets[i] = int32(total)
		if valid == nil || bitAt(valid, off+i) == 1 {
			total += v.Headers[i].Len()
		}
		if total > math.MaxInt32 {
			panic(fmt.Sprintf("vector: strings of %d rows have more than 2 GiB", n))
		}
	}
	offsets[n] = int32(total)
	dbuf, dst := newBuffer(alloc, total)
	for i := range n {
		if offsets[i+1] > offsets[i] {
			copy(dst[offsets[i]:], v.At(i))
		}
	}
	validity, nulls := copiedValidity(alloc, d)
	return newData(t, n, nulls, []*memory.Buffer{validity, obuf, dbuf})
}

// bytesToViews makes headers into d's bytes. Where those are more than a header
// can address, they are shared as several slices.
func bytesToViews[O int32 | int64](alloc memory.Allocator, d arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	const window = 1 << 30
	n := d.Len()
	offsets := offsetsOf[O](d)
	hbuf, headers := newValues[Header](alloc, n)
	validity, nulls := copiedValidity(alloc, d)
	bufs := []*memory.Buffer{validity, hbuf}
	var src []byte
	if d.Buffers()[2] != nil {
		src = d.Buffers()[2].Bytes()
	}
	base, shared := 0, false
	for i := range headers {
		from, to := int(offsets[i]), int(offsets[i+1])
		b := src[from:to]
		switch {
		case len(b) <= Inline:
			headers[i] = MakeHeader(b)
			continue
		case len(b) > math.MaxInt32:
			panic(fmt.Sprintf("vector: a value of %d bytes, more than 2 GiB", len(b)))
		case !shared && len(src) <= window:
			d.Buffers()[2].Retain()
			bufs = append(bufs, d.Buffers()[2])
		case !shared || from-base > window:
			base = from
			bufs = append(bufs, memory.SliceBuffer(d.Buffers()[2], base, min(len(src)-base, window+math.MaxInt32)))
		}
		shared = true
		headers[i] = MakeLongHeader(b, len(bufs)-3, from-base)
	}
	return newData(t, n, nulls, bufs)
}

func fixedToViews(alloc memory.Allocator, d arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	n := d.Len()
	width := d.DataType().(*arrow.FixedSizeBinaryType).ByteWidth
	hbuf, headers := newValues[Header](alloc, n)
	validity, nulls := copiedValidity(alloc, d)
	bufs := []*memory.Buffer{validity, hbuf}
	if n > 0 {
		src := d.Buffers()[1].Bytes()[d.Offset()*width:]
		for i := range headers {
			b := src[i*width : (i+1)*width]
			if width <= Inline {
				headers[i] = MakeHeader(b)
			} else {
				headers[i] = MakeLongHeader(b, 0, (d.Offset()+i)*width)
			}
		}
		if width > Inline {
			d.Buffers()[1].Retain()
			bufs = append(bufs, d.Buffers()[1])
		}
	}
	return newData(t, n, nulls, bufs)
}

// decode returns the values of a dictionary array in their internal form.
func decode(alloc memory.Allocator, d arrow.ArrayData, to direction) arrow.ArrayData {
	n := d.Len()
	if n == 0 || d.Dictionary().Len() == 0 {
		empty := array.MakeArrayOfNull(alloc, convertType(d.DataType(), to), n)
		defer empty.Release()
		empty.Data().Retain()
		return empty.Data()
	}
	dict := convert(alloc, d.Dictionary(), to)
	defer dict.Release()
	// The codes of NULL rows may be anything: point them at row 0.
	idx := make(Sel, n)
	valid, off := validBits(d)
	codes := retyped(d, d.DataType().(*arrow.DictionaryType).IndexType)
	defer codes.Release()
	var scratch [chunk]uint64
	for lo := 0; lo < n; lo += chunk {
		w := scratch[:min(chunk, n-lo)]
		words(w, codes, lo) // 0 where NULL
		for i, c := range w {
			idx[lo+i] = uint32(c)
		}
	}
	if valid == nil {
		return takeData(alloc, dict, idx)
	}
	out := takeData(alloc, dict, idx)
	defer out.Release()
	// A row is NULL when its code is, or the value behind it.
	buf, dst := newBuffer(alloc, bitBytes(n))
	copyBits(dst, valid, off, n)
	if inner, o := validBits(out); inner != nil {
		andBits(dst, inner, o, n)
	}
	bufs := slices.Clone(out.Buffers())
	bufs[0] = buf
	both := array.NewData(out.DataType(), n, bufs, slices.Clone(out.Children()), array.UnknownNullCount, 0)
	buf.Release()
	return both
}
