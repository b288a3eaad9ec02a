package iceberg_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// drain reads all splits of a source. Every crash batches it starts again
// from the positions and the enumerator's snapshot.
func drain(t *testing.T, con *ops.Connector, scan ops.Scan, crash int) []string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	var rows []string
	var state []byte
	var open []ops.Split
	for {
		src, err := con.Source(t.Context(), scan)
		if err != nil {
			t.Fatal(err)
		}
		en, err := src.Enumerator(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := en.Discover(t.Context()); !done || err != nil {
			t.Fatalf("Discover = %v, %v", done, err)
		}
		en.Return(open)
		open = nil
		r, err := src.Reader(t.Context(), runtime{mem})
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		for n := 0; n != crash; {
			f, err := r.Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if f.After.ID == "" {
				if open = en.Take(0, 1, 1); len(open) == 0 {
					ended = true
					break
				}
				if err := r.Assign(open); err != nil {
					t.Fatal(err)
				}
				continue
			}
			open = []ops.Split{f.After}
			if f.Done {
				open = nil
			}
			if f.Batch != nil {
				n++
				for i := range f.Batch.Len() {
					var row []string
					for _, c := range f.Batch.Rows.Columns() {
						row = append(row, c.ValueStr(i))
					}
					rows = append(rows, strings.Join(row, " "))
				}
				if !f.Batch.Rows.Schema().Equal(src.Schema()) {
					t.Errorf("batch has schema %v, want %v", f.Batch.Rows.Schema(), src.Schema())
				}
				f.Batch.Release()
			}
		}
		if state, err = en.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if ended {
			return rows
		}
	}
}

func TestSourceReadsWhatTheSinkWrote(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			w := newWarehouse(t, "jdbc")
			tbl := eventTable(w, "events", map[string]string{"format-version": version, "partitioning": "bucket(2, id)"})
			s := newSink(t, w, tbl)
			c := committer(t, s, "a")
			defer c.Close()
			for e := range int64(3) {
				if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*50, e*50+50)}, true); err != nil {
					t.Fatal(err)
				}
			}
			con := iceberg.Connector(w.env)
			want := map[string]int{}
			for id := range int64(150) {
				name := fmt.Sprintf("event number %d", id)
				if id%7 == 0 {
					name = array.NullValueStr
				}
				want[fmt.Sprintf("%s %d", name, id)] = 1
			}
			for _, crash := range []int{-1, 1} {
				got := map[string]int{}
				for _, row := range drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{{"name"}, {"id"}}}, crash) {
					got[row]++
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("crash every %d batches: -want +got:\n%s", crash, diff)
				}
			}
			all := drain(t, con, ops.Scan{Table: tbl}, -1)
			if len(all) != 150 {
				t.Errorf("%d rows, want 150", len(all))
			}
		})
	}
}

