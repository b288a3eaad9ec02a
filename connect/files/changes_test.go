package files

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
)

// TestChanges: what is added and what is taken away, as Flink's formats write them.
func TestChanges(t *testing.T) {
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
	for format, want := range map[string]string{
		"debezium-json": `{"before":null,"after":{"id":1,"name":"a"},"op":"c"}
{"before":{"id":1,"name":"a"},"after":null,"op":"d"}
{"before":null,"after":{"id":1,"name":"b"},"op":"c"}
{"before":{"id":2,"name":null},"after":null,"op":"d"}
`,
		"canal-json": `{"data":[{"id":1,"name":"a"}],"type":"INSERT"}
{"data":[{"id":1,"name":"a"}],"type":"DELETE"}
{"data":[{"id":1,"name":"b"}],"type":"INSERT"}
{"data":[{"id":2,"name":null}],"type":"DELETE"}
`,
		"maxwell-json": `{"data":{"id":1,"name":"a"},"type":"insert"}
{"data":{"id":1,"name":"a"},"type":"delete"}
{"data":{"id":1,"name":"b"},"type":"insert"}
{"data":{"id":2,"name":null},"type":"delete"}
`,
		"ogg-json": `{"before":null,"after":{"id":1,"name":"a"},"op_type":"I"}
{"before":{"id":1,"name":"a"},"after":null,"op_type":"D"}
{"before":null,"after":{"id":1,"name":"b"},"op_type":"I"}
{"before":{"id":2,"name":null},"after":null,"op_type":"D"}
`,
	} {
		var out bytes.Buffer
		e, err := formats[format].New(&out, s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Write(rec); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
