package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// TestMetrics checks what Close tells about columns over several row groups.
func TestMetrics(t *testing.T) {
	id := func(n string) arrow.Metadata { return arrow.NewMetadata([]string{parquet.FieldIDKey}, []string{n}) }
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true, Metadata: id("7")},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "none", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range int64(10) {
		if i%5 == 0 { // all of the first row group's values of n but one
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.Int64Builder).Append(i - 5)
		}
		b.Field(1).(*array.Float64Builder).Append([]float64{math.NaN(), 0, 2.5}[i%3])
		b.Field(2).(*array.StringViewBuilder).Append(strings.Repeat("z", int(i)*10))
		b.Field(3).AppendNull()
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{RowGroupRows: 3, PageRows: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	m, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if m.Rows != 10 || len(m.Offsets) != 4 || m.Offsets[0] != 4 {
		t.Errorf("got %d rows, offsets %v", m.Rows, m.Offsets)
	}
	word := func(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
	n, f, s, none := m.Columns[0], m.Columns[1], m.Columns[2], m.Columns[3]
	if n.FieldID != 7 || n.Values != 10 || n.Nulls != 2 || int64(word(n.Min)) != -4 || int64(word(n.Max)) != 4 {
		t.Errorf("n: %+v", n)
	}
	zero, top := math.Float64frombits(word(f.Min)), math.Float64frombits(word(f.Max))
	if f.NaNs != 4 || zero != 0 || !math.Signbit(zero) || top != 2.5 {
		t.Errorf("f: %+v", f)
	}
	if len(s.Min) != 0 || s.Min == nil || string(s.Max) != strings.Repeat("z", 63)+"{" {
		t.Errorf("s: %+v", s)
	}
	if none.Nulls != 10 || none.Min != nil || none.Max != nil {
		t.Errorf("none: %+v", none)
	}
}

// full is a disk without room behind its first bytes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		return 0, errFull
	}
	f.left -= len(b)
	return len(b), nil
}

func TestWriterRefuses(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).AppendNull()
	null := b.NewRecordBatch()
	w, err := parquet.NewWriter(io.Discard, schema, parquet.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(null); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "NOT NULL") {
		t.Errorf("NULL in a NOT NULL column: %v", err)
	}
	other := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int32}}, nil)
	if w, err = parquet.NewWriter(io.Discard, other, parquet.WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(null); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("another type: %v", err)
	}
	if _, err := parquet.NewWriter(io.Discard, schema, parquet.WriterOptions{Compression: "lzo"}); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("a codec that cannot be written: %v", err)
	}
	if _, err := parquet.NewWriter(io.Discard, arrow.NewSchema(nil, nil), parquet.WriterOptions{}); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("no columns: %v", err)
	}
	if w, err = parquet.NewWriter(&full{left: 100}, schema, parquet.WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	b.Field(0).(*array.Int64Builder).Append(1)
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}
