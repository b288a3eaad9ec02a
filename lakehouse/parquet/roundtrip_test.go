package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector/expr"
)

var leafTypes = []arrow.DataType{
	arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16,
	arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float32,
	arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView,
	arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Time32ms,
	&arrow.TimestampType{Unit: arrow.Millisecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	&arrow.TimestampType{Unit: arrow.Nanosecond},
	&arrow.Decimal128Type{Precision: 7, Scale: 2}, &arrow.Decimal128Type{Precision: 18, Scale: 3},
	&arrow.Decimal128Type{Precision: 38, Scale: 10},
}

func drawType(t *rapid.T, depth int) arrow.DataType {
	k := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 || k < 6 {
		return rapid.SampledFrom(leafTypes).Draw(t, "type")
	}
	field := func(name string) arrow.Field {
		return arrow.Field{Name: name, Type: drawType(t, depth-1), Nullable: rapid.Bool().Draw(t, "nullable")}
	}
	switch k {
	case 6:
		return arrow.ListOfField(field("element"))
	case 7:
		v := field("value")
		return arrow.MapOfFields(arrow.Field{Name: "key", Type: rapid.SampledFrom(leafTypes).Draw(t, "key")}, v)
	default:
		fields := []arrow.Field{field("a")}
		if rapid.Bool().Draw(t, "two") {
			fields = append(fields, field("b"))
		}
		return arrow.StructOf(fields...)
	}
}

// fill appends one value to b; few distinct ones, so that dictionaries and runs come up.
func fill(t *rapid.T, b array.Builder, nullable bool) {
	if nullable && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		b.AppendNull()
		return
	}
	n := rapid.Int64Range(-6, 6).Draw(t, "n")
	if n == 6 {
		n = rapid.Int64().Draw(t, "any")
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(n&1 == 0)
	case *array.Int8Builder:
		b.Append(int8(n))
	case *array.Int16Builder:
		b.Append(int16(n))
	case *array.Int32Builder:
		b.Append(int32(n))
	case *array.Int64Builder:
		b.Append(n)
	case *array.Float32Builder:
		b.Append(float32(special(n)))
	case *array.Float64Builder:
		b.Append(special(n))
	case *array.StringViewBuilder:
		b.Append(text(n))
	case *array.BinaryViewBuilder:
		b.Append([]byte(text(n)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(n))
	case *array.Time32Builder:
		b.Append(arrow.Time32(n))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(n))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(n % 10_000_000))
	case *array.ListBuilder:
		b.Append(true)
		nullable := b.Type().(*arrow.ListType).ElemField().Nullable
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			fill(t, b.ValueBuilder(), nullable)
		}
	case *array.MapBuilder:
		b.Append(true)
		nullable := b.Type().(*arrow.MapType).ItemField().Nullable
		for range rapid.IntRange(0, 2).Draw(t, "len") {
			fill(t, b.KeyBuilder(), false)
			fill(t, b.ItemBuilder(), nullable)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range b.Type().(*arrow.StructType).Fields() {
			fill(t, b.FieldBuilder(i), f.Nullable)
		}
	default:
		panic(fmt.Sprintf("%T", b))
	}
}

func special(n int64) float64 {
	switch n {
	case 5:
		return math.NaN()
	case 4:
		return math.Inf(1)
	case 3:
		return math.Copysign(0, -1)
	}
	return float64(n) / 2
}

func text(n int64) string {
	if n < 0 {
		return fmt.Sprintf("a string of more than twelve bytes, %d", n)
	}
	return fmt.Sprint(n)
}

func drawRecord(t *rapid.T, alloc memory.Allocator) arrow.RecordBatch {
	fields := make([]arrow.Field, rapid.IntRange(1, 3).Draw(t, "columns"))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: drawType(t, 3), Nullable: rapid.Bool().Draw(t, "nullable")}
	}
	b := array.NewRecordBuilder(alloc, arrow.NewSchema(fields, nil))
	defer b.Release()
	for range rapid.IntRange(0, 40).Draw(t, "rows") {
		for i, f := range fields {
			fill(t, b.Field(i), f.Nullable)
		}
	}
	return b.NewRecordBatch()
}

// lines renders the rows of records, one line each.
func lines(recs ...arrow.RecordBatch) []string {
	var out []string
	var buf bytes.Buffer
	for _, r := range recs {
		for i := range int(r.NumRows()) {
			buf.Reset()
			for _, c := range r.Columns() {
				render(&buf, c, i)
				buf.WriteByte(' ')
			}
			out = append(out, buf.String())
		}
	}
	return out
}

func open(t interface{ Fatal(...any) }, b []byte) *parquet.File {
	f, err := parquet.Open(context.Background(), bytes.NewReader(b), int64(len(b)), parquet.Options{Name: "memory"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// drain reads all rows as lines.
func drain(r *parquet.Reader) ([]string, error) {
	var out []string
	for {
		rec, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, lines(rec)...)
		rec.Release()
	}
}

var codecs = []string{"zstd", "snappy", "gzip", "brotli", "lz4_raw", "none"}

// TestRoundTrip writes random nested records, in slices, with random sizes of
// pages and row groups, and reads them back in batches of another size and
// from any row on.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		rec := drawRecord(t, alloc)
		want := lines(rec)
		var file bytes.Buffer
		w, err := parquet.NewWriter(&file, rec.Schema(), parquet.WriterOptions{
			Compression:  rapid.SampledFrom(codecs).Draw(t, "codec"),
			RowGroupRows: rapid.Int64Range(1, 50).Draw(t, "group rows"),
			PageRows:     rapid.IntRange(1, 50).Draw(t, "page rows"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for from, rows := int64(0), rec.NumRows(); from < rows; {
			n := rapid.Int64Range(1, rows-from).Draw(t, "slice")
			part := rec.NewSlice(from, from+n)
			if err := w.Write(part); err != nil {
				t.Fatal(err)
			}
			part.Release()
			from += n
		}
		m, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if m.Rows != rec.NumRows() || m.Bytes != int64(file.Len()) {
			t.Fatalf("metrics say %d rows in %d bytes", m.Rows, m.Bytes)
		}
		f := open(t, file.Bytes())
		if !f.Schema().Equal(arrow.NewSchema(rec.Schema().Fields(), nil)) {
			t.Fatalf("schema is %v, was %v", f.Schema(), rec.Schema())
		}
		rec.Release()
		r, err := f.Reader(parquet.ReadOptions{Alloc: alloc, BatchRows: rapid.IntRange(1, 50).Draw(t, "batch"), Reads: 3})
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("read %q\nwrote %q", got, want)
		}
		seek(t, f, r, want)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if n := alloc.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes are still held", n)
		}
	})
}

// seek reads on from a random row.
func seek(t *rapid.T, f *parquet.File, r *parquet.Reader, want []string) {
	if len(want) == 0 {
		return
	}
	at := rapid.IntRange(0, len(want)-1).Draw(t, "seek")
	group, row := 0, int64(at)
	for row >= f.RowGroups()[group].Rows {
		row -= f.RowGroups()[group].Rows
		group++
	}
	if err := r.Seek(group, row); err != nil {
		t.Fatal(err)
	}
	got, err := drain(r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want[at:]) {
		t.Fatalf("from row %d read %q\nwrote %q", at, got, want[at:])
	}
}

var _ = expr.NewDoc
