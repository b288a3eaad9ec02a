package vector_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

func TestDiffer(t *testing.T) {
	texts := []string{"0", "1", "0", "", "1"} // "" is NULL
	for _, dt := range []arrow.DataType{
		arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32,
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.StringView,
		&arrow.Decimal128Type{Precision: 9, Scale: 1},
	} {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		for _, s := range texts {
			if s == "" {
				b.AppendNull()
			} else if err := b.AppendValueFromString(s); err != nil {
				t.Fatal(err)
			}
		}
		a := b.NewArray()
		x, y := []uint32{0, 0, 1, 3, 3, 1, 2}, []uint32{1, 2, 4, 3, 0, 3, 0}
		got := make([]bool, len(x))
		vector.Differ(got, a, a, x, y)
		if want := []bool{true, false, false, false, true, true, false}; !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", dt, got, want)
		}
		valid := array.NewSlice(a, 1, 3) // values 1, 0, without NULLs, at an offset
		got = make([]bool, 2)
		vector.Differ(got, valid, valid, []uint32{0, 1}, []uint32{1, 1})
		if want := []bool{true, false}; !slices.Equal(got, want) {
			t.Errorf("%v at an offset: %v, want %v", dt, got, want)
		}
	}
}
