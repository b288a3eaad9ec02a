package iceberg_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// lakeOf is an Env with a catalog lake of Iceberg in dir, and a table with two
// snapshots: of 1 and 2, then of 3 too.
func lakeOf(t *testing.T) (env *wadi.Env, dir string) {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"table.local-time-zone": "Europe/Berlin"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	dir = t.TempDir()
	sqltest.Run(t, env, `
		CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:`+dir+`/cat.db', 'warehouse' = '`+dir+`/lake');
		CREATE DATABASE lake.db;
		CREATE TABLE lake.db.t (id INT, name STRING) WITH ('format-version' = '2');
		INSERT INTO lake.db.t VALUES (1, 'a'), (2, 'b');
		INSERT INTO lake.db.t VALUES (3, 'c')`)
	return env, dir
}

// failure is the error of a query.
func failure(t *testing.T, env *wadi.Env, query string) string {
	t.Helper()
	recs, err := env.SQL(query).Collect(t.Context())
	for _, r := range recs {
		r.Release()
	}
	if err == nil {
		t.Fatalf("%s: no error", query)
	}
	return err.Error()
}

func TestLakeTimeTravel(t *testing.T) {
	env, _ := lakeOf(t)
	rows := func(from string) string { return "SELECT CAST(id AS STRING) || name FROM lake.db.t " + from }
	at := sqltest.Texts(t, env, "SELECT CAST(committed_at AS STRING) FROM lake.db.t$snapshots ORDER BY committed_at")
	ids := sqltest.Texts(t, env, "SELECT CAST(snapshot_id AS STRING) FROM lake.db.`t$snapshots` WHERE parent_id IS NULL")
	if len(at) != 2 || len(ids) != 1 {
		t.Fatalf("snapshots %q, %q", at, ids)
	}
	sqltest.Same(t, env, rows("FOR SYSTEM_TIME AS OF TIMESTAMP '"+at[0][:23]+"'"), "1a", "2b")
	sqltest.Same(t, env, rows("FOR SYSTEM_TIME AS OF TIMESTAMP '"+at[1][:23]+"' + INTERVAL '1' DAY"), "1a", "2b", "3c")
	sqltest.Same(t, env, rows("/*+ OPTIONS('snapshot-id' = '"+ids[0]+"') */"), "1a", "2b")
	sqltest.Same(t, env, "SELECT CAST(a.id AS STRING) FROM lake.db.t AS a JOIN lake.db.t FOR SYSTEM_TIME AS OF TIMESTAMP '"+at[0][:23]+"' AS b ON a.id = b.id", "1", "2")
	for query, want := range map[string]string{
		rows("FOR SYSTEM_TIME AS OF TIMESTAMP '2001-01-01 00:00:00'"): "there is no snapshot as old as 2000-12-31 23:00:00.000 UTC",
		rows("FOR SYSTEM_TIME AS OF '2001'"):                          "needs a TIMESTAMP",
		rows("FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP"):               "needs a constant",
		rows("FOR SYSTEM_TIME AS OF CAST(NULL AS TIMESTAMP(3))"):      "is NULL",
		rows("FOR SYSTEM_TIME AS OF x.proc"):                          "right side of a join",
		rows("/*+ OPTIONS('snapshot-id' = '5') */"):                   "there is no snapshot 5",
		rows("/*+ OPTIONS('branch' = 'dev') */"):                      `there is no branch "dev"`,
		rows("/*+ OPTIONS('tag' = 'v1', 'branch' = 'main') */"):       "only one of them",
		"SELECT * FROM (VALUES (1)) AS v(x) CROSS JOIN lake.db.`t$snapshots` FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00:00'": "no versions",
		"WITH w AS (SELECT 1) SELECT * FROM w FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00:00'":                                "no versions",
	} {
		if got := failure(t, env, query); !strings.Contains(got, want) {
			t.Errorf("%s: error %s, want %q", query, got, want)
		}
	}
	sqltest.Run(t, env, "CREATE TABLE g (x INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1')")
	if got := failure(t, env, "SELECT * FROM g FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00:00'"); !strings.Contains(got, "keeps no versions") {
		t.Errorf("datagen: %s", got)
	}
}

func TestLakeReadIceberg(t *testing.T) {
	env, dir := lakeOf(t)
	table := dir + "/lake/db.db/t"
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) || name FROM read_iceberg('"+table+"') WHERE id > 1", "2b", "3c")
	file := sqltest.Texts(t, env, "SELECT file FROM read_iceberg('"+table+"', metadata_table => 'metadata_log_entries') ORDER BY `timestamp` DESC LIMIT 1")[0]
	sqltest.Same(t, env, "SELECT name FROM read_iceberg('"+file+"')", "a", "b", "c")
	id := sqltest.Texts(t, env, "SELECT CAST(MIN(snapshot_id) AS STRING) FROM read_iceberg('"+table+"', metadata_table => 'snapshots') WHERE parent_id IS NULL")[0]
	sqltest.Same(t, env, "SELECT name FROM read_iceberg('"+table+"', snapshot_id => '"+id+"')", "a", "b")
	for query, want := range map[string]string{
		"SELECT * FROM read_iceberg('" + dir + "/nothing')":                       "is it the directory of a table?",
		"SELECT * FROM read_iceberg('" + table + "', metadata_table => 'secret')": `there is no metadata table "secret"`,
	} {
		if got := failure(t, env, query); !strings.Contains(got, want) {
			t.Errorf("%s: error %s, want %q", query, got, want)
		}
	}
}

