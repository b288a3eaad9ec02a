package protobuf_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/wadi-engine/wadi/connect/format/protobuf"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// written are rows, given in JSON, as messages.
func written(t testing.TB, e *protobuf.Encoder, s *arrow.Schema, rows string) ([][]byte, error) {
	t.Helper()
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	e.Fill(r.Columns())
	defer e.Drop()
	var all [][]byte
	for row := range int(r.NumRows()) {
		m, err := e.Append([]byte("before"), row, stream.Insert)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.TrimPrefix(m, []byte("before")))
	}
	return all, nil
}

// TestEncode: what is written is what Google's library reads and, as it writes in the
// order of numbers as well, what it writes; and it is read again.
func TestEncode(t *testing.T) {
	of := order(t)
	s := columnsOf("id", bigint, "note", str, "numbers", arrow.ListOf(int32s), "lines", arrow.ListOf(line), "prices", arrow.MapOf(str, arrow.PrimitiveTypes.Float64),
		"best", line, "state", str, "made", &arrow.TimestampType{Unit: arrow.Millisecond}, "small", int32s, "fixed", bigint, "raw", arrow.BinaryTypes.BinaryView,
		"ok", arrow.FixedWidthTypes.Boolean, "ratio", arrow.PrimitiveTypes.Float32)
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ row, want string }{
		{`{"id":-5,"note":"hello","numbers":[1,-2,300],"lines":[{"item":"a","n":1},{"item":"b","n":null}],"prices":[{"key":"x","value":1.5}],"best":{"item":"","n":7},` +
			`"state":"PAID","made":"2023-11-14T22:13:20.005","small":-3,"fixed":9,"ratio":0.5,"raw":"AAE=","ok":true}`, full},
		{`{}`, ``},
		{`{"id":0,"note":"","numbers":[],"state":"NEW","small":0,"raw":"","ok":false,"ratio":0,"best":{"item":null,"n":null}}`, `note: "" best: {}`},
		{`{"lines":[{"item":"` + long + `","n":0}],"made":"1969-12-31T23:59:59.999"}`, `lines: {item: "` + long + `" n: 0} made: {seconds: -1 nanos: 999000000}`},
		{`{"numbers":[null,7],"lines":[null],"prices":[{"key":"k","value":null}]}`, `numbers: [0, 7] lines: {} prices: {key: "k" value: 0}`},
	} {
		e, err := protobuf.NewEncoder(of, s, "")
		if err != nil {
			t.Fatal(err)
		}
		all, err := written(t, e, s, "["+c.row+"]")
		if err != nil {
			t.Fatalf("%s: %v", c.row, err)
		}
		got, want := dynamicpb.NewMessage(of), dynamicpb.NewMessage(of)
		if err := proto.Unmarshal(all[0], got); err != nil {
			t.Fatalf("%s: %v", c.row, err)
		}
		if err := proto.Unmarshal(encoded(t, of, c.want), want); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("%s: %v\nwant %v", c.row, got, want)
		}
		if b, err := (proto.MarshalOptions{Deterministic: true}).Marshal(want); err != nil || !bytes.Equal(all[0], b) {
			t.Errorf("%s:\n%x, want\n%x %v", c.row, all[0], b, err)
		}
	}
}

