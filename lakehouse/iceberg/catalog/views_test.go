package catalog_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// TestCompressedViews reads a view whose metadata file is compressed, as Java
// writes it where write.metadata.compression-codec says so.
func TestCompressedViews(t *testing.T) {
	dir := t.TempDir()
	options := map[string]string{"catalog-type": "jdbc", "warehouse": "file://" + dir + "/wh", "uri": "jdbc:sqlite:" + dir + "/cat.db"}
	c, err := catalog.Open(t.Context(), "cat", options, catalog.Env{Stores: objstore.New(objstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.CreateDatabase(t.Context(), "sales", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateView(t.Context(), "sales", "v", catalog.View{SQL: "SELECT 1", Schema: eventSchema}); err != nil {
		t.Fatal(err)
	}
	var file string
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".metadata.json") {
			file = path
		}
		return err
	})
	if err != nil || file == "" {
		t.Fatalf("no metadata file: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := c.View(t.Context(), "sales", "v")
	if err != nil || got.SQL != "SELECT 1" || got.Schema.NumFields() != len(eventSchema.Fields()) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.WriteFile(file, packed.Bytes()[:packed.Len()/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.View(t.Context(), "sales", "v"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), filepath.Base(file)) {
		t.Errorf("a file that is cut off: %v", err)
	}
}
