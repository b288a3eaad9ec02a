package render_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/stream"
)

// flinkType is a field whose Flink type says more than its Arrow type.
func flinkType(name string, t arrow.DataType, flink string) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true, Metadata: arrow.NewMetadata([]string{"wadi.type"}, []string{flink})}
}

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var ltz = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}

// The batches of the tests, each with its rows as JSON.
var batches = map[string]struct {
	schema []arrow.Field
	rows   string
	kinds  []stream.RowKind
}{
	"counts": {
		schema: []arrow.Field{
			nullable("id", arrow.PrimitiveTypes.Int32), nullable("cnt", arrow.PrimitiveTypes.Int64),
			nullable("max_ts", &arrow.TimestampType{Unit: arrow.Nanosecond}),
		},
		rows: `[{"id": 1, "cnt": 1, "max_ts": "2021-04-13 20:12:11.123456789"},
			{"id": 2, "cnt": 1, "max_ts": "2021-04-13 19:12:11.123456789"},
			{"id": 2, "cnt": 1, "max_ts": "2021-04-13 19:12:11.123456789"},
			{"id": 2, "cnt": 2, "max_ts": null}]`,
		kinds: []stream.RowKind{stream.Insert, stream.Insert, stream.UpdateBefore, stream.UpdateAfter},
	},
	"texts": {
		schema: []arrow.Field{nullable("name", arrow.BinaryTypes.StringView), nullable("b", arrow.BinaryTypes.BinaryView)},
		rows: `[{"name": "30b5c1bb-0ac0-43d3-b812-fcb649fd2b07", "b": "yv4="},
			{"name": "東京都渋谷区東京都渋谷区東京都渋谷区東京都渋谷区", "b": ""},
			{"name": "a,\"b\"\n\tc", "b": null}, {"name": "", "b": null}, {"name": null, "b": null}]`,
	},
	"times": {
		schema: []arrow.Field{
			flinkType("t0", arrow.FixedWidthTypes.Time32ms, "TIME(0)"), flinkType("t3", arrow.FixedWidthTypes.Time32ms, "TIME(3)"),
			flinkType("ts0", &arrow.TimestampType{Unit: arrow.Millisecond}, "TIMESTAMP(0)"),
			nullable("ts3", &arrow.TimestampType{Unit: arrow.Millisecond}), nullable("z", ltz), nullable("d", arrow.FixedWidthTypes.Date32),
		},
		rows: `[{"t0": "20:12:11", "t3": "20:12:11.500", "ts0": "2021-04-13 20:12:11", "ts3": "2021-04-13 20:12:11.001", "z": "1970-01-01 00:00:01Z", "d": "2021-04-13"},
			{"t0": "00:00:00", "t3": "00:00:00", "ts0": "1969-12-31 23:59:59", "ts3": "1969-12-31 23:59:59.999", "z": "1969-12-31 23:59:59.999Z", "d": "0001-01-01"}]`,
	},
	"nested": {
		schema: []arrow.Field{
			nullable("r", arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Int64), nullable("b c", arrow.BinaryTypes.StringView))),
			nullable("l", arrow.ListOf(arrow.PrimitiveTypes.Int32)),
			nullable("m", arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Float64)),
		},
		rows: `[{"r": {"a": 1, "b c": "x"}, "l": [1, null, 3], "m": [{"key": "k", "value": 1.5}, {"key": "n", "value": null}]},
			{"r": {"a": null, "b c": null}, "l": [], "m": []}, {"r": null, "l": null, "m": null}]`,
	},
	"numbers": {
		schema: []arrow.Field{
			nullable("i8", arrow.PrimitiveTypes.Int8), nullable("i64", arrow.PrimitiveTypes.Int64),
			nullable("dec", &arrow.Decimal128Type{Precision: 38, Scale: 2}), nullable("f32", arrow.PrimitiveTypes.Float32),
			nullable("f64", arrow.PrimitiveTypes.Float64), nullable("ok", arrow.FixedWidthTypes.Boolean),
		},
		rows: `[{"i8": -128, "i64": 9223372036854775807, "dec": "12345678901234567890.12", "f32": 1.5, "f64": 10000000, "ok": true},
			{"i8": 0, "i64": -9223372036854775808, "dec": "-0.01", "f32": 0.1, "f64": 0.0001, "ok": false},
			{"i8": null, "i64": null, "dec": null, "f32": null, "f64": null, "ok": null}]`,
	},
	"empty": {schema: []arrow.Field{nullable("a", arrow.PrimitiveTypes.Int32)}, rows: `[]`},
}

func build(t testing.TB, alloc memory.Allocator, name string) *stream.Batch {
	t.Helper()
	b, ok := batches[name]
	if !ok {
		t.Fatalf("no batch %q", name)
	}
	rec, _, err := array.RecordFromJSON(alloc, arrow.NewSchema(b.schema, nil), strings.NewReader(b.rows))
	if err != nil {
		t.Fatal(err)
	}
	return &stream.Batch{Rows: rec, Kinds: b.kinds}
}

func options(t testing.TB, d *datadriven.TestData) render.Options {
	t.Helper()
	var name string
	opts := render.Options{Op: d.HasArg("op"), NullAsEmpty: d.HasArg("null-as-empty"), NoHeader: d.HasArg("no-header")}
	d.MaybeScanArgs(t, "format", &name)
	d.MaybeScanArgs(t, "width", &opts.MaxColumnWidth)
	if name != "" {
		f, err := render.ParseFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		opts.Format = f
	}
	if d.MaybeScanArgs(t, "offset", new(int)) {
		var hours int
		d.ScanArgs(t, "offset", &hours)
		opts.Zone = time.FixedZone("", hours*3600)
	}
	return opts
}

