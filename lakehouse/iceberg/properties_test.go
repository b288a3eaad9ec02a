package iceberg_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// written writes rows into a table with properties, and returns its data files.
func written(t *testing.T, w *warehouse, options map[string]string, n int64) []ice.DataFile {
	t.Helper()
	s := newSink(t, w, eventTable(w, "events", options))
	commit(t, s, "a", 1, 0, n)
	wantIDs(t, w, "events", span(0, n))
	tasks, err := w.loadOther(t, "events").Scan().PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var files []ice.DataFile
	for _, task := range tasks {
		files = append(files, task.File)
	}
	return files
}

// footer reads a Parquet file with arrow-go.
func footer(t *testing.T, f ice.DataFile, see func(*metadata.FileMetaData, *file.Reader)) {
	t.Helper()
	r, err := file.OpenParquetFile(strings.TrimPrefix(f.FilePath(), "file://"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	see(r.MetaData(), r)
}

func TestPropertiesOfFiles(t *testing.T) {
	codec := func(t *testing.T, f ice.DataFile) (codec string, groups int) {
		footer(t, f, func(m *metadata.FileMetaData, r *file.Reader) {
			c, err := m.RowGroup(0).ColumnChunk(0)
			if err != nil {
				t.Fatal(err)
			}
			codec, groups = c.Compression().String(), r.NumRowGroups()
		})
		return codec, groups
	}
	size := func(o map[string]string) int64 {
		return written(t, newWarehouse(t, "jdbc"), o, 5000)[0].FileSizeBytes()
	}
	files := written(t, newWarehouse(t, "jdbc"), map[string]string{"write.parquet.compression-codec": "gzip", "write.parquet.row-group-limit": "100"}, 300)
	if c, groups := codec(t, files[0]); c != "GZIP" || groups != 3 {
		t.Errorf("%s, %d row groups", c, groups)
	}
	files = written(t, newWarehouse(t, "jdbc"), map[string]string{"compression-codec": "snappy", "write.parquet.row-group-size-bytes": "2000"}, 5000)
	if c, groups := codec(t, files[0]); c != "SNAPPY" || groups < 3 {
		t.Errorf("%s, %d row groups", c, groups)
	}
	if fast, slow := size(map[string]string{"write.parquet.compression-level": "1"}), size(map[string]string{"compression-level": "19"}); slow >= fast {
		t.Errorf("level 19 gives %d bytes, level 1 %d", slow, fast)
	}
	if few, many := size(nil), size(map[string]string{"write.parquet.page-size-bytes": "1000"}); many <= few {
		t.Errorf("small pages give %d bytes, large ones %d", many, few)
	}
	if n := len(written(t, newWarehouse(t, "jdbc"), map[string]string{"target-file-size-bytes": "1000"}, 500)); n < 2 {
		t.Errorf("%d files", n)
	}
}

// TestHintsWin: options of a sink win over the properties of its table.
func TestHintsWin(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	newSink(t, w, eventTable(w, "events", map[string]string{"write.parquet.compression-codec": "gzip"}))
	files := written(t, w, map[string]string{"write.parquet.compression-codec": "uncompressed"}, 10)
	footer(t, files[0], func(m *metadata.FileMetaData, _ *file.Reader) {
		if c, err := m.RowGroup(0).ColumnChunk(0); err != nil || c.Compression().String() != "UNCOMPRESSED" {
			t.Error(c.Compression(), err)
		}
	})
	if got := w.loadOther(t, "events").Properties()["write.parquet.compression-codec"]; got != "gzip" {
		t.Error(got)
	}
}

func TestPropertiesOfMetrics(t *testing.T) {
	for mode, want := range map[string]string{
		"none":        "nothing",
		"counts":      "100 15",
		"truncate(3)": "100 15 eve evf",
		"":            "100 15 event number 1 event number 99",
		"full":        "100 15 event number 1 event number 99",
	} {
		o := map[string]string{"write.metadata.metrics.column.id": "none"}
		if mode != "" {
			o["write.metadata.metrics.default"] = mode
		}
		f := written(t, newWarehouse(t, "jdbc"), o, 100)[0]
		got := "nothing"
		if n, ok := f.ValueCounts()[2]; ok {
			got = fmt.Sprint(n, f.NullValueCounts()[2])
			if b := f.LowerBoundValues()[2]; b != nil {
				got += fmt.Sprintf(" %s %s", b, f.UpperBoundValues()[2])
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", mode, got, want)
		}
		if _, ok := f.ValueCounts()[1]; ok {
			t.Errorf("%s: a column without metrics has some", mode)
		}
	}
}

func TestPropertiesOfPlaces(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	other := t.TempDir()
	for _, f := range written(t, w, map[string]string{"write.data.path": "file://" + other + "/here"}, 10) {
		if !strings.HasPrefix(f.FilePath(), "file://"+other+"/here/") {
			t.Error(f.FilePath())
		}
	}
	meta := t.TempDir()
	w = newWarehouse(t, "jdbc")
	written(t, w, map[string]string{"write.metadata.path": "file://" + meta + "/there"}, 10)
	if tbl := w.loadOther(t, "events"); !strings.HasPrefix(tbl.MetadataLocation(), "file://"+meta+"/there/") ||
		!strings.HasPrefix(tbl.CurrentSnapshot().ManifestList, "file://"+meta+"/there/") {
		t.Errorf("%s, %s", tbl.MetadataLocation(), tbl.CurrentSnapshot().ManifestList)
	}
	const hash = `[01]{4}/[01]{4}/[01]{4}/[01]{8}`
	for _, c := range []struct{ partitioning, inPath, want string }{
		{"", "true", hash + `/[^/]+\.parquet`},
		{"bucket(2, id)", "true", hash + `/id_bucket=[01]/[^/]+\.parquet`},
		{"bucket(2, id)", "false", hash + `-[^/]+\.parquet`},
	} {
		files := written(t, newWarehouse(t, "jdbc"), map[string]string{
			"write.object-storage.enabled": "true", "write.object-storage.partitioned-paths": c.inPath, "partitioning": c.partitioning,
		}, 10)
		for _, f := range files {
			if _, name, _ := strings.Cut(f.FilePath(), "/data/"); !regexp.MustCompile("^" + c.want + "$").MatchString(name) {
				t.Errorf("%s, want %s", name, c.want)
			}
		}
	}
}

func TestPropertiesOfMetadata(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", map[string]string{
		"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "2",
	}))
	for e := range int64(6) {
		c := committer(t, s, "a")
		if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*10, e*10+10)}, true); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	wantIDs(t, w, "events", span(0, 60))
	dir := strings.TrimPrefix(w.loadOther(t, "events").Location(), "file://") + "/metadata"
	files, err := filepath.Glob(dir + "/*.metadata.json")
	if err != nil || len(files) != 3 {
		all, _ := os.ReadDir(dir)
		t.Errorf("%d metadata files of %d, %v", len(files), len(all), err)
	}
}

func TestPropertiesAreRefused(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	for key, c := range map[string]struct{ value, want string }{
		"write.format.default": {"orc", "only Parquet"},
		"write-format":         {"avro", "only Parquet"},
		"write.parquet.bloom-filter-enabled.column.name": {"true", "bloom"},
		"write.location-provider.impl":                   {"a.B", "Java class"},
		"write.distribution-mode":                        {"random", "none, hash or range"},
		"distribution-mode":                              {"random", "none, hash or range"},
		"write.parquet.compression-codec":                {"lzo", "lzo"},
		"write.parquet.compression-level":                {"99", "1 to 22"},
		"write.parquet.page-size-bytes":                  {"much", "positive number"},
		"write.target-file-size-bytes":                   {"-1", "positive number"},
		"write.metadata.metrics.default":                 {"some", "truncate(n)"},
		"write.metadata.metrics.column.name":             {"truncate(0)", "truncate(n)"},
	} {
		_, err := iceberg.Connector(w.env).Sink(t.Context(), eventTable(w, "refused"+strings.ReplaceAll(key, ".", "_"), map[string]string{key: c.value}))
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", key, err, c.want)
		}
	}
}
