package wadi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// rewriting is an Env with a table of files and one of Iceberg, each with two rows.
func rewriting(t *testing.T, format string) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"parallelism.default": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	dir := t.TempDir()
	sqltest.Run(t, env, `
		CREATE TABLE files (id INT, name STRING) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '`+dir+`/files');
		CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:`+dir+`/cat.db', 'warehouse' = '`+dir+`/lake');
		CREATE TABLE lake.`+"`default`"+`.ice (id INT, name STRING, part INT) PARTITIONED BY (part) WITH ('format-version' = '`+format+`');
		INSERT INTO files VALUES (1, 'a'), (2, 'b');
		INSERT INTO lake.`+"`default`"+`.ice VALUES (1, 'a', 1), (2, 'b', 2)`)
	return env
}

const iceRows = "SELECT CAST(id AS STRING) || name FROM lake.`default`.ice"

func TestRewriteIceberg(t *testing.T) {
	for _, format := range []string{"2", "3"} {
		t.Run("format "+format, func(t *testing.T) {
			env := rewriting(t, format)
			sqltest.Run(t, env, "UPDATE lake.`default`.ice AS x SET name = x.name || '!', part = 2 WHERE x.id = 1")
			sqltest.Same(t, env, iceRows, "1a!", "2b")
			sqltest.Run(t, env, "INSERT OVERWRITE lake.`default`.ice VALUES (3, 'c', 3), (4, 'd', 2)")
			sqltest.Same(t, env, iceRows, "3c", "4d")
			sqltest.Run(t, env, "INSERT OVERWRITE lake.`default`.ice PARTITION (part = 3) SELECT 1, 'x' WHERE FALSE")
			sqltest.Same(t, env, iceRows, "4d")
			sqltest.Run(t, env, "INSERT INTO lake.`default`.ice VALUES (5, CAST(NULL AS STRING), 1); DELETE FROM lake.`default`.ice WHERE name = 'd'")
			sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM lake.`default`.ice", "5")
			sqltest.Run(t, env, "TRUNCATE TABLE lake.`default`.ice; TRUNCATE TABLE lake.`default`.ice")
			sqltest.Same(t, env, iceRows)
			sqltest.Run(t, env, "DELETE FROM lake.`default`.ice; INSERT OVERWRITE lake.`default`.ice VALUES (6, 'f', 1)")
			sqltest.Same(t, env, iceRows, "6f")
		})
	}
}

// TestRewriteMeanwhile: a table that changes between the statement's reading
// and its end is left alone.
func TestRewriteMeanwhile(t *testing.T) {
	env := rewriting(t, "2")
	err := env.Execute(t.Context(), "DELETE FROM lake.`default`.ice WHERE id = 1", func(o wadi.Outcome) error {
		sqltest.Run(t, env, "INSERT INTO lake.`default`.ice VALUES (3, 'c', 1)")
		_, err := o.Pipeline.Run(t.Context())
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "the table has changed since the statement read it") {
		t.Errorf("error %v", err)
	}
	sqltest.Same(t, env, iceRows, "1a", "2b", "3c")
}

// TestOverwriteFails: a job that fails leaves what was there.
func TestOverwriteFails(t *testing.T) {
	env := rewriting(t, "2")
	for _, statement := range []string{
		"INSERT OVERWRITE files SELECT id, CAST(1 / (id - 2) AS STRING) FROM files",
		"UPDATE lake.`default`.ice SET id = 1 / (id - 2)",
	} {
		err := env.Execute(t.Context(), statement, func(o wadi.Outcome) error {
			_, err := o.Pipeline.Run(t.Context())
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "division by zero") {
			t.Errorf("%s: error %v", statement, err)
		}
	}
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) || name FROM files", "1a", "2b")
	sqltest.Same(t, env, iceRows, "1a", "2b")
	sqltest.Run(t, env, "EXECUTE STATEMENT SET BEGIN INSERT OVERWRITE files SELECT id + 5, name FROM files; INSERT INTO files VALUES (1, 'z'); END")
	if got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) || name FROM files"); !slices.Contains(got, "6a") || slices.Contains(got, "1a") {
		t.Errorf("%q", got)
	}
}

func TestRewriteRefused(t *testing.T) {
	env := rewriting(t, "2")
	for statement, want := range map[string]string{
		"INSERT OVERWRITE files VALUES (1, 'x')": "line 1, column 1: INSERT OVERWRITE replaces rows when its job has ended",
		"DELETE FROM lake.`default`.ice":         "line 1, column 1: DELETE replaces a table when its job has ended",
		"UPDATE files SET id = 1":                "keeps no versions of its tables",
		"UPDATE lake.`default`.ice SET idd = 1":  "in streaming mode may have no end",
		"TRUNCATE TABLE nothing":                 `no table "nothing"`,
		"SET 'execution.runtime-mode' = 'batch'; " + "UPDATE lake.`default`.ice SET idd = 1":                               `no column "idd"; did you mean "id"?`,
		"UPDATE lake.`default`.ice SET id = 1, id = 2":                                                                     `column "id" is set twice`,
		"CREATE TABLE p (a INT) WITH ('connector' = 'print'); RESET 'execution.runtime-mode'; INSERT OVERWRITE p SELECT 1": `connector "print" only adds to what is there`,
		"CREATE VIEW v AS SELECT 1 AS a; DELETE FROM v":                                                                    "is a view; DELETE changes tables",
	} {
		if err := env.Set("execution.runtime-mode", "streaming"); err != nil {
			t.Fatal(err)
		}
		err := env.Execute(t.Context(), statement, func(wadi.Outcome) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
}
