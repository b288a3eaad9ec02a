package iceberg_test

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
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
)

// TestCorpusMetadata opens the metadata files of other projects' tests: each
// gives columns, or an error that names the file.
func TestCorpusMetadata(t *testing.T) {
	env := catalog.Env{Stores: objstore.New(objstore.Options{})}
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
			got, err := iceberg.Connector(env).Resolve(t.Context(), job.Table{Options: map[string]string{"path": file, "allow-moved-paths": "true"}})
			wrong := slices.ContainsFunc([]string{"Missing", "NotFound", "NoValid", "Unsupported", "WithoutCurrentId", "WithoutDefaultId"},
				func(s string) bool { return strings.Contains(name, s) })
			switch {
			case err == nil && got.Schema.Schema == nil:
				t.Errorf("%s: no columns", name)
			case err == nil:
				// What has no data files gives no rows; others name a file that is not there.
				src, err := iceberg.Connector(env).Source(t.Context(), ops.Scan{Table: got})
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
