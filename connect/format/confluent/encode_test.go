package confluent_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	reference "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/stream"
)

// through writes rows, given in JSON, each with its kind, in a format whose schemas are
// in r, and reads them again.
func through(t *testing.T, r *srfake.Registry, name string, s *arrow.Schema, options map[string]string, rows string, kinds ...stream.RowKind) (messages [][]byte, d format.Decoder) {
	t.Helper()
	f, err := format.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	o := map[string]string{name + ".url": r.URL(), name + ".subject": "t-value"}
	for k, v := range options {
		o[name+"."+k] = v
	}
	e, err := f.NewEncoder(format.Writing{Schema: s, Options: o})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.(format.Starting).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	e.Fill(rec.Columns())
	defer e.Drop()
	d = decoder(t, name, s, o)
	for row := range int(rec.NumRows()) {
		kind := stream.Insert
		if row < len(kinds) {
			kind = kinds[row]
		}
		m, err := e.Append([]byte("x"), row, kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := add(t, d, m[1:]); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m[1:])
	}
	return messages, d
}

// registered is the schema that a subject has.
func registered(t *testing.T, r *srfake.Registry) sr.Schema {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.SchemaByVersion(t.Context(), "t-value", -1)
	if err != nil {
		t.Fatal(err)
	}
	return s.Schema
}

const people = `[{"id":1,"name":"a","who":{"name":"n"}},{"id":2,"name":null,"who":null}]`

// TestEncodeProtobuf: the schema that follows from the table is registered, and the
// message says that it is the first of it.
func TestEncodeProtobuf(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	s := columnsOf("id", bigint, "name", str, "who", line)
	messages, d := through(t, r, "protobuf-confluent", s, nil, people)
	if got := text(t, d); got != `{"id":1,"name":"a","who":{"name":"n"}}`+"\n"+`{"id":2,"name":null,"who":null}` {
		t.Error(got)
	}
	if messages[0][5] != 0 {
		t.Errorf("%x does not say which message it is", messages[0])
	}
	if got := registered(t, r); got.Type != sr.TypeProtobuf || !strings.Contains(got.Schema, "message Row") {
		t.Error(got)
	}
	_, d = through(t, r, "protobuf-confluent", s, map[string]string{
		"schema": `syntax = "proto3"; message M { int64 id = 7; string name = 3; W who = 1; } message W { string name = 1; }`,
	}, people)
	if got := text(t, d); got != `{"id":1,"name":"a","who":{"name":"n"}}`+"\n"+`{"id":2,"name":"","who":null}` {
		t.Errorf("with a schema: %s", got)
	}
}

// TestEncodeJSON: objects behind the id of a JSON Schema.
func TestEncodeJSON(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	s := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: bigint},
		{Name: "name", Type: str, Nullable: true},
		{Name: "who", Type: line, Nullable: true},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 4, Scale: 2}, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(str), Nullable: true},
		{Name: "counts", Type: arrow.MapOf(str, bigint), Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
	}, nil)
	messages, d := through(t, r, "json-registry", s, map[string]string{"timestamp-format.standard": "ISO-8601", "encode.ignore-null-fields": "true"},
		`[{"id":1,"name":"a","who":{"name":"n"},"price":"1.50","tags":["x"],"counts":[{"key":"k","value":3}],"at":"2024-02-29T01:02:03.004"},{"id":2}]`)
	for i, want := range []string{
		`{"id":1,"name":"a","who":{"name":"n"},"price":1.50,"tags":["x"],"counts":{"k":3},"at":"2024-02-29T01:02:03.004"}`, `{"id":2}`,
	} {
		if id, rest, err := registry.Header(messages[i]); id != 1 || err != nil || string(rest) != want {
			t.Errorf("%d %s %v, want %s", id, rest, err, want)
		}
	}
	if got := text(t, d); !strings.HasSuffix(got, `{"at":null,"counts":null,"id":2,"name":null,"price":null,"tags":null,"who":null}`) {
		t.Error(got)
	}
	got := registered(t, r)
	var schema struct {
		Type       string
		Required   []string
		Properties map[string]any
	}
	if err := json.Unmarshal([]byte(got.Schema), &schema); err != nil || got.Type != sr.TypeJSON {
		t.Fatal(got, err)
	}
	if schema.Type != "object" || !slices.Equal(schema.Required, []string{"id"}) || len(schema.Properties) != 7 {
		t.Error(got.Schema)
	}
	for _, want := range []string{
		`"id":{"type":"integer","connect.type":"int64","connect.index":0}`,
		`"who":{"connect.index":2,"oneOf":[{"type":"null"},{"type":"object","properties":{"name":{"connect.index":0,"oneOf":[{"type":"null"},{"type":"string"}]}}}]}`,
		`"counts":{"connect.index":5,"oneOf":[{"type":"null"},{"type":"object","connect.type":"map","additionalProperties":{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int64"}]}}]}`,
	} {
		if !strings.Contains(got.Schema, want) {
			t.Errorf("no %s in %s", want, got.Schema)
		}
	}
}

