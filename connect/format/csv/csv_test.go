package csv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/csv"
	"github.com/wadi-engine/wadi/stream"
)

var (
	bigint = arrow.PrimitiveTypes.Int64
	str    = arrow.BinaryTypes.StringView
	row    = arrow.StructOf(arrow.Field{Name: "x", Type: bigint, Nullable: true}, arrow.Field{Name: "y", Type: str, Nullable: true})
)

func columnsOf(pairs ...any) *arrow.Schema {
	var fields []arrow.Field
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, arrow.Field{Name: pairs[i].(string), Type: pairs[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

func decoder(t testing.TB, s *arrow.Schema, options map[string]string) *csv.Decoder {
	t.Helper()
	var paths [][]string
	for _, f := range s.Fields() {
		paths = append(paths, []string{f.Name})
	}
	d, err := csv.New(s, s, paths, options)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func text(t *testing.T, rec arrow.RecordBatch) string {
	t.Helper()
	var b strings.Builder
	if err := array.RecordToJSON(rec, &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestDecode(t *testing.T) {
	s := columnsOf("i", bigint, "s", str, "l", arrow.ListOf(bigint), "r", row)
	for _, c := range []struct {
		options map[string]string
		line    string
		want    string
	}{
		{nil, "1,a b,1;2,3;z\r\n", `{"i":1,"l":[1,2],"r":{"x":3,"y":"z"},"s":"a b"}`},
		{nil, ` 7 ,"a ""b"", c",,`, `{"i":7,"l":[],"r":null,"s":"a \"b\", c"}`},
		{nil, `,"two` + "\n" + `lines",;5,;`, `{"i":null,"l":[null,5],"r":{"x":null,"y":""},"s":"two\nlines"}`},
		{nil, "1,é,,", `{"i":1,"l":[],"r":null,"s":"é"}`},
		{map[string]string{"csv.null-literal": "n/a"}, "n/a,n/a,n/a;1,n/a", `{"i":null,"l":[null,1],"r":null,"s":null}`},
		{map[string]string{"csv.field-delimiter": `\t`, "csv.array-element-delimiter": "||"}, "1\ta,b\t1||2\t3||x", `{"i":1,"l":[1,2],"r":{"x":3,"y":"x"},"s":"a,b"}`},
		{map[string]string{"csv.field-delimiter": `→`, "csv.quote-character": "'"}, `1→'a→''b'→→`, `{"i":1,"l":[],"r":null,"s":"a→'b"}`},
		{map[string]string{"csv.escape-character": `\`}, `1,a\,b\\,,"\";2"`, ""},
		{map[string]string{"csv.escape-character": `\`}, `1,a\,b\\,,"3;\""`, `{"i":1,"l":[],"r":{"x":3,"y":"\""},"s":"a,b\\"}`},
		{map[string]string{"csv.disable-quote-character": "true"}, `1,"a",,`, `{"i":1,"l":[],"r":null,"s":"\"a\""}`},
		{map[string]string{"csv.allow-comments": "true"}, `# 1,2,3,4`, "none"},
	} {
		d := decoder(t, s, c.options)
		err := d.Append([]byte(c.line))
		rows := d.Rows()
		rec := d.Record(memory.DefaultAllocator)
		switch {
		case c.want == "none":
			if err != nil || rows != 0 {
				t.Errorf("%q: %d rows, %v", c.line, rows, err)
			}
		case (err == nil) != (c.want != "") || c.want != "" && text(t, rec) != c.want:
			t.Errorf("%q with %v: %s, %v, want %s", c.line, c.options, text(t, rec), err, c.want)
		}
	}
}

// TestBadLines: a bad line is refused with the field, and leaves no trace.
func TestBadLines(t *testing.T) {
	d := decoder(t, columnsOf("i", bigint, "s", str), nil)
	for _, c := range []struct{ line, want string }{
		{"1", "1 fields, want 2"},
		{"1,2,3", "3 fields, want 2"},
		{"x,y", `field i: "x" is no BIGINT`},
		{`1,"a`, "a quote is not closed"},
		{`1,"a"b`, `"b" behind a closing quote`},
		{"1,a\n2,b", "more than one line"},
		{"", "1 fields, want 2"},
	} {
		if err := d.Append([]byte(c.line)); err == nil || err.Error() != c.want || d.Rows() != 0 {
			t.Errorf("%q: %v, want %s", c.line, err, c.want)
		}
	}
	if err := d.Append([]byte("1,a")); err != nil || text(t, d.Record(memory.DefaultAllocator)) != `{"i":1,"s":"a"}` {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	s := columnsOf("a", str)
	for _, c := range []struct{ key, value, want string }{
		{"csv.field-delimiter", ",,", "want one character"},
		{"csv.quote-character", "→", "one character of ASCII"},
		{"csv.escape-character", "ab", "one character of ASCII"},
		{"csv.disable-quote-character", "perhaps", "want true or false"},
	} {
		if _, err := csv.New(s, s, [][]string{{"a"}}, map[string]string{c.key: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v, want %s", c.key, c.value, err, c.want)
		}
	}
	s = columnsOf("m", arrow.MapOf(str, str))
	if _, err := csv.New(s, s, [][]string{{"m"}}, nil); err == nil || !strings.Contains(err.Error(), "the csv format has no maps") {
		t.Error(err)
	}
}

// TestRoundTrip: what is written is read again.
func TestRoundTrip(t *testing.T) {
	s := columnsOf("i", bigint, "s", str, "y", arrow.BinaryTypes.BinaryView, "ts", &arrow.TimestampType{Unit: arrow.Millisecond}, "l", arrow.ListOf(bigint), "r", row,
		"n", &arrow.Decimal128Type{Precision: 10, Scale: 2}, "b", arrow.FixedWidthTypes.Boolean, "d", arrow.PrimitiveTypes.Float64)
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(
		`[{"i":-1,"s":"a,\"b\"\n","y":"AAH/","ts":"2024-02-29 01:02:03.004","l":[1,2],"r":{"x":3,"y":"in"},"n":"-12.34","b":true,"d":1.5e10}]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []map[string]string{nil, {"csv.escape-character": `\`, "csv.field-delimiter": ";", "csv.array-element-delimiter": ",", "csv.null-literal": "-"}} {
		e, err := csv.NewEncoder(s, o)
		if err != nil {
			t.Fatal(err)
		}
		e.Fill(rows.Columns())
		line, err := e.Append(nil, 0, stream.Insert)
		if err != nil {
			t.Fatal(err)
		}
		d := decoder(t, s, o)
		if err := d.Append(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := text(t, d.Record(memory.DefaultAllocator)); got != text(t, rows) {
			t.Errorf("%s: %s, want %s", line, got, text(t, rows))
		}
	}
}

// BenchmarkDecode reads the bids of the benchmark of JSON; it says how many rows come in
// a second.
func BenchmarkDecode(b *testing.B) {
	s := columnsOf("auction", bigint, "bidder", bigint, "price", bigint, "channel", str, "url", str, "dateTime", &arrow.TimestampType{Unit: arrow.Millisecond}, "extra", str,
		"fee", arrow.PrimitiveTypes.Float64, "item", str, "quantity", arrow.PrimitiveTypes.Int32)
	var messages [][]byte
	for i := range 8192 {
		messages = append(messages, fmt.Appendf(nil, `%d,%d,%d,channel-%d,https://www.nexmark.com/item.htm?query=1&channel_id=%d,2015-07-15 00:00:%02d.%03d,%040d,%d.25,"item %d",%d`,
			1000+i, 2000+i%97, i*31, i%10000, i*7, i%60, i%1000, i, i%50, i%13, i%5))
	}
	d := decoder(b, s, nil)
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
