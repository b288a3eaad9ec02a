package read

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector/mem"
)

// positionsFile writes a file of positions: those of a data file one after
// another, and of the data files in turns of so many.
func positionsFile(t *testing.T, files []string, each, turn int) string {
	t.Helper()
	id := func(n int) arrow.Metadata {
		return arrow.MetadataFrom(map[string]string{parquet.FieldIDKey: fmt.Sprint(n)})
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "file_path", Type: arrow.BinaryTypes.StringView, Metadata: id(DeletedPathID)},
		{Name: "pos", Type: arrow.PrimitiveTypes.Int64, Metadata: id(DeletedPosID)},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for first := 0; first < each; first += turn {
		for _, f := range files {
			for at := first; at < first+turn; at++ {
				b.Field(0).(*array.StringViewBuilder).Append(f)
				b.Field(1).(*array.Int64Builder).Append(int64(at))
			}
		}
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, schema, parquet.WriterOptions{RowGroupRows: 100})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "deletes.parquet")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPositionsOfSeveralFiles reads a delete file that speaks of several data
// files, in row groups whose memory is overwritten when they have been read.
func TestPositionsOfSeveralFiles(t *testing.T) {
	const each = 300
	var files []string
	for n := range 5 {
		files = append(files, fmt.Sprintf("file:///warehouse/table/data/bucket=%d/00000-%d-data.parquet", n, n))
	}
	want := make([]int64, each)
	for i := range want {
		want[i] = int64(i)
	}
	for name, turn := range map[string]int{"by file, then position": each, "in turns": 10} {
		t.Run(name, func(t *testing.T) {
			path := positionsFile(t, files, each, turn)
			alloc := memory.NewCheckedAllocator(mem.New(mem.Options{Poison: true}))
			defer alloc.AssertSize(t, 0)
			r := &Reader{ctx: t.Context(), files: iceio.LocalFS{}, mem: alloc}
			defer r.Close()
			for _, f := range append(slices.Clone(files), "file:///another.parquet") {
				got, err := r.positions(DeleteFile{Kind: ByPositions, File: path, Rows: int64(each * len(files))}, f)
				if err != nil {
					t.Fatal(err)
				}
				if f == "file:///another.parquet" {
					if len(got) > 0 {
						t.Errorf("%s: %d positions, want none", f, len(got))
					}
				} else if !slices.Equal(got, want) {
					t.Errorf("%s: %d positions, want 0 to %d", f, len(got), each-1)
				}
			}
		})
	}
}
