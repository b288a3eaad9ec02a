package read

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
)

// TestUUIDs reads what the Parquet reader makes of a column of UUIDs.
func TestUUIDs(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := array.NewStringViewBuilder(mem)
	defer b.Release()
	b.Append("00010203-0405-0607-0809-0a0b0c0d0eff")
	b.AppendNull()
	in := b.NewArray()
	defer in.Release()

	to := arrow.BinaryTypes.BinaryView
	as, err := leafConversion(in.DataType(), ice.UUIDType{}, to)
	if err != nil {
		t.Fatal(err)
	}
	out, err := as(mem, in, to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	got := out.(*array.BinaryView)
	if want := "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff"; string(got.Value(0)) != want || !got.IsNull(1) {
		t.Errorf("got %x, %v", got.Value(0), got)
	}
}
