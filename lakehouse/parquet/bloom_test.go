package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector/expr"
)

// rowsWhere counts the rows of a file that are read for column = value.
func rowsWhere(t *testing.T, file, column string, value any) (rows int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(t.Context(), bytes.NewReader(b), int64(len(b)), parquet.Options{Name: file})
	if err != nil {
		t.Fatal(err)
	}
	field, ok := f.Schema().FieldsByName(column)
	if !ok {
		t.Fatalf("no column %s in %v", column, f.Schema())
	}
	of := field[0].Type
	r, err := f.Reader(parquet.ReadOptions{
		Columns: [][]string{{column}},
		Filter: &expr.Call{Func: "eq", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{
			&expr.Column{Name: column, Of: of}, &expr.Literal{Value: value, Of: of},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += rec.NumRows()
		rec.Release()
	}
}

func TestBloomOfCorpus(t *testing.T) {
	for _, name := range []string{"data_index_bloom_encoding_stats.parquet", "data_index_bloom_encoding_with_length.parquet"} {
		file := corpora.Path(t, "parquet_testing", "data", name)
		for value, there := range map[string]bool{"Hello": true, "test": true, "the quick": true, "Hellp": false, "b": false, "This": false} {
			if got := rowsWhere(t, file, "String", value); (got > 0) != there {
				t.Errorf("%s: %q: %d rows, want some: %v", name, value, got, there)
			}
		}
	}
}

// TestBloomOfDuckDB: values within the bounds of a chunk that are not in it.
func TestBloomOfDuckDB(t *testing.T) {
	if exec.Command("python3", "-c", "import duckdb").Run() != nil {
		t.Skip("no python3 with duckdb, which writes the file")
	}
	file := filepath.Join(t.TempDir(), "bloom.parquet")
	script := fmt.Sprintf(`import duckdb
duckdb.sql("copy (select 'k'||(i%%1000*2) as s, (i%%1000*3)::int as n, (i%%1000*3)::bigint as m, (i%%1000*3)::smallint as h, date '2020-01-01'+(i%%1000*2)::int as d "
  "from range(100000) r(i)) to '%s' (format parquet, row_group_size 100000)")`, file)
	if out, err := exec.Command("python3", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		column string
		there  any
		absent any
	}{
		{"s", "k1998", "k1997"},
		{"n", int64(2997), int64(2995)},
		{"m", int64(2997), int64(2995)},
		{"h", int64(2997), int64(2995)},
		{"d", int64(18262 + 1998), int64(18262 + 1997)},
	} {
		if got := rowsWhere(t, file, c.column, c.there); got == 0 {
			t.Errorf("%s = %v: no rows", c.column, c.there)
		}
		if got := rowsWhere(t, file, c.column, c.absent); got != 0 {
			t.Errorf("%s = %v: %d rows are read", c.column, c.absent, got)
		}
	}
}
