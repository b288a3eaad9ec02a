package vector

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// RecordBytes is about how many bytes the rows of rec take: for budgets. Rows
// count, not buffers: a slice of a long column is small, and strings count
// with their own length whoever shares their buffer.
func RecordBytes(rec arrow.RecordBatch) int64 {
	var n int64
	for _, c := range rec.Columns() {
		n += arrayBytes(c)
	}
	return n
}

func arrayBytes(a arrow.Array) int64 {
	rows := int64(a.Len())
	switch t := a.DataType().(type) {
	case *arrow.StringViewType, *arrow.BinaryViewType:
		n := rows * int64(unsafe.Sizeof(Header{}))
		for _, h := range ViewsOf(a).Headers {
			if l := h.Len(); l > 12 {
				n += int64(l)
			}
		}
		return n
	case arrow.FixedWidthDataType:
		return (rows*int64(t.BitWidth()) + 7) / 8
	case *arrow.StructType:
		n := rows / 8
		for i := range a.(*array.Struct).NumField() {
			n += arrayBytes(a.(*array.Struct).Field(i))
		}
		return n
	case *arrow.ListType, *arrow.MapType:
		l := a.(array.ListLike)
		if rows == 0 {
			return 0
		}
		first, _ := l.ValueOffsets(0)
		_, last := l.ValueOffsets(int(rows) - 1)
		values := array.NewSlice(l.ListValues(), first, last)
		defer values.Release()
		return rows*4 + arrayBytes(values)
	}
	return rows * 16
}
