package json_test

import (
	stdjson "encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/json"
)

var (
	bigint = arrow.PrimitiveTypes.Int64
	str    = arrow.BinaryTypes.StringView
	stamp  = &arrow.TimestampType{Unit: arrow.Millisecond}
	point  = arrow.StructOf(arrow.Field{Name: "x", Type: bigint, Nullable: true}, arrow.Field{Name: "y", Type: str, Nullable: true})
)

func schemaOf(fields ...any) *arrow.Schema {
	var all []arrow.Field
	for i := 0; i < len(fields); i += 2 {
		all = append(all, arrow.Field{Name: fields[i].(string), Type: fields[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(all, nil)
}

// rows decodes messages and prints the rows as JSON.
func rows(t *testing.T, s *arrow.Schema, paths [][]string, messages ...string) string {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	d, err := json.New(s, paths, json.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if err := d.Append([]byte(m)); err != nil {
			return "error: " + err.Error()
		}
	}
	rec := d.Record(alloc)
	defer rec.Release()
	text, err := rec.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\n", "")
}

func TestDecode(t *testing.T) {
	dec := &arrow.Decimal128Type{Precision: 5, Scale: 2}
	for _, c := range []struct {
		schema   *arrow.Schema
		messages []string
		want     string
	}{
		{schemaOf("a", bigint, "b", str), []string{`{"a":1,"b":"x"}`, `{ "b" : "y" , "a" : -2 }`, `{"c":{"a":[1,{}]},"a":3}`, `{}`}, `[{"a":1,"b":"x"},{"a":-2,"b":"y"},{"a":3,"b":null},{"a":null,"b":null}]`},
		{schemaOf("a", bigint), []string{`{"a":1,"a":2}`, `{"a":null,"a":"7"}`, `{"a":5.0}`, `{"a":1e3}`}, `[{"a":2},{"a":7},{"a":5},{"a":1000}]`},
		{schemaOf("a", bigint), []string{`{"a":"seven"}`}, `error: field a: "seven" is no BIGINT`},
		{schemaOf("a", arrow.PrimitiveTypes.Int8), []string{`{"a":-128}`, `{"a":128}`}, `error: field a: "128" is no TINYINT`},
		{schemaOf("a", bigint), []string{`{"a":01}`}, `error: field a: not JSON: unexpected '0' at byte 6`},
		{schemaOf("a", bigint), []string{`{"a":1`}, `error: not JSON: it ends within a value`},
		{schemaOf("a", bigint), []string{`{"a":1} x`}, `error: not JSON: unexpected 'x' at byte 9`},
		{schemaOf("a", bigint), []string{`[1]`}, `error: not a JSON object`},
		{schemaOf("b", str), []string{`{"b":"a \"quoted\" text, \u00e4 and \n"}`, `{"b":12.50}`, `{"b":true}`, `{"b":{"x": 1}}`, `{"b":"` + strings.Repeat("long ", 9) + `"}`}, `[{"b":"a \"quoted\" text, ä and \n"},{"b":"12.50"},{"b":"true"},{"b":"{\"x\": 1}"},{"b":"` + strings.Repeat("long ", 9) + `"}]`},
		{schemaOf("b", str), []string{"{\"b\":\"\xff\"}"}, `error: field b: not JSON: a text is not UTF-8`},
		{schemaOf("b", str), []string{"{\"b\":\"\x01\"}"}, `error: field b: not JSON: unexpected '\x01' at byte 7`},
		{schemaOf("b", arrow.BinaryTypes.BinaryView), []string{`{"b":"aGk="}`}, `[{"b":"aGk="}]`},
		{schemaOf("d", dec), []string{`{"d":1.005}`, `{"d":"-2.5"}`}, `[{"d":"1.01"},{"d":"-2.5"}]`},
		{schemaOf("d", dec), []string{`{"d":1000}`}, `error: field d: "1000" is no DECIMAL(5, 2)`},
		{schemaOf("f", arrow.PrimitiveTypes.Float64, "g", arrow.PrimitiveTypes.Float32, "h", arrow.FixedWidthTypes.Boolean), []string{`{"f":1.5e300,"g":0.1,"h":true}`, `{"f":1,"h":"FALSE"}`}, `[{"f":1.5e+300,"g":0.1,"h":true},{"f":1,"g":null,"h":false}]`},
		{schemaOf("t", stamp), []string{`{"t":"2020-10-10 00:00:05.123456"}`, `{"t":"2020-10-10T00:00:05Z"}`, `{"t":"2020-10-10T02:00:05+02:00"}`, `{"t":"0001-01-01 00:00:00"}`}, `[{"t":"2020-10-10T00:00:05.123"},{"t":"2020-10-10T00:00:05"},{"t":"2020-10-10T00:00:05"},{"t":"0001-01-01T00:00:00"}]`},
		{schemaOf("t", stamp), []string{`{"t":"2020-02-30 00:00:00"}`}, `error: field t: "2020-02-30 00:00:00" is no TIMESTAMP(3)`},
		{schemaOf("d", arrow.FixedWidthTypes.Date32, "t", &arrow.Time32Type{Unit: arrow.Millisecond}), []string{`{"d":"2020-10-10","t":"12:34:56.7"}`}, `[{"d":"2020-10-10","t":"12:34:56.7"}]`},
		{schemaOf("l", arrow.ListOf(bigint)), []string{`{"l":[1,null,3]}`, `{"l":[]}`, `{"l":null}`, `{"l":[4]}`}, `[{"l":[1,null,3]},{"l":[]},{"l":null},{"l":[4]}]`},
		{schemaOf("m", arrow.MapOf(str, bigint)), []string{`{"m":{"a":1,"b":null}}`, `{"m":{}}`}, `[{"m":[{"key":"a","value":1},{"key":"b","value":null}]},{"m":[]}]`},
		{schemaOf("p", point), []string{`{"p":{"x":1,"z":0}}`, `{"p":null}`, `{"p":{"y":"b","x":2}}`}, `[{"p":{"x":1,"y":null}},{"p":null},{"p":{"x":2,"y":"b"}}]`},
		{schemaOf("p", point), []string{`{"p":[1]}`}, `error: field p: "[1]" is no object`},
		{schemaOf("l", arrow.ListOf(point)), []string{`{"l":[{"x":1},null,{"y":"z"}]}`}, `[{"l":[{"x":1,"y":null},null,{"x":null,"y":"z"}]}]`},
	} {
		if got := rows(t, c.schema, nil, c.messages...); got != c.want {
			t.Errorf("%v:\ngot  %s\nwant %s", c.messages, got, c.want)
		}
	}
}

// TestPaths: fields of a ROW are columns of their own.
func TestPaths(t *testing.T) {
	s := schemaOf("p.x", bigint, "q", bigint, "p", point)
	got := rows(t, s, [][]string{{"p", "x"}, {"q"}, {"p"}}, `{"q":1,"p":{"x":2,"y":"b"}}`, `{"p":{"x":3}}`, `{"p":{"x":3},"p":null}`, `{}`)
	want := `[{"p.x":2,"q":1,"p":{"x":2,"y":"b"}},{"p.x":3,"q":null,"p":{"x":3,"y":null}},{"p.x":null,"q":null,"p":null},{"p.x":null,"q":null,"p":null}]`
	if canonical(t, got) != canonical(t, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := stdjson.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	b, err := stdjson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBadRows: an object that fails leaves nothing, wherever it fails.
func TestBadRows(t *testing.T) {
	s := schemaOf("a", bigint, "l", arrow.ListOf(point), "m", arrow.MapOf(str, bigint), "s", str)
	d, err := json.New(s, nil, json.Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	good := `{"a":%d,"l":[{"x":1,"y":"a text that is long"}],"m":{"k":2},"s":"t"}`
	for i := range 20 {
		whole := fmt.Sprintf(good, i)
		for cut := range len(whole) {
			if err := d.Append([]byte(whole[:cut])); err == nil {
				t.Fatalf("%q was taken", whole[:cut])
			}
		}
		if err := d.Append([]byte(`{"a":1,"l":[],"m":{}}`)); err == nil || err.Error() != "field s is missing" {
			t.Fatalf("a field is missing: %v", err)
		}
		if err := d.Append([]byte(whole)); err != nil {
			t.Fatal(err)
		}
	}
	rec := d.Record(memory.DefaultAllocator)
	defer rec.Release()
	text, err := rec.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	if err := stdjson.Unmarshal(text, &all); err != nil || len(all) != 20 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for i, r := range all {
		if got, want := fmt.Sprint(r), fmt.Sprintf("map[a:%d l:[map[x:1 y:a text that is long]] m:[map[key:k value:2]] s:t]", i); got != want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
	}
}

// TestNested: depth is bounded.
func TestNested(t *testing.T) {
	deep := `{"a":` + strings.Repeat("[", 1e6) + strings.Repeat("]", 1e6) + `}`
	if got := rows(t, schemaOf("b", bigint), nil, deep); !strings.Contains(got, "nested more than 1000 deep") {
		t.Error(got)
	}
}

// FuzzDecode: what is taken is JSON, and JSON objects are taken.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"s":"x\\\"y","l":[1,2,{}],"a":-1.5e3}`, `{"a": null , "b" :[ ] }`, `{"a":tru}`, `{"a":1,}`, `{"":{"a":0}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		none, err := json.New(arrow.NewSchema(nil, nil), nil, json.Options{})
		if err != nil {
			t.Fatal(err)
		}
		some, err := json.New(schemaOf("a", str, "s", str, "l", arrow.ListOf(str)), nil, json.Options{})
		if err != nil {
			t.Fatal(err)
		}
		taken := none.Append(message) == nil
		if some.Append(message) == nil && !taken {
			t.Errorf("%q is taken only with columns", message)
		}
		if taken && !stdjson.Valid(message) {
			t.Errorf("%q is taken", message)
		}
		object := strings.HasPrefix(strings.TrimLeft(string(message), " \t\r\n"), "{")
		if !taken && object && stdjson.Valid(message) && utf8.Valid(message) && !strings.Contains(string(message), `\u`) && len(message) < 1000 {
			t.Errorf("%q is not taken: %v", message, none.Append(message))
		}
	})
}

// BenchmarkDecode reads bids of 260 bytes; it says how many rows come in a second.
func BenchmarkDecode(b *testing.B) {
	s := schemaOf("auction", bigint, "bidder", bigint, "price", bigint, "channel", str, "url", str, "dateTime", stamp, "extra", str,
		"fee", arrow.PrimitiveTypes.Float64, "item", str, "quantity", arrow.PrimitiveTypes.Int32)
	var messages [][]byte
	for i := range 8192 {
		messages = append(messages, fmt.Appendf(nil, `{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.nexmark.com/item.htm?query=1&channel_id=%d",`+
			`"dateTime":"2015-07-15 00:00:%02d.%03d","extra":"%040d","fee":%d.25,"item":"item %d","quantity":%d}`, 1000+i, 2000+i%97, i*31, i%10000, i*7, i%60, i%1000, i, i%50, i%13, i%5))
	}
	d, err := json.New(s, nil, json.Options{})
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