// typedRows are rows of all types: their schema, their JSON, and what a scan of
// them gives.
func typedRows() (schema *arrow.Schema, text string, want []string) {
	f := func(name string, dt arrow.DataType, flink string) arrow.Field {
		field := arrow.Field{Name: name, Type: dt, Nullable: true}
		if flink != "" {
			field.Metadata = arrow.MetadataFrom(map[string]string{"wadi.type": flink})
		}
		return field
	}
	point := arrow.StructOf(f("x", arrow.PrimitiveTypes.Float64, ""), f("label", arrow.BinaryTypes.StringView, ""))
	schema = arrow.NewSchema([]arrow.Field{
		f("b", arrow.FixedWidthTypes.Boolean, ""), f("i8", arrow.PrimitiveTypes.Int8, ""), f("i32", arrow.PrimitiveTypes.Int32, ""),
		f("f32", arrow.PrimitiveTypes.Float32, ""), f("dec", &arrow.Decimal128Type{Precision: 20, Scale: 3}, ""),
		f("s", arrow.BinaryTypes.StringView, ""), f("bytes", arrow.BinaryTypes.BinaryView, ""), f("four", arrow.BinaryTypes.BinaryView, "BINARY(4)"),
		f("d", arrow.FixedWidthTypes.Date32, ""), f("tm", arrow.FixedWidthTypes.Time32ms, ""),
		f("ltz", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, ""), f("ns", &arrow.TimestampType{Unit: arrow.Nanosecond}, ""),
		f("list", arrow.ListOfField(f("element", arrow.BinaryTypes.StringView, "")), ""),
		f("map", arrow.MapOfFields(arrow.Field{Name: "key", Type: arrow.BinaryTypes.StringView}, f("value", arrow.PrimitiveTypes.Int64, "")), ""),
		f("point", point, ""),
	}, nil)
	text = `[
	 {"b":true,"i8":-5,"i32":7,"f32":1.5,"dec":"12345.678","s":"a string that is long","bytes":"AQID","four":"AQIDBA==","d":"2020-02-29","tm":"12:34:56.789",
	  "ltz":"2020-02-29T01:02:03.000004Z","ns":"2020-02-29T01:02:03.000000005","list":["a",null,"a longer element"],"map":[{"key":"k","value":1}],"point":{"x":2.5,"label":"here"}},
	 {"b":null,"i8":null,"i32":null,"f32":null,"dec":null,"s":null,"bytes":null,"four":null,"d":null,"tm":null,"ltz":null,"ns":null,"list":null,"map":null,"point":null},
	 {"b":false,"i8":0,"i32":0,"f32":0,"dec":"0.000","s":"","bytes":"","four":"AAAAAA==","d":"1969-12-31","tm":"00:00:00","ltz":"1969-12-31T23:59:59.999999Z","ns":"1969-12-31T23:59:59.999999999","list":[],"map":[],"point":{"x":null,"label":null}}
	]`
	want = []string{
		`true -5 7 1.5 12345.678 a string that is long AQID AQIDBA== 2020-02-29 12:34:56.789 2020-02-29T01:02:03.000004Z 2020-02-29T01:02:03.000000005 ` +
			`["a",null,"a longer element"] [{"key":"k","value":1}] {"label":"here","x":2.5}`,
		strings.TrimSuffix(strings.Repeat("(null) ", schema.NumFields()), " "),
		`false 0 0 0 0   AAAAAA== 1969-12-31 00:00:00.000 1969-12-31T23:59:59.999999Z 1969-12-31T23:59:59.999999999 [] [] {"label":null,"x":null}`,
	}
	return schema, text, want
}

func TestSourceReadsTypes(t *testing.T) {
	w := newWarehouse(t, "hadoop")
	schema, text, want := typedRows()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	rec, _, err := array.RecordFromJSON(mem, schema, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	tbl := eventTable(w, "types", map[string]string{"format-version": "3"})
	tbl.Schema = job.Schema{Schema: schema}
	s := newSink(t, w, tbl)
	wr, err := s.Writer(t.Context(), runtime{mem})
	if err != nil {
		t.Fatal(err)
	}
	// A slice, so that offsets are not zero.
	for _, part := range [][2]int64{{0, 1}, {1, 3}} {
		if err := wr.Write(t.Context(), stream.NewBatch(rec.NewSlice(part[0], part[1]))); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := wr.Prepare(t.Context(), 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := wr.Close(); err != nil {
		t.Fatal(err)
	}
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: 1, Committables: cs}}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: 1, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
	there, err := w.open(t).Table(t.Context(), "default", "types")
	if err != nil {
		t.Fatal(err)
	}
	there.Options["catalog-type"] = "hadoop"
	got := drain(t, iceberg.Connector(w.env), ops.Scan{Table: there}, -1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	nested := drain(t, iceberg.Connector(w.env), ops.Scan{Table: there, Columns: [][]string{{"point", "label"}, {"i32"}, {"point", "x"}}}, -1)
	if diff := cmp.Diff([]string{"here 7 2.5", "(null) (null) (null)", "(null) 0 (null)"}, nested); diff != "" {
		t.Errorf("nested: -want +got:\n%s", diff)
	}
	_, err = iceberg.Connector(w.env).Source(t.Context(), ops.Scan{Table: there, Columns: [][]string{{"point", "y"}}})
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "point.y") {
		t.Errorf("a field that is not there: %v", err)
	}
}
