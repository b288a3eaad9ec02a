package iceberg_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/internal/avro/container"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// avroData adds a file of this content, with rows in JSON and a schema of Avro, to
// a table. keys are the ids of the columns by which rows are deleted.
func avroData(t *testing.T, w *warehouse, name string, content ice.ManifestEntryContent, schema, rows string, keys ...int) {
	t.Helper()
	columns, err := avro.Infer(schema)
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, columns, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var file bytes.Buffer
	out, err := container.NewWriter(&file, schema, "deflate")
	if err != nil {
		t.Fatal(err)
	}
	e, err := avro.NewEncoder(schema, columns)
	if err != nil {
		t.Fatal(err)
	}
	e.Fill(rec.Columns())
	var block []byte
	const perBlock = 1000
	n := int(rec.NumRows())
	for row, count := 0, int64(0); row < n; row++ {
		if block, err = e.Append(block, row, stream.Insert); err != nil {
			t.Fatal(err)
		}
		if count++; count == perBlock || row == n-1 {
			if err := out.Write(count, block); err != nil {
				t.Fatal(err)
			}
			block, count = block[:0], 0
		}
	}
	e.Drop()
	path := filepath.Join(w.dir, fmt.Sprintf("%d-%d.avro", content, file.Len()))
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.addFile(t, name, content, path, ice.AvroFile, rec.NumRows(), keys...)
}

// addFile adds a file to a table.
func (w *warehouse) addFile(t *testing.T, name string, content ice.ManifestEntryContent, path string, format ice.FileFormat, rows int64, keys ...int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	tbl := w.loadOther(t, name)
	b, err := ice.NewDataFileBuilder(tbl.Spec(), content, "file://"+path, format, nil, nil, nil, rows, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) > 0 {
		b.EqualityFieldIDs(keys)
	}
	w.change(t, name, func(tx *table.Transaction) error {
		delta := tx.NewRowDelta(nil)
		if content == ice.EntryContentData {
			delta.AddRows(b.Build())
		} else {
			delta.AddDeletes(b.Build())
		}
		return delta.Commit(t.Context())
	})
}

// TestAvroFiles: files of Avro are read by the ids of their fields, or by the names
// of their columns when they have none, and deletes apply to them that are of Avro
// themselves.
func TestAvroFiles(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	tbl := eventTable(w, "events", nil)
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 0, 10)}, true); err != nil {
		t.Fatal(err)
	}
	fields := w.loadOther(t, "events").Schema()
	id, name := fieldID(t, fields, "id"), fieldID(t, fields, "name")
	lines := func(key, text string, from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `{%q: %d, %q: "n%d"}`+"\n", key, i, text, i)
		}
		return "[" + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", ",") + "]"
	}
	avroData(t, w, "events", ice.EntryContentData, fmt.Sprintf(`{"type": "record", "name": "r", "fields": [
		{"name": "other", "type": ["null", "string"], "field-id": %d}, {"name": "was", "type": "long", "field-id": %d}]}`, name, id), lines("was", "other", 10, 20010))
	avroData(t, w, "events", ice.EntryContentData, `{"type": "record", "name": "r", "fields": [{"name": "id", "type": "int"}, {"name": "name", "type": "string"}]}`,
		lines("id", "name", 20010, 20020))
	paths, err := filepath.Glob(filepath.Join(w.dir, "0-*.avro"))
	if err != nil {
		t.Fatal(err)
	}
	var positions []string
	for _, at := range []int{0, 999, 1000, 19999} {
		positions = append(positions, fmt.Sprintf(`{"file_path": "file://%s", "pos": %d}`, largest(t, paths), at))
	}
	avroData(t, w, "events", ice.EntryContentPosDeletes, `{"type": "record", "name": "d", "fields": [
		{"name": "file_path", "type": "string", "field-id": 2147483546}, {"name": "pos", "type": "long", "field-id": 2147483545}]}`, "["+strings.Join(positions, ",")+"]")
	avroData(t, w, "events", ice.EntryContentEqDeletes, fmt.Sprintf(`{"type": "record", "name": "d", "fields": [{"name": "id", "type": "long", "field-id": %d}]}`, id),
		`[{"id": 5}, {"id": 5000}, {"id": 20015}]`, id)
	gone := []int64{5, 10, 1009, 1010, 5000, 20009, 20015}
	var want []string
	for i := range int64(20020) {
		if !slices.Contains(gone, i) {
			want = append(want, fmt.Sprint(i))
		}
	}
	con := iceberg.Connector(w.env)
	check := func(crash int) {
		t.Helper()
		var got []string
		for _, n := range idsOf(t, drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{{"id"}}}, crash)) {
			got = append(got, fmt.Sprint(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("crash %d: %d rows, want %d", crash, len(got), len(want))
		}
	}
	check(-1)
	check(1)
	for _, row := range drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{{"name"}, {"id"}}}, -1) {
		var n int
		if _, err := fmt.Sscanf(row, "n%d %d", new(int), &n); n >= 10 && (err != nil || row != fmt.Sprintf("n%d %d", n, n)) {
			t.Fatalf("row %s, %v", row, err)
		}
	}
	done, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "events", maintain.Rewrite{All: true})
	if err != nil || done.Added != 1 {
		t.Errorf("rewritten to %d files: %v", done.Added, err)
	}
	if got := w.ids(t, "events"); len(got) != len(want) {
		t.Errorf("another reader finds %d rows in files that are rewritten, want %d", len(got), len(want))
	}
	check(-1)
}

func fieldID(t *testing.T, s *ice.Schema, name string) int {
	t.Helper()
	f, ok := s.FindFieldByName(name)
	if !ok {
		t.Fatalf("no column %s", name)
	}
	return f.ID
}

func largest(t *testing.T, paths []string) (path string) {
	t.Helper()
	size := int64(0)
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > size {
			path, size = p, info.Size()
		}
	}
	return path
}

// TestAvroRows: a file that has not as many rows as the table says is refused.
func TestAvroRows(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	tbl := eventTable(w, "events", nil)
	newSink(t, w, tbl)
	var file bytes.Buffer
	out, err := container.NewWriter(&file, `{"type": "record", "name": "r", "fields": [{"name": "id", "type": "long"}]}`, "null")
	if err == nil {
		err = out.Write(2, []byte{2, 4})
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "rows.avro")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.addFile(t, "events", ice.EntryContentData, path, ice.AvroFile, 3)
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	_, err = sqltest.Shown(t, env, "SELECT COUNT(id) FROM read_iceberg('"+w.loadOther(t, "events").MetadataLocation()+"')")
	if err == nil || !strings.Contains(err.Error(), "the file has 2 rows, and the table says 3") {
		t.Errorf("a file of 2 rows that is said to have 3: %v", err)
	}
}

// TestOtherFiles: a file of another format is refused by name.
func TestOtherFiles(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	tbl := eventTable(w, "events", nil)
	newSink(t, w, tbl)
	path := filepath.Join(w.dir, "rows.orc")
	if err := os.WriteFile(path, []byte("ORC"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.addFile(t, "events", ice.EntryContentData, path, ice.OrcFile, 1)
	src, err := iceberg.Connector(w.env).Source(t.Context(), ops.Scan{Table: tbl})
	if err == nil {
		var en ops.SplitEnumerator
		if en, err = src.Enumerator(t.Context(), nil); err == nil {
			_, err = en.Discover(t.Context())
		}
	}
	if err == nil || !strings.Contains(err.Error(), "rows.orc: invalid request: it is of format ORC, and Parquet and Avro can be read") {
		t.Errorf("a file of ORC: %v", err)
	}
}
