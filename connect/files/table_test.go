package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

func batchEnv(t *testing.T) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { env.Close() })
	return env
}

// failing runs a script and returns what is wrong with it.
func failing(t *testing.T, env *wadi.Env, script string) error {
	t.Helper()
	return env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Run(t.Context())
		return err
	})
}

// filesBelow are the names of the files below a directory that readers see.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path != dir && strings.ContainsAny(d.Name()[:1], "._") {
			if err == nil && d.IsDir() {
				return filepath.SkipDir
			}
			return err
		}
		if !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFilesOfEveryFormat: written and read again, compressed and merged.
func TestFilesOfEveryFormat(t *testing.T) {
	for _, c := range []struct{ options, name string }{
		{"'format' = 'csv', 'csv.null-literal' = '~'", `\.csv`},
		{"'format' = 'csv', 'csv.null-literal' = '~', 'csv.header' = 'true', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `compacted-.*\.csv`},
		{"'format' = 'csv', 'sink.compression' = 'gzip', 'csv.null-literal' = '~', 'csv.header' = 'true', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `compacted-.*\.csv\.gz`},
		{"'format' = 'csv', 'csv.null-literal' = '~', 'sink.compression' = 'xz'", `\.csv\.xz`},
		{"'format' = 'json', 'sink.compression' = 'zstd', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `\.json\.zst`},
		{"'format' = 'json', 'sink.compression' = 'lz4', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `\.json\.lz4`},
		{"'format' = 'json', 'sink.compression' = 'deflate'", `\.json\.deflate`},
		{"'format' = 'json', 'sink.compression' = 'snappy', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `\.json\.sz`},
		{"'format' = 'parquet', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `compacted-.*\.parquet`},
		{"'format' = 'parquet', 'auto-compaction' = 'true', 'compaction.file-size' = '1b'", `-[0-9]\.parquet`},
		{"'format' = 'avro', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb'", `compacted-.*\.avro`},
		{"'format' = 'avro', 'avro.codec' = 'deflate'", `\.avro`},
		{"'format' = 'avro', 'avro.codec' = 'zstandard', 'auto-compaction' = 'true'", `\.avro`},
		{"'format' = 'avro', 'avro.codec' = 'xz', 'avro.timestamp_mapping.legacy' = 'false'", `\.avro`},
	} {
		t.Run(c.options, func(t *testing.T) {
			dir := t.TempDir()
			env := batchEnv(t)
			sqltest.Run(t, env, `
				CREATE TABLE f (id INT, name STRING, ts TIMESTAMP(3), day DATE) PARTITIONED BY (day)
				WITH ('connector' = 'filesystem', 'path' = '`+dir+`', `+c.options+`, 'sink.rolling-policy.file-size' = '1b');
				INSERT INTO f SELECT id, CASE WHEN id <> 2 THEN 'n' || CAST(id AS STRING) END, TIMESTAMP '2024-05-01 10:00:00.5', DATE '2024-05-01' FROM (VALUES (1), (2)) AS t (id)
				UNION ALL SELECT 3, 'ü,"', TIMESTAMP '2024-05-01 10:00:00', DATE '2024-05-01'`)
			sqltest.Same(t, env, "SELECT CAST(id AS STRING) || COALESCE(name, '-') || CAST(ts AS STRING) || CAST(day AS STRING) FROM f",
				"1n12024-05-01 10:00:00.5002024-05-01", "2-2024-05-01 10:00:00.5002024-05-01", `3ü,"2024-05-01 10:00:00.0002024-05-01`)
			for _, name := range filesBelow(t, dir) {
				if !regexp.MustCompile(`^day=2024-05-01/part-.*` + c.name + `$`).MatchString(name) {
					t.Errorf("file %s", name)
				}
			}
		})
	}
}

// TestPathsByRegex: a pattern chooses files by their whole path.
func TestPathsByRegex(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a/x-1.csv", "a/y-2.csv", "b/x-3.csv"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", i+1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := batchEnv(t)
	for regex, want := range map[string][]string{`.*/x-[0-9]\.csv`: {"1", "3"}, `/.*/a/.*`: {"1", "2"}, `.*`: {"1", "2", "3"}} {
		sqltest.Run(t, env, `DROP TABLE IF EXISTS r; CREATE TABLE r (id STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`', 'source.path.regex-pattern' = '`+regex+`')`)
		sqltest.Same(t, env, "SELECT id FROM r", want...)
	}
	sqltest.Run(t, env, `DROP TABLE r; CREATE TABLE r (id STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '`+dir+`', 'source.path.regex-pattern' = '(')`)
	if _, err := sqltest.Line(t, env, "SELECT id FROM r"); err == nil || !strings.Contains(err.Error(), "regular expression") {
		t.Errorf("a broken pattern: %v", err)
	}
}

// TestFilesTellOfThemselves: metadata of a row is of the file in which it stands.
func TestFilesTellOfThemselves(t *testing.T) {
	for _, format := range []string{"csv", "json", "parquet"} {
		for _, mode := range []string{"batch", "streaming"} {
			t.Run(format+" "+mode, func(t *testing.T) {
				env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: map[string]string{"execution.runtime-mode": mode, "table.local-time-zone": "UTC"}})
				if err != nil {
					t.Fatal(err)
				}
				defer env.Close()
				dir := t.TempDir()
				with := "WITH ('connector' = 'filesystem', 'format' = '" + format + "', 'path' = '" + dir + "')"
				sqltest.Run(t, env, "CREATE TABLE w (id INT, k STRING) PARTITIONED BY (k) "+with+"; INSERT INTO w VALUES (1, 'a'), (2, 'b')")
				sqltest.Run(t, env, `CREATE TABLE m (name STRING NOT NULL METADATA FROM 'file.name' VIRTUAL, id INT, k STRING, `+"`file.path`"+` STRING METADATA VIRTUAL,
					size BIGINT METADATA FROM 'file.size' VIRTUAL, changed TIMESTAMP_LTZ(3) METADATA FROM 'file.modification-time' VIRTUAL) PARTITIONED BY (k) `+with)
				var want, byName []string
				for _, name := range filesBelow(t, dir) {
					info, err := os.Stat(filepath.Join(dir, name))
					if err != nil {
						t.Fatal(err)
					}
					id := map[string]string{"k=a": "1", "k=b": "2"}[filepath.Dir(name)]
					want = append(want, fmt.Sprint(id, " ", filepath.Base(name), " ", filepath.Join(dir, name), " ", info.Size(), " ", info.ModTime().UTC().Format("2006-01-02 15:04:05.000")))
					if id == "2" {
						byName = append(byName, filepath.Base(name))
					}
				}
				if len(want) != 2 {
					t.Fatalf("files: %q", want)
				}
				const all = "SELECT CAST(id AS STRING) || ' ' || name || ' ' || `file.path` || ' ' || CAST(size AS STRING) || ' ' || CAST(changed AS STRING) FROM m"
				sqltest.Same(t, env, all, want...)
				sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM m WHERE name = '"+byName[0]+"' AND size > 0", "2")
				sqltest.Same(t, env, "SELECT k FROM m WHERE `file.path` LIKE '%/k=a/%'", "a")
			})
		}
	}
	env := batchEnv(t)
	sqltest.Run(t, env, "CREATE TABLE w (id INT, p STRING METADATA FROM 'file.path') WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+t.TempDir()+"')")
	if err := failing(t, env, "INSERT INTO w VALUES (1, 'x')"); err == nil || !strings.Contains(err.Error(), "declare the column VIRTUAL") {
		t.Errorf("metadata that is written: %v", err)
	}
}

// TestRawFiles: a line is a row.
func TestRawFiles(t *testing.T) {
	dir := t.TempDir()
	env := batchEnv(t)
	sqltest.Run(t, env, `CREATE TABLE f (line STRING) WITH ('connector' = 'filesystem', 'format' = 'raw', 'path' = '`+dir+`', 'sink.compression' = 'gzip');
		INSERT INTO f VALUES ('a,b'), ('{"x"'), ('')`)
	sqltest.Same(t, env, "SELECT '<' || line || '>' FROM f", "<>", "<a,b>", `<{"x">`)
}

// TestFilesOfChanges: an updating query is written as changes, and read as the same table.
func TestFilesOfChanges(t *testing.T) {
	for _, format := range []string{"debezium-json", "canal-json", "maxwell-json", "ogg-json"} {
		t.Run(format, func(t *testing.T) {
			env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: map[string]string{"execution.runtime-mode": "streaming"}})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			sqltest.Run(t, env, `CREATE TABLE f (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'format' = '`+format+`', 'path' = '`+t.TempDir()+`', 'sink.parallelism' = '1');
				INSERT INTO f SELECT k, COUNT(*) FROM (VALUES ('a'), ('b'), ('a')) AS t (k) GROUP BY k`)
			sqltest.Same(t, env, "SELECT CAST(n AS STRING) || ' ' || CAST(c AS STRING) FROM (SELECT SUM(n) AS n, COUNT(*) AS c FROM f)", "3 2")
		})
	}
}

// TestFilesAreRefused: what cannot be done is said before anything runs.
func TestFilesAreRefused(t *testing.T) {
	env := batchEnv(t)
	for options, want := range map[string]string{
		"'format' = 'orc'": "turn them into Parquet",
		"'format' = 'debezium-json', 'debezium-json.schema-include' = 'true'": "without their schema",
		"'format' = 'xml'": "want arrow, avro, canal-json, csv",
		"'format' = 'parquet', 'sink.compression' = 'gzip'":                         "'parquet.compression'",
		"'format' = 'avro', 'avro.codec' = 'bzip2'":                                 "only read",
		"'format' = 'csv', 'sink.partition-commit.policy.kind' = 'metastore'":       "in no metastore",
		"'format' = 'csv', 'partition.time-extractor.class' = 'com.acme.Extractor'": "class of Java",
	} {
		sqltest.Run(t, env, "DROP TABLE IF EXISTS f")
		err := failing(t, env, "CREATE TABLE f (id INT) WITH ('connector' = 'filesystem', 'path' = '"+t.TempDir()+"', "+options+"); INSERT INTO f VALUES (1)")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}

// TestListsInCSV: they are written, and not read.
func TestListsInCSV(t *testing.T) {
	env := batchEnv(t)
	dir := t.TempDir()
	sqltest.Run(t, env, "CREATE TABLE f (id INT, l ARRAY<STRING>) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+dir+"'); INSERT INTO f VALUES (1, ARRAY['a', 'b'])")
	if _, err := sqltest.Line(t, env, "SELECT * FROM f"); err == nil || !strings.Contains(err.Error(), "declare it as STRING") {
		t.Errorf("a list is read: %v", err)
	}
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM f", "1")
	sqltest.Run(t, env, "DROP TABLE f; CREATE TABLE f (id INT, l STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+dir+"')")
	sqltest.Same(t, env, "SELECT l FROM f", "a;b")
}
