package parquet_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// TestStoredValues: values that SQL's types cannot hold are given whole to who
// asks for them as they are stored.
func TestStoredValues(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "at", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
		{
			Name: "u", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Nullable: true,
			Metadata: arrow.MetadataFrom(map[string]string{parquet.UUIDKey: "true"}),
		},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Time64Builder).Append(1_000_001)
	b.Field(1).(*array.FixedSizeBinaryBuilder).Append([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff"))
	rec := b.NewRecordBatch()
	defer rec.Release()
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for stored, want := range map[bool][2]string{
		false: {"00:00:01.000", "00010203-0405-0607-0809-0a0b0c0d0eff"},
		true:  {"00:00:01.000001", "AAECAwQFBgcICQoLDA0O/w=="},
	} {
		f, err := parquet.Open(t.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()), parquet.Options{Name: "x", Stored: stored})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := f.Reader(parquet.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rows.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at, u := got.Column(0).ValueStr(0), got.Column(1).ValueStr(0); at != want[0] || u != want[1] {
			t.Errorf("stored %v: %s and %s, want %s", stored, at, u, want)
		}
		got.Release()
		rows.Close()
	}
}
