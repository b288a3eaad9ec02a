package avro_test

import (
	"fmt"
	"math/big"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	reference "github.com/twmb/avro"

	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/stream"
)

var (
	bigint = arrow.PrimitiveTypes.Int64
	str    = arrow.BinaryTypes.StringView
	millis = &arrow.TimestampType{Unit: arrow.Millisecond}
)

// columnsOf declares columns, which may be NULL but for those that end with a !.
func columnsOf(pairs ...any) *arrow.Schema {
	var fields []arrow.Field
	for i := 0; i < len(pairs); i += 2 {
		name, required := strings.CutSuffix(pairs[i].(string), "!")
		fields = append(fields, arrow.Field{Name: name, Type: pairs[i+1].(arrow.DataType), Nullable: !required})
	}
	return arrow.NewSchema(fields, nil)
}

func pathsOf(s *arrow.Schema) (paths [][]string) {
	for _, f := range s.Fields() {
		paths = append(paths, []string{f.Name})
	}
	return paths
}

// text is a record batch as JSON, a row in each line.
func text(t testing.TB, rec arrow.RecordBatch) string {
	t.Helper()
	var b strings.Builder
	if err := array.RecordToJSON(rec, &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

var everything = columnsOf("b", arrow.FixedWidthTypes.Boolean, "tiny", arrow.PrimitiveTypes.Int8, "i!", arrow.PrimitiveTypes.Int32, "l", bigint,
	"f", arrow.PrimitiveTypes.Float32, "d", arrow.PrimitiveTypes.Float64, "s", str, "y", arrow.BinaryTypes.BinaryView,
	"n", &arrow.Decimal128Type{Precision: 10, Scale: 2}, "day", arrow.FixedWidthTypes.Date32, "clock", &arrow.Time32Type{Unit: arrow.Millisecond},
	"ts", millis, "micro", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	"list", arrow.ListOf(bigint), "map", arrow.MapOf(str, arrow.PrimitiveTypes.Int32),
	"row", arrow.StructOf(arrow.Field{Name: "a", Type: str, Nullable: true}, arrow.Field{Name: "x", Type: arrow.ListOf(str), Nullable: true}))

const everythingRows = `{"b":true,"tiny":-3,"i":70000,"l":-12345678901,"f":1.5,"d":-2.25,"s":"text of more than twelve bytes","y":"AAH/","n":"-12.34","day":"2024-02-29","clock":"12:34:56.789","ts":"2024-02-29 01:02:03.004","micro":"1969-12-31 23:59:59.999999Z","list":[1,null,-3],"map":[{"key":"k","value":7}],"row":{"a":"in","x":["p","q"]}}
{"b":null,"tiny":null,"i":-1,"l":null,"f":null,"d":null,"s":null,"y":null,"n":null,"day":null,"clock":null,"ts":null,"micro":null,"list":null,"map":null,"row":null}
{"b":false,"tiny":127,"i":0,"l":9223372036854775807,"f":0,"d":0,"s":"","y":"","n":"99999999.99","day":"0001-01-01","clock":"00:00:00","ts":"1969-12-31 23:59:59.999","micro":"2024-02-29 01:02:03.000004Z","list":[],"map":[],"row":{"a":null,"x":null}}`

// TestRoundTrip: what is written is read again, and another library reads the same.
func TestRoundTrip(t *testing.T) {
	for _, local := range []bool{false, true} {
		schema, err := avro.Derive(everything, local)
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, everything, strings.NewReader("["+strings.ReplaceAll(everythingRows, "\n", ",")+"]"))
		if err != nil {
			t.Fatal(err)
		}
		e, err := avro.NewEncoder(schema, everything)
		if err != nil {
			t.Fatal(err)
		}
		d, err := avro.Plain(schema, everything, pathsOf(everything))
		if err != nil {
			t.Fatal(err)
		}
		other, err := reference.Parse(schema)
		if err != nil {
			t.Fatal(err)
		}
		e.Fill(rows.Columns())
		var seen []any
		for row := range int(rows.NumRows()) {
			m, err := e.Append(nil, row, stream.Insert)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Append(m); err != nil {
				t.Fatal(err)
			}
			var v map[string]any
			if rest, err := other.Decode(m, &v); err != nil || len(rest) > 0 {
				t.Fatalf("row %d: %v, %d bytes left", row, err, len(rest))
			}
			seen = append(seen, v["s"], v["n"], v["ts"])
			for cut := range m { // each shorter message is refused, and leaves no trace
				if err := d.Append(m[:cut]); err == nil {
					t.Fatalf("row %d is taken without its last %d bytes", row, len(m)-cut)
				}
			}
		}
		e.Drop()
		got := d.Record(memory.DefaultAllocator)
		if text(t, got) != text(t, rows) {
			t.Errorf("%s\nwant\n%s", text(t, got), text(t, rows))
		}
		if n, ok := seen[1].(*big.Rat); seen[0] != "text of more than twelve bytes" || ok && n.FloatString(2) != "-12.34" {
			t.Errorf("another library sees %v", seen[:3])
		}
		if ts, ok := seen[2].(time.Time); ok && ts.UTC().Format(time.DateTime) != "2024-02-29 01:02:03" {
			t.Errorf("another library sees %v", seen[2])
		}
	}
}

// TestResolve: a message of another schema gives what it has.
func TestResolve(t *testing.T) {
	const written = `{"type":"record","name":"r","namespace":"x.y","fields":[
		{"name":"gone","type":{"type":"array","items":{"type":"map","values":["null","string"]}}},
		{"name":"id","type":"int"},
		{"name":"kind","type":{"type":"enum","name":"k","symbols":["A","B"]}},
		{"name":"who","type":["null",{"type":"record","name":"p","fields":[{"name":"age","type":"float"},{"name":"name","type":"string"},{"name":"boss","type":["null","p"]}]}]},
		{"name":"hash","type":{"type":"fixed","name":"h","size":4}},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"any","type":["string","long","null"]}]}`
	other := reference.MustParse(written)
	var messages [][]byte
	for _, v := range []map[string]any{
		{
			"gone": []any{map[string]any{"a": "b"}, map[string]any{}}, "id": 7, "kind": "B",
			"who":  map[string]any{"age": float32(1.5), "name": "n", "boss": map[string]any{"age": float32(2), "name": "m", "boss": nil}},
			"hash": [4]byte{'a', 'b', 'c', 'd'}, "at": time.UnixMicro(-1), "any": int64(5),
		},
		{"gone": []any{}, "id": -1, "kind": "A", "who": nil, "hash": [4]byte{}, "at": time.UnixMicro(1500), "any": nil},
	} {
		m, err := other.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	for _, c := range []struct {
		schema *arrow.Schema
		paths  [][]string
		want   string
	}{
		{columnsOf("id", bigint, "kind", str, "new", str), nil, `{"id":7,"kind":"B","new":null}` + "\n" + `{"id":-1,"kind":"A","new":null}`},
		{
			columnsOf("who.name", str, "who.age", arrow.PrimitiveTypes.Float64, "who.x", str, "id", arrow.PrimitiveTypes.Float64),
			[][]string{{"who", "name"}, {"who", "age"}, {"who", "x"}, {"id"}},
			`{"id":7,"who.age":1.5,"who.name":"n","who.x":null}` + "\n" + `{"id":-1,"who.age":null,"who.name":null,"who.x":null}`,
		},
		{
			columnsOf("who.boss.name", str, "who", arrow.StructOf(arrow.Field{Name: "name", Type: str, Nullable: true}), "at", millis),
			[][]string{{"who", "boss", "name"}, {"who"}, {"at"}},
			`{"at":"1969-12-31T23:59:59.999","who":{"name":"n"},"who.boss.name":"m"}` + "\n" + `{"at":"1970-01-01T00:00:00.001","who":null,"who.boss.name":null}`,
		},
		{columnsOf("hash", str, "any", bigint), nil, `{"any":5,"hash":"abcd"}` + "\n" + `{"any":null,"hash":"\u0000\u0000\u0000\u0000"}`},
		{columnsOf(), nil, "{}\n{}"},
	} {
		if c.paths == nil {
			c.paths = pathsOf(c.schema)
		}
		d, err := avro.Plain(written, c.schema, c.paths)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err := d.Append(m); err != nil {
				t.Fatal(err)
			}
		}
		if rec := d.Record(memory.DefaultAllocator); c.want != text(t, rec) && c.schema.NumFields() > 0 || rec.NumRows() != 2 {
			t.Errorf("%s\nwant\n%s", text(t, rec), c.want)
		}
	}
	for _, c := range []struct {
		schema *arrow.Schema
		want   string
	}{
		{columnsOf("who", str), "field who: a record of Avro is no STRING"},
		{columnsOf("at", str), "field at: a long (timestamp-micros) of Avro is no STRING"},
		{columnsOf("any", arrow.ListOf(bigint)), "field any: a long of Avro is no ARRAY<BIGINT>"},
	} {
		if _, err := avro.Plain(written, c.schema, pathsOf(c.schema)); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestRefused: schemas and tables that do not go together are told.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"type":"record","name":"r","fields":[{"name":"a","type":"strin"}]}`, `record r: field a: no type "strin"`},
		{`{"type":"record","fields":[]}`, "a type record without a name"},
		{`"string"`, "a schema of rows is a record, not a string"},
		{`{`, "a schema of Avro is JSON"},
	} {
		if _, err := avro.Plain(c.schema, columnsOf(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, c := range []struct {
		schema *arrow.Schema
		want   string
	}{
		{columnsOf("a b", str), "names in Avro are of letters"},
		{columnsOf("m", arrow.MapOf(bigint, str)), "the keys of a map in Avro are text"},
		{columnsOf("t", &arrow.TimestampType{Unit: arrow.Nanosecond}), "up to 6 digits"},
	} {
		if _, err := avro.Derive(c.schema, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, c := range []struct{ schema, want string }{
		{`{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}`, "column a: a STRING cannot be written as a int of Avro"},
		{`{"type":"record","name":"r","fields":[{"name":"a","type":"string"},{"name":"b","type":"int"}]}`, "the table has no column b"},
		{`{"type":"record","name":"r","fields":[]}`, "the schema has no field a"},
	} {
		if _, err := avro.NewEncoder(c.schema, columnsOf("a", str)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestBadBytes: no bytes make a decoder panic or take endless memory.
func TestBadBytes(t *testing.T) {
	schema, err := avro.Derive(everything, false)
	if err != nil {
		t.Fatal(err)
	}
	d, err := avro.Plain(schema, everything, pathsOf(everything))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewSource(1))
	for range 20000 {
		m := make([]byte, random.Intn(60))
		for i := range m {
			if m[i] = byte(random.Intn(256)); random.Intn(2) == 0 {
				m[i] &= 3
			}
		}
		_ = d.Append(m)
		if d.Rows() > 1000 {
			d.Record(memory.DefaultAllocator).Release()
		}
	}
}

// BenchmarkDecode reads the bids of the benchmark of JSON; it says how many rows come in
// a second.
func BenchmarkDecode(b *testing.B) {
	s := columnsOf("auction", bigint, "bidder", bigint, "price", bigint, "channel", str, "url", str, "dateTime", millis, "extra", str,
		"fee", arrow.PrimitiveTypes.Float64, "item", str, "quantity", arrow.PrimitiveTypes.Int32)
	var lines []string
	for i := range 8192 {
		lines = append(lines, fmt.Sprintf(`{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.nexmark.com/item.htm?query=1&channel_id=%d",`+
			`"dateTime":"2015-07-15 00:00:%02d.%03d","extra":"%040d","fee":%d.25,"item":"item %d","quantity":%d}`, 1000+i, 2000+i%97, i*31, i%10000, i*7, i%60, i%1000, i, i%50, i%13, i%5))
	}
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader("["+strings.Join(lines, ",")+"]"))
	if err != nil {
		b.Fatal(err)
	}
	schema, err := avro.Derive(s, false)
	if err != nil {
		b.Fatal(err)
	}
	e, err := avro.NewEncoder(schema, s)
	if err != nil {
		b.Fatal(err)
	}
	e.Fill(rows.Columns())
	var messages [][]byte
	for row := range lines {
		m, err := e.Append(nil, row, stream.Insert)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, m)
	}
	d, err := avro.Plain(schema, s, pathsOf(s))
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for b.Loop() {
		for _, m := range messages {
			size += len(m)
			if err := d.Append(m); err != nil {
				b.Fatal(err)
			}
		}
		d.Record(memory.DefaultAllocator).Release()
	}
	b.SetBytes(int64(size / b.N))
	b.ReportMetric(float64(b.N*len(messages))/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
