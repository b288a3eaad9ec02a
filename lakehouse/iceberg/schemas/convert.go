package schemas

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
)

// A converter turns arrays of the engine into those of files and back: views
// and plain strings, narrow and wide integers, coarse and fine times. What is
// equal on both sides is shared, not copied. The result owns a reference.

// Convertible reports why values of one type cannot become those of the other.
func Convertible(from, to arrow.DataType) error {
	if arrow.TypeEqual(from, to) {
		return nil
	}
	bad := fmt.Errorf("%w: %s does not fit %s", job.ErrInvalid, from, to)
	switch to := to.(type) {
	case *arrow.StructType:
		f, ok := from.(*arrow.StructType)
		if !ok || f.NumFields() != to.NumFields() {
			return bad
		}
		for i, field := range f.Fields() {
			if err := Convertible(field.Type, to.Field(i).Type); err != nil {
				return fmt.Errorf("field %q: %w", field.Name, err)
			}
		}
		return nil
	case *arrow.ListType:
		if f, ok := from.(arrow.ListLikeType); ok && from.ID() == arrow.LIST {
			return Convertible(f.Elem(), to.Elem())
		}
		return bad
	case *arrow.MapType:
		if f, ok := from.(*arrow.MapType); ok {
			return errors.Join(Convertible(f.KeyType(), to.KeyType()), Convertible(f.ItemType(), to.ItemType()))
		}
		return bad
	}
	if Primitive(from, to) == nil {
		return bad
	}
	return nil
}

// ConvertFunc gives the values of in as those of type to; the caller owns the result.
type ConvertFunc func(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error)

// Primitive finds the conversion of one type without children into another.
func Primitive(from, to arrow.DataType) ConvertFunc {
	switch from.ID() {
	case arrow.INT8:
		if to.ID() == arrow.INT32 {
			return widen[int8]
		}
	case arrow.INT16:
		if to.ID() == arrow.INT32 {
			return widen[int16]
		}
	case arrow.INT32:
		switch to.ID() {
		case arrow.INT8:
			return narrow[int8]
		case arrow.INT16:
			return narrow[int16]
		}
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		switch {
		case from.ID() == arrow.STRING_VIEW && to.ID() == arrow.STRING,
			from.ID() == arrow.BINARY_VIEW && to.ID() == arrow.BINARY:
			return flatten
		case from.ID() == arrow.BINARY_VIEW && to.ID() == arrow.FIXED_SIZE_BINARY:
			return fix
		}
	case arrow.STRING, arrow.BINARY, arrow.FIXED_SIZE_BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.EXTENSION:
		if to.ID() == arrow.STRING_VIEW || to.ID() == arrow.BINARY_VIEW {
			return view
		}
	case arrow.TIMESTAMP:
		if t, ok := to.(*arrow.TimestampType); ok && (t.TimeZone == "") == (from.(*arrow.TimestampType).TimeZone == "") {
			return Timestamps
		}
	case arrow.TIME32:
		if to.ID() == arrow.TIME64 {
			return timesUp
		}
	case arrow.TIME64:
		if to.ID() == arrow.TIME32 {
			return timesDown
		}
	}
	return nil
}

// Convert turns in into an array of type to. Nested types are always made
// anew: the fields of to may carry ids.
func Convert(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	if _, nested := to.(arrow.NestedType); !nested && arrow.TypeEqual(in.DataType(), to) {
		in.Retain()
		return in, nil
	}
	switch to := to.(type) {
	case *arrow.StructType:
		return convertStruct(mem, in.(*array.Struct), to)
	case *arrow.ListType, *arrow.MapType:
		return convertList(mem, in.(array.ListLike), to)
	}
	f := Primitive(in.DataType(), to)
	if f == nil {
		return nil, fmt.Errorf("%w: %s does not fit %s", job.ErrInvalid, in.DataType(), to)
	}
	return f(mem, in, to)
}

