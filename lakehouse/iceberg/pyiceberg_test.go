package iceberg_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
)

// evolved are the tables of testdata/evolve.py.
func evolved(t *testing.T) *warehouse {
	t.Helper()
	if exec.Command("python3", "-c", "import pyiceberg.catalog.sql, pyarrow").Run() != nil {
		t.Skip("no python3 with pyiceberg, which writes the tables")
	}
	w := newWarehouse(t, "jdbc")
	if out, err := exec.Command("python3", filepath.Join("testdata", "evolve.py"), w.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return w
}

func (w *warehouse) scan(t *testing.T, name string, columns ...string) ops.Scan {
	t.Helper()
	tbl, err := w.open(t).Table(t.Context(), "default", name)
	if err != nil {
		t.Fatal(err)
	}
	s := ops.Scan{Table: tbl}
	for _, c := range columns {
		s.Columns = append(s.Columns, strings.Split(c, "."))
	}
	return s
}

func TestSourceReadsFilesOfOlderSchemas(t *testing.T) {
	w := evolved(t)
	con := iceberg.Connector(w.env)
	for _, c := range []struct {
		table   string
		columns []string
		want    []string
	}{
		{"evolved", nil, []string{
			`one 1 1.5 1.25 {"w":null,"x":10,"z":"ten"} [{"a":1,"b":null},null] [{"key":"k","value":{"v":0.5}}] (null) (null)`,
			`(null) 2 (null) (null) (null) [] [] (null) (null)`, // so PyIceberg wrote it
		}},
		{"evolved", []string{"extra", "s.w", "s.z", "id"}, []string{"(null) (null) ten 1", "(null) (null) (null) 2"}},
		{"evolved2", []string{"id", "label", "s"}, []string{
			`1 one {"w":null,"x":10,"y":"ten"}`,
			`1099511627776 two {"w":null,"x":20,"y":"twenty"}`,
		}},
		{"mapped", nil, []string{`7 seven {"deep":1}`, `8 eight (null)`}},
		{"mapped", []string{"in.deep", "words"}, []string{`1 seven`, `(null) eight`}},
		{"parts", []string{"land", "n"}, []string{"(null) 5", "de 1", "de 3", "es 0", "es 0", "es 1", "es 1", "fr 2", "it 4"}},
	} {
		got := drain(t, con, w.scan(t, c.table, c.columns...), -1)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %v: -want +got:\n%s", c.table, c.columns, diff)
		}
	}
}

// editMetadata changes the newest metadata of a table of a hadoop catalog.
func (w *warehouse) editMetadata(t *testing.T, name string, edit func(m map[string]any)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "wh", "default", name, "metadata", "*.metadata.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no metadata: %v", err)
	}
	newest := slices.MaxFunc(files, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	b, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	edit(m)
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(newest, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSourceReadsInitialDefaults(t *testing.T) {
	w := newWarehouse(t, "hadoop")
	tbl := eventTable(w, "events", map[string]string{"format-version": "3"})
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 1, 3)}, true); err != nil {
		t.Fatal(err)
	}
	c.Close()
	added := []string{}
	w.editMetadata(t, "events", func(m map[string]any) {
		schema := m["schemas"].([]any)[0].(map[string]any)
		fields := schema["fields"].([]any)
		for i, f := range [][2]any{
			{"string", "text"},
			{"long", 42},
			{"double", 2.5},
			{"boolean", true},
			{"date", "2020-02-03"},
			{"timestamp", "2020-02-03T04:05:06.000007"},
			{"timestamptz", "2020-02-03T04:05:06.000007+00:00"},
			{"time", "01:02:03.004000"},
			{"decimal(9, 2)", "14.20"},
			{"binary", "0102"},
			{"uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7"},
			{"float", nil},
		} {
			name := f[0].(string) + "_column"
			added = append(added, name)
			fields = append(fields, map[string]any{"id": 100 + i, "name": name, "required": false, "type": f[0], "initial-default": f[1]})
		}
		schema["fields"] = fields
		m["last-column-id"] = 120
	})
	scan := w.scan(t, "events")
	for _, name := range append(added, "id") {
		scan.Columns = append(scan.Columns, []string{name})
	}
	want := "text 42 2.5 true 2020-02-03 2020-02-03T04:05:06.000007 2020-02-03T04:05:06.000007Z 01:02:03.004 14.2 AQI= 95w+CWd8S72keT80nLeF5w== (null) "
	if diff := cmp.Diff([]string{want + "1", want + "2"}, drain(t, iceberg.Connector(w.env), scan, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
