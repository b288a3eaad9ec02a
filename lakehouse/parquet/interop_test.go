package parquet_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// TestPyArrowReads writes files of every type, codec and shape and compares
// the digests of what PyArrow reads from them with those of our reader.
func TestPyArrowReads(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	if err := exec.Command("python3", "-c", "import pyarrow, duckdb").Run(); err != nil {
		t.Skip("no python3 with pyarrow and duckdb")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	gen := rapid.Custom(func(t *rapid.T) arrow.RecordBatch { return drawRecord(t, memory.DefaultAllocator) })
	write := func(name, codec string, rec arrow.RecordBatch) {
		fh, err := os.Create(filepath.Join(root, "data", name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		w, err := parquet.NewWriter(fh, rec.Schema(), parquet.WriterOptions{Compression: codec, RowGroupRows: 30_000, PageRows: 7000})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := fh.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		write(string(rune('A'+i)), codecs[i%len(codecs)], gen.Example(i))
	}
	for i, codec := range codecs {
		write("large-"+codec, codec, large(int64(i)))
	}
	out, err := exec.Command("python3", filepath.Join("testdata", "digest.py"), root).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(got) != 60+len(codecs) {
		t.Fatalf("PyArrow read %d files:\n%s", len(got), out)
	}
	for _, line := range got {
		words := strings.Fields(line)
		_, sums, err := digests(context.Background(), filepath.Join(root, words[0]), parquet.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(sums, " "); strings.Join(words[3:], " ") != want {
			t.Errorf("%s: our reader has %s", line, want)
		}
	}
}

// large is enough rows for dictionaries to be given up: at once (few values
// repeat), and on the way (ever new ones come).
func large(seed int64) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "unique", Type: arrow.PrimitiveTypes.Int64},
		{Name: "growing", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "few", Type: arrow.PrimitiveTypes.Int32},
		{Name: "text", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "words", Type: arrow.BinaryTypes.StringView},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	x := uint64(seed) + 88172645463325252
	for i := range int64(100_000) {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b.Field(0).(*array.Int64Builder).Append(int64(x))
		if x%10 == 0 {
			b.Field(1).AppendNull()
			b.Field(3).AppendNull()
		} else {
			b.Field(1).(*array.Int64Builder).Append(int64(x>>20) % (i/8 + 1))
			b.Field(3).(*array.StringViewBuilder).Append(strings.Repeat(string(rune('a'+x%26)), int(x>>30)%40) + text(int64(x)))
		}
		b.Field(2).(*array.Int32Builder).Append(int32(i / 100))
		b.Field(4).(*array.StringViewBuilder).Append(text(int64(x>>40) % 300))
	}
	return b.NewRecordBatch()
}
