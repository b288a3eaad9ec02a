package vector

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Differ sets differ[i] where row x[i] of a is not row y[i] of b, which has a's
// type. Two NULLs are the same, and so are floats of equal bits.
func Differ(differ []bool, a, b arrow.Array, x, y []uint32) {
	if a.NullN() == 0 && b.NullN() == 0 {
		differValid(differ, a, b, x, y)
		return
	}
	var at, p, q []uint32 // rows that are NULL in neither
	for i := range differ {
		switch n, m := a.IsNull(int(x[i])), b.IsNull(int(y[i])); {
		case n != m:
			differ[i] = true
		case !n:
			at, p, q = append(at, uint32(i)), append(p, x[i]), append(q, y[i])
		}
	}
	valid := make([]bool, len(at))
	differValid(valid, a, b, p, q)
	for i, d := range valid {
		differ[at[i]] = differ[at[i]] || d
	}
}

// differValid is Differ for rows that are not NULL.
func differValid(differ []bool, a, b arrow.Array, x, y []uint32) {
	switch t := a.DataType().(type) {
	case *arrow.BooleanType:
		p, q := a.(*array.Boolean), b.(*array.Boolean)
		for i := range differ {
			differ[i] = differ[i] || p.Value(int(x[i])) != q.Value(int(y[i]))
		}
	case *arrow.ListType, *arrow.MapType, *arrow.StructType:
		for i := range differ {
			p, q := int64(x[i]), int64(y[i])
			differ[i] = differ[i] || !array.SliceEqual(a, p, p+1, b, q, q+1)
		}
	case *arrow.StringViewType, *arrow.BinaryViewType:
		p, q := ViewsOf(a), ViewsOf(b)
		for i := range differ {
			differ[i] = differ[i] || !bytes.Equal(p.At(int(x[i])), q.At(int(y[i])))
		}
	case arrow.FixedWidthDataType:
		switch t.BitWidth() {
		case 8:
			differValues[int8](differ, a, b, x, y)
		case 16:
			differValues[int16](differ, a, b, x, y)
		case 32:
			differValues[int32](differ, a, b, x, y)
		case 64:
			differValues[int64](differ, a, b, x, y)
		default:
			differValues[[2]int64](differ, a, b, x, y)
		}
	case *arrow.NullType:
	default:
		for i := range differ {
			p, q := int64(x[i]), int64(y[i])
			differ[i] = differ[i] || !array.SliceEqual(a, p, p+1, b, q, q+1)
		}
	}
}

func differValues[T comparable](differ []bool, a, b arrow.Array, x, y []uint32) {
	p, q := Values[T](a), Values[T](b)
	for i := range differ {
		differ[i] = differ[i] || p[x[i]] != q[y[i]]
	}
}
