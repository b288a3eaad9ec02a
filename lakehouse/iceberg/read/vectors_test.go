package read

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
)

// TestCorpusVectors reads deletion vectors that Java wrote.
func TestCorpusVectors(t *testing.T) {
	dir := corpora.Path(t, "iceberg_go_testdata", "table", "dv", "testdata", "deletes")
	r := &Reader{ctx: t.Context(), files: iceio.LocalFS{}}
	for name, want := range map[string][]int64{
		"empty-position-index.bin":                    {},
		"small-alternating-values-position-index.bin": {1, 3, 5, 7, 9},
		"small-and-large-values-position-index.bin":   {100, 101, 2147483747, 2147483748},
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f := DeleteFile{Kind: ByBitmap, File: filepath.Join(dir, name), Size: info.Size(), Rows: int64(len(want))}
		got, err := r.vector(f)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
		f.Rows++
		if _, err := r.vector(f); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s with another number of rows: %v", name, err)
		}
	}
}