// TestEncodeDebezium: rows that come are inserts with the row after, those that go are
// deletions with the row before; the schema of Debezium itself is written too, and read
// by the reference library.
func TestEncodeDebezium(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	s := columnsOf("id", bigint, "name", str)
	const envelope = `{"type":"record","name":"Envelope","namespace":"db","fields":[
		{"name":"before","type":["null",{"type":"record","name":"Value","fields":[{"name":"id","type":["null","long"]},{"name":"name","type":["null","string"]}]}]},
		{"name":"after","type":["null","Value"]},{"name":"source","type":["null","string"]},{"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"]}]}`
	for name, options := range map[string]map[string]string{"derived": nil, "given": {"schema": envelope}} {
		messages, d := through(t, r, "debezium-avro-confluent", s, options,
			`[{"id":1,"name":"a"},{"id":1,"name":"a"},{"id":1,"name":"b"},{"id":1,"name":"b"}]`,
			stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete)
		if kinds := d.(format.Changing).Kinds(); !slices.Equal(kinds, []stream.RowKind{stream.Insert, stream.Delete, stream.Insert, stream.Delete}) {
			t.Errorf("%s: %v", name, kinds)
		}
		if got := text(t, d); got != `{"id":1,"name":"a"}`+"\n"+`{"id":1,"name":"a"}`+"\n"+`{"id":1,"name":"b"}`+"\n"+`{"id":1,"name":"b"}` {
			t.Errorf("%s: %s", name, got)
		}
		of, err := reference.Parse(registered(t, r).Schema)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if _, err := of.Decode(messages[1][5:], &fields); err != nil || fields["op"] != "d" || fields["after"] != nil || fields["before"] == nil {
			t.Errorf("%s: %v %v", name, fields, err)
		}
	}
}

// TestDebeziumNulls: Flink writes changes that may be null as a whole, and whose op may be.
func TestDebeziumNulls(t *testing.T) {
	const schema = `["null",{"type":"record","name":"record","fields":[
		{"name":"before","type":["null",{"type":"record","name":"b","fields":[{"name":"id","type":["null","long"]}]}]},
		{"name":"after","type":["null",{"type":"record","name":"a","fields":[{"name":"id","type":["null","long"]}]}]},
		{"name":"op","type":["null","string"]}]}]`
	r := testserver.SchemaRegistry(t)
	r.SeedSchema("s", 1, 1, sr.Schema{Schema: schema})
	d := decoder(t, "debezium-avro-confluent", columnsOf("id", bigint), map[string]string{"debezium-avro-confluent.url": r.URL()})
	change := func(op any) map[string]any {
		return map[string]any{"before": nil, "after": map[string]any{"id": int64(7)}, "op": op}
	}
	if err := add(t, d, message(t, 1, schema, change("c"))); err != nil {
		t.Fatal(err)
	}
	if err := add(t, d, message(t, 1, schema, change(nil))); err == nil || !strings.Contains(err.Error(), "field op: it is null") {
		t.Error(err)
	}
	if err := add(t, d, message(t, 1, schema, nil)); err == nil || !strings.Contains(err.Error(), "it is null") {
		t.Error(err)
	}
	if got := text(t, d); got != `{"id":7}` {
		t.Error(got)
	}
}

func TestEncodeRefused(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	for _, c := range []struct{ format, key, value, want string }{
		{"protobuf-confluent", "subject", "", "'protobuf-confluent.subject'"},
		{"json-registry", "url", "", "option 'json-registry.url' is missing"},
		{"json-registry", "schema", "{", "option 'json-registry.schema' is not JSON"},
		{"protobuf-confluent", "schema", "message", "the schema of 'protobuf-confluent'"},
		{"protobuf-confluent", "schema", `syntax = "proto3"; message M { string id = 1; }`, "field id: a BIGINT cannot be written as a string of Protobuf"},
		{"debezium-avro-confluent", "schema", `{"type":"record","name":"r","fields":[]}`, "a record with before, after and op"},
		{"debezium-avro-confluent", "schema", `{"type":"record","name":"r","fields":[{"name":"ts","type":"long"},{"name":"op","type":"string"},
			{"name":"before","type":["null",{"type":"record","name":"v","fields":[{"name":"id","type":["null","long"]}]}]},{"name":"after","type":["null","v"]}]}`, "nothing is known for field ts"},
	} {
		f, err := format.Of(c.format)
		if err != nil {
			t.Fatal(err)
		}
		options := map[string]string{c.format + ".url": r.URL(), c.format + ".subject": "s", c.format + "." + c.key: c.value}
		if _, err := f.NewEncoder(format.Writing{Schema: columnsOf("id", bigint), Options: options}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s.%s = %s: %v, want %s", c.format, c.key, c.value, err, c.want)
		}
	}
}
