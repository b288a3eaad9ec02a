package read

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/puffin"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
)

// TestCorpusPuffin reads each blob of other projects' Puffin files as a manifest
// would name it: deletion vectors have the positions that the file counts, and
// what is none is an error with a class.
func TestCorpusPuffin(t *testing.T) {
	vectors, others := 0, 0
	for _, dir := range []string{
		corpora.Path(t, "iceberg_go_testdata", "table", "dv", "testdata", "deletes"),
		corpora.Path(t, "iceberg_go_testdata", "puffin", "testdata"),
		corpora.Path(t, "iceberg_rust_testdata", "crates", "iceberg", "testdata", "puffin", "java-generated"),
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			in, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			p, err := puffin.NewReader(in)
			if err != nil {
				continue // the bytes of a vector alone, of which another test is
			}
			r := &Reader{ctx: t.Context(), files: iceio.LocalFS{}}
			for i, b := range p.Blobs() {
				f := DeleteFile{Kind: ByBitmap, File: path, Offset: b.Offset, Size: b.Length, Rows: 1}
				if b.Type != puffin.BlobTypeDeletionVector {
					if got, err := r.vector(f); !errors.Is(err, job.ErrInvalid) {
						t.Errorf("%s, blob %d of type %s: %v, %v", filepath.Base(path), i, b.Type, got, err)
					}
					others++
					continue
				}
				if f.Rows, err = strconv.ParseInt(b.Properties["cardinality"], 10, 64); err != nil {
					t.Fatal(err)
				}
				got, err := r.vector(f)
				if err != nil || int64(len(got)) != f.Rows {
					t.Errorf("%s, blob %d: %v, %v, want %d positions", filepath.Base(path), i, got, err, f.Rows)
				}
				vectors++
				f.Offset++
				if _, err := r.vector(f); !errors.Is(err, job.ErrInvalid) {
					t.Errorf("%s, blob %d a byte further: %v", filepath.Base(path), i, err)
				}
			}
		}
	}
	if vectors < 4 || others < 8 {
		t.Errorf("%d vectors, %d other blobs, want more", vectors, others)
	}
}
