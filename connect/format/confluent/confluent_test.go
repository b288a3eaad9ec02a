package confluent_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	reference "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/stream"
)

var (
	bigint = arrow.PrimitiveTypes.Int64
	double = arrow.PrimitiveTypes.Float64
	str    = arrow.BinaryTypes.StringView
	line   = arrow.StructOf(arrow.Field{Name: "name", Type: str, Nullable: true})
)

func columnsOf(pairs ...any) *arrow.Schema {
	var fields []arrow.Field
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, arrow.Field{Name: pairs[i].(string), Type: pairs[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

func decoder(t *testing.T, name string, s *arrow.Schema, options map[string]string) format.Decoder {
	t.Helper()
	f, err := format.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	var paths [][]string
	for _, c := range s.Fields() {
		paths = append(paths, []string{c.Name})
	}
	d, err := f.NewDecoder(format.Rows{Message: s, Schema: s, Paths: paths, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// add prepares and appends a message.
func add(t *testing.T, d format.Decoder, m []byte) error {
	t.Helper()
	if p, ok := d.(format.Preparing); ok {
		if err := p.Prepare(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	return d.Append(m)
}

func text(t *testing.T, d format.Decoder) string {
	t.Helper()
	var b strings.Builder
	if err := array.RecordToJSON(d.Record(memory.DefaultAllocator), &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func message(t *testing.T, id int, schema string, v any) []byte {
	t.Helper()
	b, err := reference.MustParse(schema).AppendEncode(registry.AppendHeader(nil, id), v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEvolution: messages of several schemas come together, and each schema is asked for
// once. What is not to be read is bad by itself.
func TestEvolution(t *testing.T) {
	const (
		first  = `{"type":"record","name":"r","fields":[{"name":"id","type":"int"},{"name":"old","type":"string"}]}`
		second = `{"type":"record","name":"r","fields":[{"name":"price","type":["null","float"]},{"name":"id","type":"long"}]}`
		other  = `{"type":"record","name":"r","fields":[{"name":"id","type":"string"}]}`
	)
	r := testserver.SchemaRegistry(t)
	r.SeedSchema("s", 1, 1, sr.Schema{Schema: first})
	r.SeedSchema("s", 2, 2, sr.Schema{Schema: second})
	r.SeedSchema("s", 3, 3, sr.Schema{Schema: other})
	r.SeedSchema("s", 4, 4, sr.Schema{Schema: "{}", Type: sr.TypeJSON})
	var asked atomic.Int32
	r.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if asked.Add(1) <= 2 { // it comes to itself
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	d := decoder(t, "avro-confluent", columnsOf("id", bigint, "price", double), map[string]string{"avro-confluent.url": r.URL()})
	for range 3 {
		for _, m := range [][]byte{
			message(t, 1, first, map[string]any{"id": 1, "old": "x"}),
			message(t, 2, second, map[string]any{"id": int64(2), "price": float32(2.5)}),
		} {
			if err := add(t, d, m); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			message []byte
			want    string
		}{
			{message(t, 3, other, map[string]any{"id": "x"}), "schema 3: field id: a string of Avro is no BIGINT"},
			{registry.AppendHeader(nil, 4), "schema 4: it is of JSON, not of Avro"},
			{registry.AppendHeader(nil, 5), "schema 5: the schema registry does not know it"},
			{[]byte{1, 2}, "does not begin with a zero"},
		} {
			if err := add(t, d, c.message); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		}
	}
	row := `{"id":1,"price":null}` + "\n" + `{"id":2,"price":2.5}`
	if got := text(t, d); got != strings.Join([]string{row, row, row}, "\n") {
		t.Error(got)
	}
	if n := asked.Load(); n != 7 {
		t.Errorf("%d questions, want one for each of 5 schemas and 2 that failed", n)
	}
}

// TestEncode: a schema is registered, and what is written with it is read again.
func TestEncode(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	s := columnsOf("id", bigint, "name", str)
	f, err := format.Of("avro-confluent")
	if err != nil {
		t.Fatal(err)
	}
	options := map[string]string{"avro-confluent.url": r.URL(), "avro-confluent.subject": "t-value"}
	e, err := f.NewEncoder(format.Writing{Schema: s, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.(format.Starting).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !r.SubjectExists("t-value") {
		t.Error("no schema is registered")
	}
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(`[{"id":1,"name":"a"},{"id":null,"name":null}]`))
	if err != nil {
		t.Fatal(err)
	}
	e.Fill(rows.Columns())
	d := decoder(t, "avro-confluent", s, options)
	for row := range 2 {
		m, err := e.Append(nil, row, stream.Insert)
		if err != nil {
			t.Fatal(err)
		}
		if err := add(t, d, m); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, d); got != `{"id":1,"name":"a"}`+"\n"+`{"id":null,"name":null}` {
		t.Error(got)
	}
}

// TestDebezium reads the changes that Flink's tests have.
func TestDebezium(t *testing.T) {
	const dir = "flink_formats/flink-formats/flink-avro-confluent-registry/src/test/resources/"
	schema, err := os.ReadFile(corpora.Path(t, dir+"debezium-test-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := testserver.SchemaRegistry(t)
	r.SeedSchema("s", 1, 81, sr.Schema{Schema: string(schema)})
	d := decoder(t, "debezium-avro-confluent", columnsOf("id", bigint, "name", str, "description", str, "weight", double), map[string]string{"debezium-avro-confluent.url": r.URL()})
	for _, name := range []string{"insert", "update", "delete"} {
		m, err := os.ReadFile(corpora.Path(t, dir+"debezium-avro-"+name+".avro"))
		if err != nil {
			t.Fatal(err)
		}
		if err := add(t, d, m); err != nil {
			t.Fatal(err)
		}
	}
	if kinds := d.(format.Changing).Kinds(); !slices.Equal(kinds, []stream.RowKind{stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete}) {
		t.Error(kinds)
	}
	want := `{"description":"test debezium avro data","id":1,"name":"lisi","weight":21.799999237060547}
{"description":"test debezium avro data","id":1,"name":"lisi","weight":21.799999237060547}
{"description":"test debezium avro data","id":1,"name":"zhangsan","weight":21.799999237060547}
{"description":"test debezium avro data","id":1,"name":"zhangsan","weight":21.799999237060547}`
	if got := text(t, d); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	d := decoder(t, "json-registry", columnsOf("id", bigint), nil)
	if err := add(t, d, append(registry.AppendHeader(nil, 9), `{"id":3}`...)); err != nil {
		t.Fatal(err)
	}
	if err := add(t, d, []byte(`{"id":3}`)); err == nil || !strings.Contains(err.Error(), "does not begin with a zero") {
		t.Error(err)
	}
	if got := text(t, d); got != `{"id":3}` {
		t.Error(got)
	}
}
