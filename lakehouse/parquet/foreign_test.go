package parquet_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// foreign is a record of plain Arrow types with nulls, runs and long strings.
func foreign(rows int) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "i32", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "i64", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "f32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		{Name: "f64", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "x", Type: &arrow.FixedSizeBinaryType{ByteWidth: 5}, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	x := uint64(88172645463325252)
	for i := range rows {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		for k := range schema.NumFields() {
			if (x>>k)%7 == 0 && i > rows/3 {
				b.Field(k).AppendNull()
				continue
			}
			v := int64(x>>8) >> (uint(i) % 60)
			switch b := b.Field(k).(type) {
			case *array.Int32Builder:
				b.Append(int32(v))
			case *array.Int64Builder:
				b.Append(v)
			case *array.Float32Builder:
				b.Append(float32(v))
			case *array.Float64Builder:
				b.Append(float64(v))
			case *array.BooleanBuilder:
				b.Append(i%100 < 50 || x%3 == 0)
			case *array.StringBuilder:
				b.Append(fmt.Sprintf("prefix of many bytes %6d", v%1000)[:x%27])
			case *array.FixedSizeBinaryBuilder:
				b.Append(fmt.Appendf(nil, "%05d", uint16(v)))
			case *array.ListBuilder:
				b.Append(true)
				for n := range x % 4 {
					b.ValueBuilder().(*array.Int64Builder).Append(v + int64(n))
				}
			}
		}
	}
	return b.NewRecordBatch()
}

// plainLines renders a record of plain Arrow types.
func plainLines(rec arrow.RecordBatch) []string {
	out := make([]string, rec.NumRows())
	var buf bytes.Buffer
	for i := range out {
		buf.Reset()
		for _, c := range rec.Columns() {
			switch c := c.(type) {
			case *array.String:
				renderBytesOrNull(&buf, c, i, func() []byte { return []byte(c.Value(i)) })
			case *array.FixedSizeBinary:
				renderBytesOrNull(&buf, c, i, func() []byte { return c.Value(i) })
			default:
				render(&buf, c, i)
			}
			buf.WriteByte(' ')
		}
		out[i] = buf.String()
	}
	return out
}

func renderBytesOrNull(w *bytes.Buffer, a arrow.Array, i int, value func() []byte) {
	if a.IsNull(i) {
		w.WriteString("null")
		return
	}
	renderBytes(w, value())
}

// TestForeignEncodings reads what arrow-go writes in each encoding, page
// version and codec.
func TestForeignEncodings(t *testing.T) {
	rec := foreign(5000)
	defer rec.Release()
	want := plainLines(rec)
	for _, version := range []pq.DataPageVersion{pq.DataPageV1, pq.DataPageV2} {
		for _, codec := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Zstd, compress.Codecs.Snappy} {
			for name, enc := range map[string]map[string]pq.Encoding{
				"dictionary": nil,
				"plain":      {"": pq.Encodings.Plain},
				"delta": {
					"i32": pq.Encodings.DeltaBinaryPacked, "i64": pq.Encodings.DeltaBinaryPacked,
					"s": pq.Encodings.DeltaByteArray, "b": pq.Encodings.RLE,
					"l.list.element": pq.Encodings.DeltaBinaryPacked,
				},
				"split": {
					"i32": pq.Encodings.ByteStreamSplit, "i64": pq.Encodings.ByteStreamSplit, "f32": pq.Encodings.ByteStreamSplit,
					"f64": pq.Encodings.ByteStreamSplit, "x": pq.Encodings.ByteStreamSplit, "s": pq.Encodings.DeltaLengthByteArray,
				},
			} {
				t.Run(fmt.Sprintf("v%d/%v/%s", version+1, codec, name), func(t *testing.T) {
					props := []pq.WriterProperty{
						pq.WithDataPageVersion(version), pq.WithCompression(codec), pq.WithDictionaryDefault(enc == nil),
						pq.WithDataPageSize(4 << 10), pq.WithBatchSize(300), pq.WithMaxRowGroupLength(2000),
					}
					for path, e := range enc {
						if path != "" {
							props = append(props, pq.WithEncodingFor(path, e))
						}
					}
					var file bytes.Buffer
					w, err := pqarrow.NewFileWriter(rec.Schema(), &file, pq.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
					if err != nil {
						t.Fatal(err)
					}
					if err := w.Write(rec); err != nil {
						t.Fatal(err)
					}
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
					defer alloc.AssertSize(t, 0)
					r, err := open(t, file.Bytes()).Reader(parquet.ReadOptions{Alloc: alloc, BatchRows: 777})
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					got, err := drain(r)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, want) {
						t.Error("rows differ")
					}
					if err := r.Seek(1, 1234); err != nil {
						t.Fatal(err)
					}
					if got, err = drain(r); err != nil || !slices.Equal(got, want[3234:]) {
						t.Errorf("rows from 3234 on differ, %v", err)
					}
				})
			}
		}
	}
}
