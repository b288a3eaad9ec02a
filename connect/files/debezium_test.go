package files

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
)

// TestDebezium: what is added is op c, what is taken away op d, as Flink's
// format writes them.
func TestDebezium(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "name", Type: arrow.BinaryTypes.StringView},
		{Name: "$kind", Type: arrow.PrimitiveTypes.Int8},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	b.Field(0).(*array.Int32Builder).AppendValues([]int32{1, 1, 1, 2}, nil)
	b.Field(1).(*array.StringViewBuilder).AppendValues([]string{"a", "a", "b", "c"}, []bool{true, true, true, false})
	b.Field(2).(*array.Int8Builder).AppendValues([]int8{int8(stream.Insert), int8(stream.UpdateBefore), int8(stream.UpdateAfter), int8(stream.Delete)}, nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	var out bytes.Buffer
	e, err := newDebezium(&out, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(rec); err != nil {
		t.Fatal(err)
	}
	want := `{"before":null,"after":{"id":1,"name":"a"},"op":"c"}
{"before":{"id":1,"name":"a"},"after":null,"op":"d"}
{"before":null,"after":{"id":1,"name":"b"},"op":"c"}
{"before":{"id":2,"name":null},"after":null,"op":"d"}
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
