package iceberg_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestLateRowsCorrectTheLake: the results of windows that take late rows change;
// in a table with a primary key they take each other's place.
func TestLateRowsCorrectTheLake(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			dir := t.TempDir()
			text := "a,1,2020-01-01 00:00:01\na,2,2020-01-01 00:00:12\na,4,2020-01-01 00:00:05\nb,8,2020-01-01 00:00:09\nb,16,2020-01-01 00:00:16\na,32,2020-01-01 00:00:06\n"
			if err := os.WriteFile(filepath.Join(dir, "clicks.csv"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env := sqltest.Lake(t, dir, map[string]string{"table.exec.emit.allow-lateness": "5 s"})
			sqltest.Run(t, env, fmt.Sprintf(`
				CREATE TABLE lake.`+"`default`"+`.sums (k STRING, started TIMESTAMP(3), total INT, PRIMARY KEY (k, started) NOT ENFORCED) WITH ('format-version' = '%s');
				CREATE TABLE clicks (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '%s/clicks.csv');
				INSERT INTO lake.`+"`default`"+`.sums SELECT k, TUMBLE_START(ts, INTERVAL '10' SECOND), SUM(v) FROM clicks GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND);`, version, dir))
			got := sqltest.Texts(t, env, "SELECT k || ' ' || CAST(MINUTE(started) * 60 + SECOND(started) AS STRING) || ' ' || CAST(total AS STRING) FROM lake.`default`.sums")
			if want := []string{"a 0 5", "a 10 2", "b 0 8", "b 10 16"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// TestUpsertsThroughSQL: changes of a query go to a table with a primary key, on
// several tasks; inserts are appended unless the table says that they replace.
func TestUpsertsThroughSQL(t *testing.T) {
	dir := t.TempDir()
	env := sqltest.Lake(t, dir, map[string]string{"parallelism.default": "3"})
	sqltest.Run(t, env, `
		CREATE TABLE lake.`+"`default`"+`.counts (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) PARTITIONED BY (k);
		INSERT INTO lake.`+"`default`"+`.counts SELECT k, COUNT(*) FROM (VALUES ('a'), ('b'), ('a'), ('c'), ('a')) AS t (k) GROUP BY k;
		INSERT INTO lake.`+"`default`"+`.counts SELECT k, COUNT(*) FROM (VALUES ('a'), ('d')) AS t (k) GROUP BY k;`)
	counts := "SELECT k || CAST(n AS STRING) FROM lake.`default`.counts"
	if got, want := sqltest.Texts(t, env, counts), []string{"a1", "b1", "c1", "d1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	sqltest.Run(t, env, "INSERT INTO lake.`default`.counts VALUES ('a', 7)")
	if got, want := sqltest.Texts(t, env, counts), []string{"a1", "a7", "b1", "c1", "d1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	sqltest.Run(t, env, "INSERT INTO lake.`default`.counts /*+ OPTIONS('write.upsert.enabled' = 'true') */ VALUES ('a', 8), ('b', 9)")
	if got, want := sqltest.Texts(t, env, counts), []string{"a8", "b9", "c1", "d1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	err := env.Execute(t.Context(), `
		CREATE TABLE lake.`+"`default`"+`.keyless (k STRING, n BIGINT);
		INSERT INTO lake.`+"`default`"+`.keyless SELECT k, COUNT(*) FROM (VALUES ('a')) AS t (k) GROUP BY k;`, func(wadi.Outcome) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "PRIMARY KEY") {
		t.Errorf("changes for a table without a key: %v", err)
	}
}
