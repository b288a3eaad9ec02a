package write

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// TestDescriptionsAgree compares what our writer says of a file with what
// iceberg-go's writer says of the same rows: readers skip files by it.
func TestDescriptionsAgree(t *testing.T) {
	f := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	columns := arrow.NewSchema([]arrow.Field{
		f("b", arrow.FixedWidthTypes.Boolean), f("i", arrow.PrimitiveTypes.Int32), f("l", arrow.PrimitiveTypes.Int64),
		f("f", arrow.PrimitiveTypes.Float32), f("d", arrow.PrimitiveTypes.Float64),
		f("dec9", &arrow.Decimal128Type{Precision: 9, Scale: 2}), f("dec18", &arrow.Decimal128Type{Precision: 18, Scale: 2}),
		f("dec38", &arrow.Decimal128Type{Precision: 38, Scale: 2}),
		f("s", arrow.BinaryTypes.StringView), f("bin", arrow.BinaryTypes.BinaryView),
		f("date", arrow.FixedWidthTypes.Date32), f("time", arrow.FixedWidthTypes.Time32ms),
		f("ts", &arrow.TimestampType{Unit: arrow.Microsecond}), f("ltz", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}),
		f("nothing", arrow.PrimitiveTypes.Int64),
		f("list", arrow.ListOf(arrow.PrimitiveTypes.Int32)), f("row", arrow.StructOf(f("x", arrow.PrimitiveTypes.Int64))),
	}, nil)
	const rows = `[
	 {"b":true,"i":-5,"l":7,"f":1.5,"d":-2.5,"dec9":"-1.28","dec18":"1.28","dec38":"-123456789012345678901234567890.12","s":"ä","bin":"/w==",
	  "date":"2020-02-29","time":"12:34:56.789","ts":"2020-02-29T01:02:03.000004","ltz":"1960-02-29T01:02:03Z","nothing":null,"list":[1],"row":{"x":9}},
	 {"b":false,"i":300,"l":-70000000000,"f":-0.5,"d":1e300,"dec9":"0.00","dec18":"99999.99","dec38":"0.01","s":"z","bin":"AQID",
	  "date":"1950-01-01","time":"00:00:00","ts":"1950-02-29T01:02:03","ltz":"2020-02-29T01:02:03Z","nothing":null,"list":null,"row":null},
	 {"b":null,"i":null,"l":null,"f":null,"d":null,"dec9":null,"dec18":null,"dec38":null,"s":null,"bin":null,"date":null,"time":null,"ts":null,"ltz":null,"nothing":null,"list":[],"row":{"x":null}}
	]`
	dir := t.TempDir()
	c, err := catalog.Open(t.Context(), "cat", map[string]string{"catalog-type": "hadoop", "warehouse": dir}, catalog.Env{Stores: objstore.New(objstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	ident := job.Ident{Catalog: "cat", Database: catalog.DefaultDatabase, Name: "t"}
	if err := c.CreateTable(t.Context(), job.Table{Ident: ident, Schema: job.Schema{Schema: columns}}); err != nil {
		t.Fatal(err)
	}
	tbl, err := c.Load(t.Context(), catalog.DefaultDatabase, "t")
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, columns, strings.NewReader(strings.ReplaceAll(rows, "1950-02-29", "1950-02-28")))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := schemas.FileSchema(tbl.Schema())
	if err != nil {
		t.Fatal(err)
	}
	ctx := compute.WithAllocator(context.Background(), memory.DefaultAllocator)
	l, err := NewLayout(ctx, tbl, plain, "tag", memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := oursOf(t, l, rec), theirsOf(t, tbl, plain, rec)
	if len(ours) != 1 || len(theirs) != 1 {
		t.Fatalf("%d and %d files", len(ours), len(theirs))
	}
	compareDescriptions(t, tbl, ours[0], theirs[0])
}

// oursOf writes rec with our writer.
func oursOf(t *testing.T, l *Layout, rec arrow.RecordBatch) []ice.DataFile {
	t.Helper()
	s, err := NewFan(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := schemas.ConvertRecord(l.Mem, rec, l.Schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(r); err != nil {
		t.Fatal(err)
	}
	files, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// theirsOf writes rec with iceberg-go's writer.
func theirsOf(t *testing.T, tbl *table.Table, schema *arrow.Schema, rec arrow.RecordBatch) (files []ice.DataFile) {
	t.Helper()
	r, err := schemas.ConvertRecord(memory.DefaultAllocator, rec, schema)
	if err != nil {
		t.Fatal(err)
	}
	for df, err := range table.WriteRecords(t.Context(), tbl, schema, func(yield func(arrow.RecordBatch, error) bool) { yield(r, nil) }) {
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, df)
	}
	return files
}

// compareDescriptions compares what two writers say of a file.
func compareDescriptions(t *testing.T, tbl *table.Table, ours, theirs ice.DataFile) {
	t.Helper()
	if ours.Count() != theirs.Count() || ours.FileSizeBytes() == 0 || len(ours.SplitOffsets()) != 1 {
		t.Errorf("%d rows, %d bytes, split at %d", ours.Count(), ours.FileSizeBytes(), ours.SplitOffsets())
	}
	repeated := inLists(tbl.Schema())
	for id := range repeated {
		name, _ := tbl.Schema().FindColumnName(id)
		of, _ := tbl.Schema().FindTypeByID(id)
		if _, nested := of.(ice.NestedType); nested || repeated[id] {
			continue
		}
		type stats struct {
			Values, Nulls int64
			Lower, Upper  []byte
		}
		got := stats{ours.ValueCounts()[id], ours.NullValueCounts()[id], ours.LowerBoundValues()[id], ours.UpperBoundValues()[id]}
		want := stats{theirs.ValueCounts()[id], theirs.NullValueCounts()[id], theirs.LowerBoundValues()[id], theirs.UpperBoundValues()[id]}
		if strings.Contains(name, ".") { // iceberg-go gives no bounds inside a ROW
			want.Lower, want.Upper = got.Lower, got.Upper
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("column %s: -theirs +ours:\n%s", name, diff)
		}
	}
}

func TestBoundOfText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "ä": "ä", "ab\xc3": "ab", "ab\xe6\x97": "ab", "ab\xf0\x9f\x98": "ab", "日本": "日本",
	} {
		if got := bound(ice.PrimitiveTypes.String, []byte(in)); !bytes.Equal(got, []byte(want)) {
			t.Errorf("bound(%q) = %q, want %q", in, got, want)
		}
	}
}
