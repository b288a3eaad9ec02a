package write

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestPartitionOfEmptyBytes tells the partition of empty bytes from that of
// NULL, also on the way to the committer.
func TestPartitionOfEmptyBytes(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	columns := arrow.NewSchema([]arrow.Field{{Name: "raw", Type: arrow.BinaryTypes.Binary, Nullable: true}}, nil)
	tbl, schema := fanTable(t, columns, map[string]string{"partitioning": "raw, truncate(1, raw)"}, nil)
	l, err := NewLayout(t.Context(), tbl, schema, "tag", mem)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	b.Field(0).(*array.BinaryBuilder).AppendValues([][]byte{{}, nil, {1, 2}}, []bool{true, false, true})
	rec := b.NewRecordBatch()
	defer rec.Release()

	seen := map[string]int64{}
	for _, df := range oursOf(t, l, rec) {
		c, err := Encode(tbl, df)
		if err != nil {
			t.Fatal(err)
		}
		st, err := Decode(c)
		if err != nil {
			t.Fatal(err)
		}
		if df, err = st.DataFile(tbl); err != nil {
			t.Fatal(err)
		}
		for _, v := range df.Partition() {
			value, isBytes := v.([]byte)
			switch {
			case v == nil || isBytes && value == nil:
				seen["NULL"] += df.Count()
			default:
				seen[string(value)] += df.Count()
			}
		}
	}
	if len(seen) != 4 || seen["NULL"] != 2 || seen[""] != 2 {
		t.Errorf("rows by partition value %v, want 2 of NULL and 2 of empty bytes", seen)
	}
}
