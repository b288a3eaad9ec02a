package wadi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestPartitionsAreRead: the columns of a PARTITIONED BY stand in the names of
// directories, and are read from there, in every format.
func TestPartitionsAreRead(t *testing.T) {
	for _, format := range []string{"json", "csv", "parquet"} {
		for _, mode := range []string{"batch", "streaming"} {
			t.Run(format+" "+mode, func(t *testing.T) {
				env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: map[string]string{"execution.runtime-mode": mode}})
				if err != nil {
					t.Fatal(err)
				}
				defer env.Close()
				sqltest.Run(t, env, `
					CREATE TABLE p (id INT, d DATE, name STRING, k STRING, n INT) PARTITIONED BY (d, k, n)
					WITH ('connector' = 'filesystem', 'format' = '`+format+`', 'path' = '`+t.TempDir()+`/p');
					INSERT INTO p VALUES (1, DATE '2020-01-01', 'a', 'x/y=z%', 3), (2, CAST(NULL AS DATE), 'b', CAST(NULL AS STRING), 4), (3, DATE '2020-01-01', 'c', 'x/y=z%', 3)`)
				const all = "SELECT CAST(id AS STRING) || name || COALESCE(k, '-') || CAST(n AS STRING) || COALESCE(CAST(d AS STRING), '-') FROM p"
				sqltest.Same(t, env, all, "1ax/y=z%32020-01-01", "2b-4-", "3cx/y=z%32020-01-01")
				sqltest.Same(t, env, all+" WHERE n < 4 AND d = DATE '2020-01-01' AND id > 1", "3cx/y=z%32020-01-01")
				sqltest.Same(t, env, "SELECT CAST(n AS STRING) FROM p", "3", "3", "4")
				sqltest.Same(t, env, "SELECT CAST(c AS STRING) FROM (SELECT COUNT(*) AS c FROM p WHERE n = 3)", "2")
			})
		}
	}
}

// TestPartitionsArePruned: files of partitions that a query does not want are
// not read: here they could not be.
func TestPartitionsArePruned(t *testing.T) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	dir := t.TempDir()
	sqltest.Run(t, env, `
		CREATE TABLE p (id INT, d DATE) PARTITIONED BY (d) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`');
		INSERT INTO p VALUES (1, DATE '2020-01-01'), (2, DATE '2020-02-01')`)
	bad := filepath.Join(dir, "d=2020-03-01")
	if err := os.MkdirAll(bad, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad, "part.csv"), []byte("no number\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const ids = "SELECT CAST(id AS STRING) FROM p WHERE "
	sqltest.Same(t, env, ids+"d < DATE '2020-03-01'", "1", "2")
	sqltest.Same(t, env, ids+"EXTRACT(MONTH FROM d) = 2 AND id > 0", "2")
	sqltest.Same(t, env, ids+"d BETWEEN DATE '2020-01-15' AND DATE '2020-02-15' OR d = DATE '2020-01-01'", "1", "2")
	if _, err := sqltest.Line(t, env, ids+"id < 3"); err == nil {
		t.Error("the broken file was not read")
	}
}

func TestPartitionsAreNotThere(t *testing.T) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	for name, want := range map[string]string{
		"in.csv":     "is in no directory n=…, but the table is PARTITIONED BY n",
		"n=x/in.csv": "'x'",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		sqltest.Run(t, env, "DROP TABLE IF EXISTS q; CREATE TABLE q (id INT, n INT) PARTITIONED BY (n) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+dir+"')")
		if _, err := sqltest.Line(t, env, "SELECT * FROM q"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
