package protobuf_test

import (
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/wadi-engine/wadi/connect/format/protobuf"
)

const schema = `syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
message Order {
  message Line { string item = 1; optional int32 n = 2; }
  enum State { NEW = 0; PAID = 1; }
  int64 id = 1;
  optional string note = 2;
  repeated int32 numbers = 3;
  repeated Line lines = 4;
  map<string, double> prices = 5;
  Line best = 6;
  State state = 7;
  google.protobuf.Timestamp made = 8;
  sint32 small = 9;
  fixed64 fixed = 10;
  float ratio = 300;
  bytes raw = 12;
  bool ok = 13;
}`

var (
	bigint = arrow.PrimitiveTypes.Int64
	int32s = arrow.PrimitiveTypes.Int32
	str    = arrow.BinaryTypes.StringView
	line   = arrow.StructOf(arrow.Field{Name: "item", Type: str, Nullable: true}, arrow.Field{Name: "n", Type: int32s, Nullable: true})
)

func columnsOf(pairs ...any) *arrow.Schema {
	var fields []arrow.Field
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, arrow.Field{Name: pairs[i].(string), Type: pairs[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

func pathsOf(s *arrow.Schema) (paths [][]string) {
	for _, f := range s.Fields() {
		paths = append(paths, strings.Split(f.Name, "."))
	}
	return paths
}

func order(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	f, err := protobuf.Parse(schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := protobuf.At(f, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// encoded is a message that is given as text, as Google's library writes it.
func encoded(t testing.TB, of protoreflect.MessageDescriptor, text string) []byte {
	t.Helper()
	m := dynamicpb.NewMessage(of)
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func text(t *testing.T, d *protobuf.Decoder) string {
	t.Helper()
	var b strings.Builder
	if err := array.RecordToJSON(d.Record(memory.DefaultAllocator), &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

const full = `id: -5 note: "hello" numbers: [1, -2, 300] lines: {item: "a" n: 1} lines: {item: "b"} prices: {key: "x" value: 1.5} best: {n: 7}
	state: PAID made: {seconds: 1700000000 nanos: 5000000} small: -3 fixed: 9 ratio: 0.5 raw: "\x00\x01" ok: true`

func TestDecode(t *testing.T) {
	of := order(t)
	whole := columnsOf("id", bigint, "note", str, "numbers", arrow.ListOf(int32s), "lines", arrow.ListOf(line), "prices", arrow.MapOf(str, arrow.PrimitiveTypes.Float64),
		"best", line, "state", str, "made", &arrow.TimestampType{Unit: arrow.Millisecond}, "small", int32s, "fixed", bigint, "ratio", arrow.PrimitiveTypes.Float64,
		"raw", arrow.BinaryTypes.BinaryView, "ok", arrow.FixedWidthTypes.Boolean, "absent", str)
	some := columnsOf("best.n", int32s, "best", line, "best.item", str, "state", int32s, "made", arrow.StructOf(arrow.Field{Name: "seconds", Type: bigint, Nullable: true}))
	for _, c := range []struct {
		schema   *arrow.Schema
		defaults bool
		message  string
		want     string
	}{
		{whole, false, full, `{"absent":null,"best":{"item":"","n":7},"fixed":9,"id":-5,"lines":[{"item":"a","n":1},{"item":"b","n":null}],"made":"2023-11-14T22:13:20.005",` +
			`"note":"hello","numbers":[1,-2,300],"ok":true,"prices":[{"key":"x","value":1.5}],"ratio":0.5,"raw":"AAE=","small":-3,"state":"PAID"}`},
		{whole, false, "", `{"absent":null,"best":null,"fixed":0,"id":0,"lines":null,"made":null,"note":null,"numbers":null,"ok":false,"prices":null,"ratio":0,"raw":"","small":0,"state":"NEW"}`},
		{whole, true, "", `{"absent":null,"best":{"item":"","n":0},"fixed":0,"id":0,"lines":[],"made":null,"note":"","numbers":[],"ok":false,"prices":[],"ratio":0,"raw":"","small":0,"state":"NEW"}`},
		{some, false, full, `{"best":{"item":"","n":7},"best.item":"","best.n":7,"made":{"seconds":1700000000},"state":1}`},
		{some, false, "", `{"best":null,"best.item":null,"best.n":null,"made":null,"state":0}`},
	} {
		d, err := protobuf.Plain(of, c.schema, pathsOf(c.schema), c.defaults)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := d.Append(encoded(t, of, c.message)); err != nil {
				t.Fatal(err)
			}
		}
		if got := text(t, d); got != c.want+"\n"+c.want {
			t.Errorf("%s\nwant twice\n%s", got, c.want)
		}
	}
}

// TestPieces: of a field that comes twice the last counts, messages are put together, and
// lists may be packed or not.
func TestPieces(t *testing.T) {
	of := order(t)
	s := columnsOf("id", bigint, "numbers", arrow.ListOf(int32s), "best", line, "best.n", int32s)
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		t.Fatal(err)
	}
	m := encoded(t, of, `id: 1 numbers: 1 best: {item: "a" n: 1}`)
	m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), 5) // not packed
	m = append(m, encoded(t, of, `id: 2 numbers: [2, 3] best: {n: 4}`)...)
	if err := d.Append(m); err != nil {
		t.Fatal(err)
	}
	if err := d.Append(append(m, 0x32, 2, 8)); err == nil { // a message that is cut off
		t.Error("taken")
	}
	if err := d.Append(nil); err != nil {
		t.Fatal(err)
	}
	want := `{"best":{"item":"a","n":4},"best.n":4,"id":2,"numbers":[1,5,2,3]}
{"best":null,"best.n":null,"id":0,"numbers":null}`
	if got := text(t, d); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	source, set := filepath.Join(dir, "order.proto"), filepath.Join(dir, "order.desc")
	if err := os.WriteFile(source, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	f := order(t).ParentFile()
	all := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(f.Imports().Get(0).FileDescriptor), protodesc.ToFileDescriptorProto(f)}}
	b, err := proto.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(set, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{source, set} {
		if m, err := protobuf.Load(path, "shop.v1.Order.Line"); err != nil || m.Fields().Len() != 2 {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := protobuf.Load(path, "Order"); err == nil || !strings.Contains(err.Error(), "no such message; there are") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := protobuf.Load(filepath.Join(dir, "none"), "x"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	of := order(t)
	for _, c := range []struct {
		schema *arrow.Schema
		want   string
	}{
		{columnsOf("id", str), "field id: a int64 of Protobuf is no STRING"},
		{columnsOf("lines", line), "field lines: a repeated message of Protobuf is no ROW"},
		{columnsOf("numbers", bigint), "field numbers: a repeated int32 of Protobuf is no BIGINT"},
		{columnsOf("best", str), "field best: a shop.v1.Order.Line of Protobuf is no STRING"},
		{columnsOf("id.x", str), "field id: it is no message with a field x"},
	} {
		if _, err := protobuf.Plain(of, c.schema, pathsOf(c.schema), false); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	s := columnsOf("id", arrow.PrimitiveTypes.Int8)
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Append(encoded(t, of, "id: 300")); err == nil || err.Error() != "field id: 300 is no TINYINT" {
		t.Error(err)
	}
}

// TestBadBytes: no bytes make a decoder panic.
func TestBadBytes(t *testing.T) {
	of := order(t)
	s := columnsOf("id", bigint, "lines", arrow.ListOf(line), "prices", arrow.MapOf(str, arrow.PrimitiveTypes.Float64), "best", line, "best.n", int32s, "made", &arrow.TimestampType{Unit: arrow.Microsecond})
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		t.Fatal(err)
	}
	random, good := rand.New(rand.NewSource(1)), encoded(t, of, full)
	for range 20000 {
		m := append([]byte(nil), good...)
		for range 1 + random.Intn(4) {
			m[random.Intn(len(m))] = byte(random.Intn(256))
		}
		_ = d.Append(m[:random.Intn(len(m)+1)])
		if d.Rows() > 100 {
			d.Record(memory.DefaultAllocator).Release()
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	of := order(b)
	s := columnsOf("id", bigint, "note", str, "best", line, "state", str, "fixed", bigint, "ratio", arrow.PrimitiveTypes.Float64)
	d, err := protobuf.Plain(of, s, pathsOf(s), false)
	if err != nil {
		b.Fatal(err)
	}
	m := encoded(b, of, full)
	n := 0
	for b.Loop() {
		if err := d.Append(m); err != nil {
			b.Fatal(err)
		}
		if n++; n%8192 == 0 {
			d.Record(memory.DefaultAllocator).Release()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
