package files_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var plain = []arrow.Field{
	nullable("b", arrow.FixedWidthTypes.Boolean), nullable("i8", arrow.PrimitiveTypes.Int8), nullable("i64", arrow.PrimitiveTypes.Int64),
	nullable("f32", arrow.PrimitiveTypes.Float32), nullable("f64", arrow.PrimitiveTypes.Float64),
	nullable("dec", &arrow.Decimal128Type{Precision: 30, Scale: 3}),
	nullable("s", arrow.BinaryTypes.StringView), nullable("bytes", arrow.BinaryTypes.BinaryView),
	nullable("d", arrow.FixedWidthTypes.Date32), nullable("t", arrow.FixedWidthTypes.Time32ms),
	nullable("ts3", &arrow.TimestampType{Unit: arrow.Millisecond}), nullable("ts9", &arrow.TimestampType{Unit: arrow.Nanosecond}),
	nullable("ltz", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}),
	nullable("list", arrow.ListOf(arrow.PrimitiveTypes.Int32)),
	nullable("row", arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int32), nullable("y", arrow.BinaryTypes.StringView))),
}

const plainRows = `[
 {"b":true,"i8":-128,"i64":9223372036854775807,"f32":1.5,"f64":1e21,"dec":"123456789012345678901234567.891","s":"plain","bytes":"AQID",
  "d":"2020-02-29","t":"12:34:56.789","ts3":"2020-02-29T01:02:03.100","ts9":"2020-02-29T01:02:03.000000005","ltz":"2020-02-29T01:02:03Z","list":[1,2,3],"row":{"x":1,"y":"why"}},
 {"b":null,"i8":null,"i64":null,"f32":null,"f64":null,"dec":null,"s":null,"bytes":null,"d":null,"t":null,"ts3":null,"ts9":null,"ltz":null,"list":null,"row":null},
 {"b":false,"i8":0,"i64":-9223372036854775808,"f32":0,"f64":0.0001,"dec":"-0.005","s":"","bytes":"","d":"1969-12-31","t":"00:00:00",
  "ts3":"1969-12-31T23:59:59.999","ts9":"1969-12-31T23:59:59.999999999","ltz":"1969-12-31T23:59:59.999999Z","list":[],"row":{"x":null,"y":null}},
 {"b":true,"i8":1,"i64":100,"f32":-3.25,"f64":12345678.5,"dec":"7.000","s":"a,b \"quoted\"\nnew line\ttab \\ \u0001 ü 日本","bytes":"/w==","d":"9999-12-31","t":"23:59:59",
  "ts3":"2020-02-29T00:00:00","ts9":"2020-02-29T00:00:00","ltz":"2020-02-29T00:00:00.5Z","list":[null,4],"row":{"x":5,"y":"a;b"}}
]`

// encoded writes rows in a format and returns the file.
func encoded(t *testing.T, fields []arrow.Field, rows string, options map[string]string) string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	s := arrow.NewSchema(fields, nil)
	rec, _, err := array.RecordFromJSON(mem, s, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	tbl := table("mem://m/out", options)
	tbl.Schema = job.Schema{Schema: s}
	sink := newSink(t, tbl, env)
	w, err := sink.Writer(t.Context(), runtime{mem, 0})
	if err != nil {
		t.Fatal(err)
	}
	// Slices, so that offsets are not zero.
	for i := range rec.NumRows() {
		if err := w.Write(t.Context(), stream.NewBatch(rec.NewSlice(i, i+1))); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := w.Prepare(t.Context(), 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := sink.Committer(t.Context(), sinkID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: 1, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
	for _, text := range visible(t, env.Stores, "mem://m/out") {
		return text
	}
	t.Fatal("no file")
	return ""
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

func TestGolden(t *testing.T) {
	mapped := append(plain[:len(plain):len(plain)],
		nullable("m", arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int64)),
		nullable("deep", arrow.ListOf(arrow.StructOf(nullable("a", arrow.ListOf(arrow.BinaryTypes.StringView))))))
	withMaps := strings.Replace(plainRows, `{"b":true,"i8":-128`, `{"m":[{"key":"k \"q\"","value":1},{"key":"l","value":null}],"deep":[{"a":["x",null]},null],"b":true,"i8":-128`, 1)
	golden(t, "plain.csv", encoded(t, plain, plainRows, nil))
	golden(t, "options.csv", encoded(t, plain, plainRows, map[string]string{
		"csv.field-delimiter": "|", "csv.null-literal": "N/A", "csv.header": "true", "csv.array-element-delimiter": "~", "csv.escape-character": `\`,
	}))
	text := encoded(t, mapped, withMaps, map[string]string{"format": "json"})
	golden(t, "plain.jsonl", text)
	golden(t, "options.jsonl", encoded(t, mapped, withMaps, map[string]string{
		"format": "json", "json.timestamp-format.standard": "ISO-8601", "json.encode.ignore-null-fields": "true",
	}))
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func FuzzStrings(f *testing.F) {
	f.Add("plain")
	f.Add("a\"b\\c\x00\x1f\u2028\xff\xfe\ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		fields := []arrow.Field{nullable("s", arrow.BinaryTypes.StringView)}
		b := array.NewStringViewBuilder(memory.DefaultAllocator)
		b.Append(s)
		rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), []arrow.Array{b.NewArray()}, 1)
		var out bytes.Buffer
		enc, err := files.NewJSON(&out, rec.Schema())
		if err != nil {
			t.Fatal(err)
		}
		if err := enc.Write(rec); err != nil {
			t.Fatal(err)
		}
		var got struct{ S string }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%q: %v", out.Bytes(), err)
		}
		if want := string([]rune(s)); got.S != want {
			t.Errorf("%q came back as %q", s, got.S)
		}
	})
}