// convertList converts the elements of a list or a map and keeps its offsets.
func convertList(mem memory.Allocator, in array.ListLike, to arrow.DataType) (arrow.Array, error) {
	childType := to.(arrow.ListLikeType).Elem()
	child, err := Convert(mem, in.ListValues(), childType)
	if err != nil {
		return nil, err
	}
	defer child.Release()
	d := in.Data()
	data := array.NewData(to, d.Len(), d.Buffers(), []arrow.ArrayData{child.Data()}, d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func convertStruct(mem memory.Allocator, in *array.Struct, to *arrow.StructType) (arrow.Array, error) {
	children := make([]arrow.ArrayData, in.NumField())
	for i := range children {
		child, err := Convert(mem, in.Field(i), to.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", to.Field(i).Name, err)
		}
		defer child.Release()
		children[i] = child.Data()
	}
	valid := Validity(mem, in)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, in.Len(), []*memory.Buffer{valid}, children, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// Validity returns the validity bitmap of in from bit 0 on, or nil.
func Validity(mem memory.Allocator, in arrow.Array) *memory.Buffer {
	if in.NullN() == 0 {
		return nil
	}
	n := in.Len()
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(int(bitutil.BytesForBits(int64(n))))
	clear(buf.Bytes())
	bitutil.CopyBitmap(in.NullBitmapBytes(), in.Data().Offset(), n, buf.Bytes(), 0)
	return buf
}

// FixedWidth makes an array of type to from n values of the given width,
// which fill writes, and the nulls of in.
func FixedWidth[T int8 | int16 | int32 | int64 | float64](mem memory.Allocator, in arrow.Array, to arrow.DataType, fill func(out []T) error) (arrow.Array, error) {
	buf := memory.NewResizableBuffer(mem)
	defer buf.Release()
	var zero T
	buf.Resize(in.Len() * int(unsafe.Sizeof(zero)))
	if err := fill(arrow.GetData[T](buf.Bytes())[:in.Len()]); err != nil {
		return nil, err
	}
	valid := Validity(mem, in)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, in.Len(), []*memory.Buffer{valid, buf}, nil, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func widen[T int8 | int16](mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	var values []T
	switch a := in.(type) {
	case *array.Int8:
		values = any(a.Int8Values()).([]T)
	case *array.Int16:
		values = any(a.Int16Values()).([]T)
	}
	return FixedWidth(mem, in, to, func(out []int32) error {
		for i, v := range values {
			out[i] = int32(v)
		}
		return nil
	})
}

func narrow[T int8 | int16](mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	values := in.(*array.Int32).Int32Values()
	return FixedWidth(mem, in, to, func(out []T) error {
		for i, v := range values {
			out[i] = T(v)
			if int32(out[i]) != v && in.IsValid(i) {
				return fmt.Errorf("%w: row %d: %d is outside the range of %s", job.ErrInvalid, i, v, to)
			}
		}
		return nil
	})
}

func timesUp(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	scale := int64(in.DataType().(*arrow.Time32Type).Unit.Multiplier() / to.(*arrow.Time64Type).Unit.Multiplier())
	values := in.(*array.Time32).Time32Values()
	return FixedWidth(mem, in, to, func(out []int64) error {
		for i, v := range values {
			out[i] = int64(v) * scale
		}
		return nil
	})
}

func timesDown(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	scale := int64(to.(*arrow.Time32Type).Unit.Multiplier() / in.DataType().(*arrow.Time64Type).Unit.Multiplier())
	values := in.(*array.Time64).Time64Values()
	return FixedWidth(mem, in, to, func(out []int32) error {
		for i, v := range values {
			out[i] = int32(int64(v) / scale)
		}
		return nil
	})
}

// Timestamps changes the unit: exact when it gets finer, floored when it gets
// coarser.
func Timestamps(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	values := in.(*array.Timestamp).TimestampValues()
	from, unit := in.DataType().(*arrow.TimestampType).Unit.Multiplier(), to.(*arrow.TimestampType).Unit.Multiplier()
	return FixedWidth(mem, in, to, func(out []int64) error {
		if from < unit {
			scale := int64(unit / from)
			for i, v := range values {
				q := int64(v) / scale
				if int64(v)%scale < 0 {
					q--
				}
				out[i] = q
			}
			return nil
		}
		scale := int64(from / unit)
		limit := math.MaxInt64 / scale
		for i, v := range values {
			if int64(v) > limit || int64(v) < -limit {
				if in.IsValid(i) {
					return fmt.Errorf("%w: row %d: the timestamp is outside the range of %s", job.ErrInvalid, i, to)
				}
				v = 0
			}
			out[i] = int64(v) * scale
		}
		return nil
	})
}

// BytesOf reads values of any string or binary array.
func BytesOf(in arrow.Array) func(i int) []byte {
	switch a := in.(type) {
	case *array.BinaryView:
		return a.Value
	case *array.StringView:
		return func(i int) []byte { return []byte(a.Value(i)) }
	case *array.Binary:
		return a.Value
	case *array.LargeBinary:
		return a.Value
	case *array.FixedSizeBinary:
		return a.Value
	case array.ExtensionArray:
		return BytesOf(a.Storage())
	}
	panic("iceberg: not an array of bytes: " + in.DataType().String())
}

// flatten copies views into one buffer with offsets.
func flatten(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	views := in.(array.ViewLike)
	n, total := in.Len(), 0
	for i := range n {
		if in.IsValid(i) {
			total += views.ValueHeader(i).Len()
		}
	}
	if total > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d bytes of strings in one batch; the limit is 2 GB", job.ErrInvalid, total)
	}
	offsets, values := memory.NewResizableBuffer(mem), memory.NewResizableBuffer(mem)
	defer offsets.Release()
	defer values.Release()
	offsets.Resize(4 * (n + 1))
	values.Resize(total)
	offs, out := arrow.Int32Traits.CastFromBytes(offsets.Bytes()), values.Bytes()
	at := 0
	offs[0] = 0
	for i := range n {
		if in.IsValid(i) {
			at += copy(out[at:], ViewBytes(views, i))
		}
		offs[i+1] = int32(at)
	}
	valid := Validity(mem, in)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, n, []*memory.Buffer{valid, offsets, values}, nil, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// ViewBytes is the value of a view without copying it.
func ViewBytes(a array.ViewLike, i int) []byte {
	h := a.ValueHeader(i)
	if h.IsInline() {
		return h.InlineBytes()
	}
	start := h.BufferOffset()
	return a.Data().Buffers()[2+h.BufferIndex()].Bytes()[start : start+int32(h.Len())]
}

// fix copies views of equal length.
func fix(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	views, width := in.(array.ViewLike), to.(*arrow.FixedSizeBinaryType).ByteWidth
	buf := memory.NewResizableBuffer(mem)
	defer buf.Release()
	buf.Resize(in.Len() * width)
	for i := range in.Len() {
		slot := buf.Bytes()[i*width : (i+1)*width]
		if in.IsNull(i) {
			clear(slot)
			continue
		}
		if n := views.ValueHeader(i).Len(); n != width {
			return nil, fmt.Errorf("%w: row %d: %d bytes for BINARY(%d)", job.ErrInvalid, i, n, width)
		}
		copy(slot, ViewBytes(views, i))
	}
	valid := Validity(mem, in)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, in.Len(), []*memory.Buffer{valid, buf}, nil, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// view makes views of plain strings and bytes.
func view(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	if to.ID() == arrow.STRING_VIEW {
		b := array.NewStringViewBuilder(mem)
		defer b.Release()
		b.Reserve(in.Len())
		value := in.(array.StringLike)
		for i := range in.Len() {
			if in.IsNull(i) {
				b.AppendNull()
			} else {
				b.Append(value.Value(i))
			}
		}
		return b.NewArray(), nil
	}
	b := array.NewBinaryViewBuilder(mem)
	defer b.Release()
	b.Reserve(in.Len())
	value := BytesOf(in)
	for i := range in.Len() {
		if in.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(value(i))
		}
	}
	return b.NewArray(), nil
}

// ConvertRecord gives the columns of rec, by position, the types of schema.
func ConvertRecord(mem memory.Allocator, rec arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	cols := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, f := range schema.Fields() {
		col, err := Convert(mem, rec.Column(i), f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols = append(cols, col)
		if !f.Nullable && col.NullN() > 0 {
			return nil, fmt.Errorf("%w: column %q is NOT NULL and a row has NULL", job.ErrInvalid, f.Name)
		}
	}
	return array.NewRecordBatch(schema, cols, rec.NumRows()), nil
}

// Under gives child the nulls of its parent too.
func Under(mem memory.Allocator, parent *array.Struct, child arrow.Array) arrow.Array {
	if parent.NullN() == 0 {
		child.Retain()
		return child
	}
	nulls := 0
	d := child.Data()
	bits := memory.NewResizableBuffer(mem)
	defer bits.Release()
	bits.Resize((d.Offset() + d.Len() + 7) / 8)
	clear(bits.Bytes())
	for i := range child.Len() {
		if parent.IsValid(i) && child.IsValid(i) {
			at := d.Offset() + i
			bits.Bytes()[at/8] |= 1 << (at % 8)
		} else {
			nulls++
		}
	}
	buffers := append([]*memory.Buffer{bits}, d.Buffers()[1:]...)
	data := array.NewData(d.DataType(), d.Len(), buffers, d.Children(), nulls, d.Offset())
	defer data.Release()
	return array.MakeFromData(data)
}