// TestEncodeKinds: each type goes through each kind of field that takes it.
func TestEncodeKinds(t *testing.T) {
	f, err := protobuf.Parse(`syntax = "proto2"; enum E { A = 0; B = 5; } message M {
		required int32 i32 = 1; optional sint32 s32 = 2; optional uint32 u32 = 3; optional fixed32 f32 = 4; optional sfixed32 sf32 = 5;
		optional int64 i64 = 6; optional sint64 s64 = 7; optional uint64 u64 = 8; optional fixed64 f64 = 9; optional sfixed64 sf64 = 10;
		optional E e = 11; optional E en = 12; optional double d = 13; optional double fd = 14; optional bool b = 15;
		repeated int32 plain = 16; repeated sint64 tight = 17 [packed = true]; map<int32, string> texts = 1000; }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	of, err := protobuf.At(f, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	s := columnsOf("i32", int32s, "s32", int32s, "u32", int32s, "f32", int32s, "sf32", arrow.PrimitiveTypes.Int8, "i64", bigint, "s64", bigint, "u64", bigint, "f64", bigint, "sf64", arrow.PrimitiveTypes.Int16,
		"e", str, "en", int32s, "d", arrow.PrimitiveTypes.Float64, "fd", arrow.PrimitiveTypes.Float64, "b", arrow.FixedWidthTypes.Boolean,
		"plain", arrow.ListOf(int32s), "tight", arrow.ListOf(bigint), "texts", arrow.MapOf(int32s, str))
	e, err := protobuf.NewEncoder(of, s, "none")
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{
		`{"b":true,"d":-0.5,"e":"B","en":5,"f32":-1,"f64":-1,"fd":0.1,"i32":-7,"i64":-9007199254740993,"plain":[-1,2],"s32":-8,"s64":-9,"sf32":-10,"sf64":-11,"texts":[{"key":-1,"value":"m"}],"tight":[1,-1],"u32":-2,"u64":-3}`,
		`{"b":false,"d":0,"e":"A","en":0,"f32":0,"f64":0,"fd":0,"i32":0,"i64":0,"plain":null,"s32":0,"s64":0,"sf32":0,"sf64":0,"texts":null,"tight":null,"u32":0,"u64":0}`,
	}
	all, err := written(t, e, s, "["+strings.Join(rows, ",")+"]")
	if err != nil {
		t.Fatal(err)
	}
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if err := proto.Unmarshal(m, dynamicpb.NewMessage(of)); err != nil {
			t.Error(err)
		}
		if err := d.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, d); got != strings.Join(rows, "\n") {
		t.Errorf("%s\nwant\n%s", got, strings.Join(rows, "\n"))
	}
	if all, err = written(t, e, s, `[{"i32":1,"texts":[{"key":2,"value":null}]}]`); err != nil {
		t.Fatal(err)
	}
	if err := d.Append(all[0]); err != nil {
		t.Fatal(err)
	}
	if got := text(t, d); !strings.Contains(got, `"texts":[{"key":2,"value":"none"}]`) {
		t.Errorf("a NULL in a map: %s", got)
	}
	for row, want := range map[string]string{
		`{}`:                    "field i32: it is required, and NULL",
		`{"i32":1,"e":"Other"}`: `field e: the enum E has no "Other"`,
	} {
		if _, err := written(t, e, s, "["+row+"]"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", row, err, want)
		}
	}
	for _, c := range []struct {
		schema *arrow.Schema
		want   string
	}{
		{columnsOf("x", str), "message M: it has no field x"},
		{columnsOf("s32", int32s), "message M: field i32 is required, and the table has no such column"},
		{columnsOf("i32", bigint), "message M: field i32: a BIGINT cannot be written as a int32 of Protobuf"},
		{columnsOf("i32", int32s, "plain", int32s), "message M: field plain: a INT cannot be written as a repeated int32 of Protobuf"},
	} {
		if _, err := protobuf.NewEncoder(of, c.schema, ""); !errors.Is(err, job.ErrInvalid) || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestDerive: the schema that follows from a table takes its rows and gives them back.
func TestDerive(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: bigint},
		{Name: "name", Type: str, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "who", Type: arrow.StructOf(arrow.Field{Name: "at", Type: int32s, Nullable: true}, arrow.Field{Name: "in", Type: line, Nullable: true}), Nullable: true},
		{Name: "tags", Type: arrow.ListOf(str), Nullable: true},
		{Name: "counts", Type: arrow.MapOf(str, line), Nullable: true},
	}, nil)
	source, err := protobuf.Derive(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := `syntax = "proto3";

import "google/protobuf/timestamp.proto";

message Row {
  int64 id = 1;
  optional string name = 2;
  optional google.protobuf.Timestamp at = 3;
  message who_Row {
    optional int32 at = 1;
    message in_Row {
      optional string item = 1;
      optional int32 n = 2;
    }
    optional in_Row in = 2;
  }
  optional who_Row who = 4;
  repeated string tags = 5;
  message counts_Row {
    optional string item = 1;
    optional int32 n = 2;
  }
  map<string, counts_Row> counts = 6;
}
`; source != want {
		t.Errorf("%s\nwant\n%s", source, want)
	}
	f, err := protobuf.Parse(source, nil)
	if err != nil {
		t.Fatal(err)
	}
	of, err := protobuf.At(f, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	e, err := protobuf.NewEncoder(of, s, "")
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{
		`{"at":"2024-02-29T01:02:03.004005","counts":[{"key":"k","value":{"item":"i","n":2}}],"id":1,"name":"","tags":["x",""],"who":{"at":3,"in":{"item":null,"n":4}}}`,
		`{"at":null,"counts":null,"id":0,"name":null,"tags":null,"who":null}`,
	}
	all, err := written(t, e, s, "["+strings.Join(rows, ",")+"]")
	if err != nil {
		t.Fatal(err)
	}
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if err := d.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, d); got != strings.Join(rows, "\n") {
		t.Errorf("%s\nwant\n%s", got, strings.Join(rows, "\n"))
	}
	for _, c := range []struct {
		schema *arrow.Schema
		want   string
	}{
		{columnsOf("d", &arrow.Decimal128Type{Precision: 4, Scale: 2}), "column d: no type of Protobuf fits DECIMAL(4, 2)"},
		{columnsOf("a b", str), `column "a b": names in Protobuf are of letters`},
		{columnsOf("l", arrow.ListOf(arrow.ListOf(str))), "column l: lists and maps in Protobuf hold no lists and maps"},
		{columnsOf("m", arrow.MapOf(arrow.PrimitiveTypes.Float64, str)), "column m: the keys of a map in Protobuf are text"},
	} {
		if _, err := protobuf.Derive(c.schema); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	of := order(b)
	s := columnsOf("id", bigint, "note", str, "best", line, "state", str, "fixed", bigint, "ratio", arrow.PrimitiveTypes.Float32)
	e, err := protobuf.NewEncoder(of, s, "")
	if err != nil {
		b.Fatal(err)
	}
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(`[{"id":-5,"note":"hello","best":{"item":"i","n":7},"state":"PAID","fixed":9,"ratio":0.5}]`))
	if err != nil {
		b.Fatal(err)
	}
	e.Fill(r.Columns())
	var m []byte
	for b.Loop() {
		if m, err = e.Append(m[:0], 0, stream.Insert); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