func TestLakeMetadataTables(t *testing.T) {
	env, _ := lakeOf(t)
	sqltest.Same(t, env, "SELECT operation FROM lake.db.t$snapshots WHERE summary['added-records'] = '2'", "append")
	sqltest.Same(t, env, "SELECT CAST(COUNT(*) AS STRING) FROM lake.db.t$history WHERE is_current_ancestor", "2")
	sqltest.Same(t, env, "SELECT name || type FROM lake.db.`t$refs`", "mainBRANCH")
	sqltest.Same(t, env, "SELECT CAST(record_count AS STRING) || file_format FROM lake.db.t$files", "1PARQUET", "2PARQUET")
	sqltest.Same(t, env, "SELECT CAST(SUM(added_data_files_count) AS STRING) FROM lake.db.t$manifests", "2")
	sqltest.Same(t, env, "SELECT CAST(record_count AS STRING) || '/' || CAST(file_count AS STRING) FROM lake.db.t$partitions", "3/2")
	sqltest.Same(t, env, "SELECT CAST(data_file.record_count AS STRING) FROM lake.db.t$entries", "1", "2")
	sqltest.Same(t, env, "SELECT CAST(data_files AS STRING) || ' ' || CAST(records AS STRING) || ' ' || CAST(small_file_ratio AS STRING) || ' ' || CAST(files_below_1mb AS STRING) || ' ' || CAST(delete_ratio AS STRING) FROM lake.db.t$health", "2 3 1.0 2 0.0")
	for _, name := range strings.Fields("snapshots history refs manifests all_manifests files data_files delete_files all_files all_data_files all_delete_files entries all_entries partitions position_deletes metadata_log_entries health") {
		if err := env.SQL(fmt.Sprintf("SELECT * FROM lake.db.`t$%s`", name)).Show(t.Context(), io.Discard); err != nil {
			t.Errorf("t$%s: %v", name, err)
		}
	}
	if got := failure(t, env, "SELECT * FROM lake.db.t$nothing"); !strings.Contains(got, "t$nothing") {
		t.Errorf("error %s", got)
	}
}

func TestLakeStreams(t *testing.T) {
	env, _ := lakeOf(t)
	sqltest.Run(t, env, `CREATE TABLE lake.db.k (id INT, name STRING) WITH ('format-version' = '2', 'write.delete.mode' = 'merge-on-read');
		INSERT INTO lake.db.k VALUES (1, 'a'), (2, 'b');
		INSERT INTO lake.db.k VALUES (3, 'c')`)
	last := sqltest.Texts(t, env, "SELECT CAST(snapshot_id AS STRING) FROM lake.db.t$history WHERE parent_id IS NOT NULL")[0]
	hint := func(options string) string { return " /*+ OPTIONS('streaming' = 'true', " + options + ") */" }
	end := "'end-snapshot-id' = '" + last + "'"
	sqltest.Same(t, env, "SELECT name FROM lake.db.t"+hint("'starting-strategy' = 'INCREMENTAL_FROM_EARLIEST_SNAPSHOT', "+end), "a", "b", "c")
	sqltest.Same(t, env, "SELECT name FROM lake.db.t"+hint(end), "c")
	sqltest.Run(t, env, "UPDATE lake.db.k SET name = UPPER(name) WHERE id <> 3")
	last = sqltest.Texts(t, env, "SELECT CAST(snapshot_id AS STRING) FROM lake.db.k$snapshots WHERE operation <> 'append'")[0]
	changes := hint("'starting-strategy' = 'INCREMENTAL_FROM_EARLIEST_SNAPSHOT', 'streaming-changelog' = 'true', 'end-snapshot-id' = '" + last + "'")
	sqltest.Same(t, env, "SELECT name || CAST(COUNT(*) AS STRING) FROM lake.db.k"+changes+" GROUP BY name", "A1", "B1", "c1")
	sqltest.Same(t, env, "SELECT CAST(COUNT(*) AS STRING) || '/' || CAST(SUM(id) AS STRING) FROM lake.db.k"+changes, "3/6")
	if got := failure(t, env, "SELECT * FROM lake.db.k"+hint("'starting-strategy' = 'INCREMENTAL_FROM_EARLIEST_SNAPSHOT', 'end-snapshot-id' = '"+last+"'")); !strings.Contains(got, "'streaming-changelog' = 'true'") {
		t.Errorf("error %s", got)
	}
}
