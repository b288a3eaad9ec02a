package iceberg

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// TestCorpusMetadata opens the metadata files of other projects' tests: each
// gives columns, or an error that names the file.
func TestCorpusMetadata(t *testing.T) {
	env := Env{Stores: objstore.New(objstore.Options{})}
	seen := 0
	for _, dir := range []string{
		corpora.Path(t, "iceberg_go_testdata", "table", "testdata"),
		corpora.Path(t, "iceberg_rust_testdata", "crates", "iceberg", "testdata", "table_metadata"),
		corpora.Path(t, "iceberg_rust_testdata", "crates", "iceberg", "testdata"),
	} {
		files, err := filepath.Glob(filepath.Join(dir, "*etadata*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := filepath.Base(file)
			if strings.Contains(name, "{{") || strings.HasPrefix(name, "avro_") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "{{") {
				continue // a template of a test
			}
			seen++
			got, err := resolve(t.Context(), job.Table{Options: map[string]string{optPath: file, optMoved: "true"}}, env)
			wrong := slices.ContainsFunc([]string{"Missing", "NotFound", "NoValid", "Unsupported", "WithoutCurrentId", "WithoutDefaultId"},
				func(s string) bool { return strings.Contains(name, s) })
			switch {
			case err == nil && got.Schema.Schema == nil:
				t.Errorf("%s: no columns", name)
			case err == nil:
				// What has no data files gives no rows; others name a file that is not there.
				src, err := newSource(t.Context(), ops.Scan{Table: got}, env)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				en, err := src.Enumerator(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := en.Discover(t.Context()); err != nil && !errors.Is(err, job.ErrInvalid) && !errors.Is(err, job.ErrUnavailable) {
					t.Errorf("%s: %v has no class", name, err)
				}
			case !wrong:
				t.Errorf("%s: %v", name, err)
			case !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), name):
				t.Errorf("%s: error %v does not name it, or is not of what is invalid", name, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d metadata files, want more", seen)
	}
}

// TestCorpusVectors reads deletion vectors that Java wrote.
func TestCorpusVectors(t *testing.T) {
	dir := corpora.Path(t, "iceberg_go_testdata", "table", "dv", "testdata", "deletes")
	stores := objstore.New(objstore.Options{})
	root, err := stores.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{ctx: t.Context(), files: &fileIO{ctx: t.Context(), stores: stores, root: root}}
	for name, want := range map[string][]int64{
		"empty-position-index.bin":                    {},
		"small-alternating-values-position-index.bin": {1, 3, 5, 7, 9},
		"small-and-large-values-position-index.bin":   {100, 101, 2147483747, 2147483748},
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f := deleteFile{Kind: byBitmap, File: "file://" + filepath.Join(dir, name), Size: info.Size(), Rows: int64(len(want))}
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
