package avro_test

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	reference "github.com/twmb/avro"

	"github.com/wadi-engine/wadi/internal/avro"
)

// TestStored: columns are as Iceberg keeps them, with the ids of their fields, and
// read without loss.
func TestStored(t *testing.T) {
	const written = `{"type":"record","name":"table","fields":[
		{"name":"clock","field-id":1,"type":["null",{"type":"long","logicalType":"time-micros"}]},
		{"name":"utc","field-id":2,"type":{"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true}},
		{"name":"local","field-id":3,"type":{"type":"long","logicalType":"timestamp-micros","adjust-to-utc":false}},
		{"name":"u","field-id":4,"type":{"type":"fixed","name":"uuid_fixed","size":16,"logicalType":"uuid"}},
		{"name":"l","field-id":5,"type":{"type":"array","element-id":6,"items":["null","long"]}},
		{"name":"m","field-id":7,"type":{"type":"map","key-id":8,"value-id":9,"values":"int"}},
		{"name":"p","field-id":10,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k11_v12","fields":[
			{"name":"key","field-id":11,"type":"int"},{"name":"value","field-id":12,"type":["null","string"]}]}}]}]}`
	schema, err := avro.Stored(written, "id")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 clock time64[us]", "2 utc timestamp[us, tz=UTC]", "3 local timestamp[us]", "4 u binary_view", "5 l list<item: int64, nullable>",
		"7 m map<string_view, int32, items_non_nullable>", "10 p map<int32, string_view, items_nullable>",
	}
	for i, f := range schema.Fields() {
		if id, _ := f.Metadata.GetValue("id"); id+" "+f.Name+" "+f.Type.String() != want[i] {
			t.Errorf("field %s %s %s, want %s", id, f.Name, f.Type, want[i])
		}
	}
	for column, ids := range map[int][]string{4: {"6"}, 5: {"8", "9"}, 6: {"11", "12"}} {
		for i, f := range inner(schema.Field(column).Type) {
			if id, _ := f.Metadata.GetValue("id"); id != ids[i] {
				t.Errorf("within %s: id %q, want %s", schema.Field(column).Name, id, ids[i])
			}
		}
	}
	message, err := reference.MustParse(written).Encode(map[string]any{
		"clock": time.Hour, "utc": time.UnixMicro(1), "local": time.UnixMicro(-1), "u": [16]byte{15: 'x'},
		"l": []any{int64(1), nil}, "m": map[string]any{"a": int32(5)},
		"p": []any{map[string]any{"key": int32(7), "value": "seven"}, map[string]any{"key": int32(8), "value": nil}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := avro.Plain(written, schema, pathsOf(schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Append(message); err != nil {
		t.Fatal(err)
	}
	rec := d.Record(memory.DefaultAllocator)
	defer rec.Release()
	const row = `{"clock":"01:00:00","l":[1,null],"local":"1969-12-31T23:59:59.999999","m":[{"key":"a","value":5}],"p":[{"key":7,"value":"seven"},{"key":8,"value":null}],"u":"AAAAAAAAAAAAAAAAAAAAeA==","utc":"1970-01-01T00:00:00.000001Z"}`
	if got := text(t, rec); got != row {
		t.Errorf("%s\nwant\n%s", got, row)
	}
}

// inner are the fields of what a list or a map holds.
func inner(t arrow.DataType) []arrow.Field {
	if m, is := t.(*arrow.MapType); is {
		return []arrow.Field{m.KeyField(), m.ItemField()}
	}
	return []arrow.Field{t.(*arrow.ListType).ElemField()}
}