// TestData: write BATCH [format=…] [op] [width=N] [offset=HOURS] [null-as-empty] [no-header].
func TestData(t *testing.T) {
	datadriven.RunTest(t, "testdata/formats", func(t *testing.T, d *datadriven.TestData) string {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		b := build(t, alloc, d.CmdArgs[0].Key)
		defer b.Release()
		var out bytes.Buffer
		w := render.New(&out, b.Rows.Schema(), options(t, d))
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if w.Rows() != int64(b.Len()) {
			t.Errorf("Rows() = %d, want %d", w.Rows(), b.Len())
		}
		return out.String()
	})
}

// JSON of any value of any type is JSON, and its numbers are the values.
func TestJSONIsValid(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.StringView, arrow.FixedWidthTypes.Boolean,
		arrow.FixedWidthTypes.Date32, &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.Decimal128Type{Precision: 20, Scale: 5},
		arrow.ListOf(arrow.BinaryTypes.StringView), arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int32)),
	}
	var fields []arrow.Field
	var cols []arrow.Array
	rand := arraytest.NewRand(7)
	for k, dt := range types {
		builder := array.NewBuilder(alloc, dt)
		for range 200 {
			arraytest.Append(rand, builder, 20)
		}
		fields = append(fields, nullable(fmt.Sprint("c", k), dt))
		cols = append(cols, builder.NewArray())
		builder.Release()
	}
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, 200)
	for _, c := range cols {
		c.Release()
	}
	defer rec.Release()

	var out bytes.Buffer
	w := render.New(&out, rec.Schema(), render.Options{Format: render.JSON})
	if err := w.Write(stream.NewBatch(rec)); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			t.Fatalf("row %d: %v: %s", i, err, line)
		}
		ints := rec.Column(0).(*array.Int64)
		if n, ok := row["c0"].(json.Number); ok == ints.IsNull(i) || ok && n.String() != fmt.Sprint(ints.Value(i)) {
			t.Errorf("row %d: %v, want %s", i, row["c0"], ints.ValueStr(i))
		}
		floats := rec.Column(1).(*array.Float64)
		if n, ok := row["c1"].(json.Number); ok {
			if v, err := n.Float64(); err != nil || v != floats.Value(i) {
				t.Errorf("row %d: %v, want %v", i, n, floats.Value(i))
			}
		} else if !floats.IsNull(i) && !math.IsNaN(floats.Value(i)) && !math.IsInf(floats.Value(i), 0) {
			t.Errorf("row %d: %v, want %v", i, row["c1"], floats.Value(i))
		}
	}
}

// Rows are written as they arrive, but for the first ones of a table.
func TestStreams(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	b := build(t, alloc, "numbers")
	defer b.Release()
	for _, f := range []render.Format{render.Table, render.Changelog, render.JSON, render.CSV} {
		var out bytes.Buffer
		w := render.New(&out, b.Rows.Schema(), render.Options{Format: f})
		before := 0
		for range 1000 {
			before = out.Len()
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if out.Len() == before {
			t.Errorf("%v: the last rows are held back", f)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe is closed") }

func TestOutputErrors(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	b := build(t, alloc, "counts")
	defer b.Release()
	w := render.New(broken{}, b.Rows.Schema(), render.Options{Format: render.JSON})
	if err := w.Write(b); err == nil || !strings.Contains(err.Error(), "pipe is closed") {
		t.Errorf("got %v", err)
	}
}

func TestParseFormat(t *testing.T) {
	if f, err := render.ParseFormat("JSON"); err != nil || f != render.JSON {
		t.Errorf("got %v, %v", f, err)
	}
	if _, err := render.ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "table, changelog, json, csv") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkJSON(b *testing.B) {
	bld := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		nullable("id", arrow.PrimitiveTypes.Int64), nullable("name", arrow.BinaryTypes.StringView),
		nullable("ts", &arrow.TimestampType{Unit: arrow.Millisecond}), nullable("price", &arrow.Decimal128Type{Precision: 10, Scale: 2}),
	}, nil))
	const rows = 1024
	for i := range rows {
		bld.Field(0).(*array.Int64Builder).Append(int64(i))
		bld.Field(1).(*array.StringViewBuilder).Append("a name of some length")
		bld.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(1_600_000_000_000 + i))
		bld.Field(3).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i)))
	}
	batch := stream.NewBatch(bld.NewRecordBatch())
	var out bytes.Buffer
	w := render.New(&out, batch.Rows.Schema(), render.Options{Format: render.JSON})
	for b.Loop() {
		out.Reset()
		if err := w.Write(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// What would move a terminal's cursor or change its colours does not reach it from a table.
func TestTablesAreHarmless(t *testing.T) {
	bld := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{nullable("a\x1b[2J", arrow.BinaryTypes.StringView)}, nil))
	bld.Field(0).(*array.StringViewBuilder).Append("\x1b[31mred\r\x07\u009b")
	b := stream.NewBatch(bld.NewRecordBatch())
	defer b.Release()
	for _, f := range []render.Format{render.Table, render.Changelog} {
		var out bytes.Buffer
		w := render.New(&out, b.Rows.Schema(), render.Options{Format: f})
		if err := errors.Join(w.Write(b), w.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\r\x07\u009b") {
			t.Errorf("%q", out.String())
		}
	}
}
