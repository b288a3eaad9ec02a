package iceberg_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestIcebergDistribution: the plan says how rows are divided among the tasks of
// a sink, where the table or the statement asks for it.
func TestIcebergDistribution(t *testing.T) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"parallelism.default": "4"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	_, err = sqltest.Shown(t, env, `CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '`+t.TempDir()+`');
		CREATE DATABASE lake.db;
		CREATE TABLE lake.db.plain (n BIGINT, day STRING) PARTITIONED BY (day);
		CREATE TABLE lake.db.spread (n BIGINT, day STRING) PARTITIONED BY (day) WITH ('write.distribution-mode' = 'hash');
		CREATE TABLE lake.db.buckets (n BIGINT, day STRING) WITH ('write.distribution-mode' = 'hash', 'partitioning' = 'bucket(4, n)');
		CREATE TABLE lake.db.sorted (n BIGINT, day STRING) WITH ('write.distribution-mode' = 'range', 'sort-order' = 'day DESC');
		CREATE TABLE lake.db.alone (n BIGINT, day STRING) WITH ('write.distribution-mode' = 'hash');
		CREATE TEMPORARY TABLE many (n BIGINT, day STRING) WITH ('connector' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '`+t.TempDir()+`',
			'use-dynamic-iceberg-sink' = 'true', 'dynamic-record.table-column' = 'day', 'distribution-mode' = 'hash');
		CREATE TEMPORARY TABLE numbers (n BIGINT, day STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '10');`)
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"INSERT INTO lake.db.plain SELECT * FROM numbers":                                               "",
		"INSERT INTO lake.db.plain /*+ OPTIONS('distribution-mode' = 'hash') */ SELECT * FROM numbers":  "hash[day]",
		"INSERT INTO lake.db.plain /*+ OPTIONS('distribution-mode' = 'range') */ SELECT * FROM numbers": "range[day]",
		"INSERT INTO lake.db.spread SELECT * FROM numbers":                                              "hash[day]",
		"INSERT INTO lake.db.spread /*+ OPTIONS('distribution-mode' = 'none') */ SELECT * FROM numbers": "",
		"INSERT INTO many SELECT * FROM numbers":                                                        "hash[day]",
		"INSERT INTO lake.db.buckets SELECT * FROM numbers":                                             "hash[bucket(4, n)]",
		"INSERT INTO lake.db.sorted SELECT * FROM numbers":                                              "range[day DESC]",
		"INSERT INTO lake.db.alone SELECT * FROM numbers":                                               "",
	} {
		plan, err := sqltest.Shown(t, env, "EXPLAIN "+sql)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		if want == "" && strings.Contains(text, "Exchange") || want != "" && !strings.Contains(text, "Exchange(distribution=["+want+"])") {
			t.Errorf("%s: want %q in\n%s", sql, want, text)
		}
	}
}

// TestIcebergFewFiles counts the files that four tasks write of eight partitions:
// each writes all of them, or each partition is in one task.
func TestIcebergFewFiles(t *testing.T) {
	env := spreading(t)
	defer env.Close()
	for _, partitioning := range []string{"d", "bucket(8, n)", "truncate(1, s)", "hour(ts)", "d, void(n)", "truncate(1, price)", "void(n)"} {
		for mode, want := range map[string]int{"none": 32, "hash": 8, "range": 8} {
			if partitioning == "void(n)" {
				want = 4
			}
			rows, err := sqltest.Shown(t, env, fmt.Sprintf(`DROP TABLE IF EXISTS lake.db.t;
				CREATE TABLE lake.db.t (n BIGINT, d INT, s STRING, ts TIMESTAMP(6), price DECIMAL(10, 0)) WITH ('partitioning' = '%s', 'write.distribution-mode' = '%s');
				INSERT INTO lake.db.t SELECT n, CAST(n %% 8 AS INT), CAST(n %% 8 AS STRING) || 'x', TIMESTAMPADD(HOUR, CAST(n %% 8 AS INT), TIMESTAMP '2024-01-01 00:00:00'), n %% 8 FROM numbers;
				SELECT COUNT(*), SUM(record_count) FROM lake.db.`+"`t$files`"+`;`, partitioning, mode))
			if err != nil {
				t.Fatal(err)
			}
			if wanted := fmt.Sprintf("%d, 65536", want); len(rows) != 1 || rows[0] != wanted {
				t.Errorf("%s, %s: files and rows %q, want %s", partitioning, mode, rows, wanted)
			}
		}
	}
}

// TestIcebergFewFilesPerCommit: each commit of a stream has one file for each
// partition.
func TestIcebergFewFilesPerCommit(t *testing.T) {
	env := spreading(t)
	defer env.Close()
	checkpoints := "SET 'execution.runtime-mode' = 'streaming'; SET 'execution.checkpointing.interval' = '200 ms'; SET 'execution.checkpointing.dir' = 'file://" + t.TempDir() + "';"
	for mode, most := range map[string]int{"none": 32, "hash": 8} {
		rows, err := sqltest.Shown(t, env, checkpoints+`DROP TABLE IF EXISTS lake.db.t;
			CREATE TABLE lake.db.t (n BIGINT) WITH ('partitioning' = 'bucket(8, n)', 'write.distribution-mode' = '`+mode+`');
			INSERT INTO lake.db.t /*+ OPTIONS('sink.commit.max-age' = '0 s') */ SELECT n FROM numbers /*+ OPTIONS('rows-per-second' = '50000') */;
			SET 'execution.runtime-mode' = 'batch';
			SELECT MAX(CAST(summary['added-data-files'] AS INT)), COUNT(*) > 1 FROM lake.db.`+"`t$snapshots`"+`;`)
		if wanted := fmt.Sprintf("%d, TRUE", most); err != nil || len(rows) != 1 || rows[0] != wanted {
			t.Errorf("%s: the most files of a commit, and whether there are some commits: %q, %v, want %s", mode, rows, err, wanted)
		}
	}
}

// TestIcebergRanges: files of a table that is sorted overlap little.
func TestIcebergRanges(t *testing.T) {
	env := spreading(t)
	defer env.Close()
	for order, far := range map[string]int{"k": 60, "k DESC": 60} {
		rows, err := sqltest.Shown(t, env, `DROP TABLE IF EXISTS lake.db.t;
			CREATE TABLE lake.db.t (n BIGINT, k STRING) WITH ('sort-order' = '`+order+`', 'write.distribution-mode' = 'range');
			INSERT INTO lake.db.t SELECT n, LPAD(CAST(n * 7919 % 65536 AS STRING), 5, '0') FROM numbers;
			SELECT CAST(lower_bounds[2] AS STRING), CAST(upper_bounds[2] AS STRING) FROM lake.db.`+"`t$files`"+`;`)
		if err != nil || len(rows) != 4 {
			t.Fatal(rows, err)
		}
		slices.Sort(rows)
		for i := range rows[1:] {
			var low, high int
			fmt.Sscanf(rows[i+1], "%d", &low)
			fmt.Sscanf(rows[i], "%d %d", new(int), &high)
			if high-low > 65536/far {
				t.Errorf("%s: files from %v", order, rows)
			}
		}
	}
}

// spreading is an environment with four tasks and the table numbers, from 0 to 65535.
func spreading(t *testing.T) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"parallelism.default": "4", "execution.runtime-mode": "batch"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqltest.Shown(t, env, `CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '`+t.TempDir()+`');
		CREATE DATABASE lake.db;
		CREATE TEMPORARY TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '65535');`)
	if err != nil {
		t.Fatal(err)
	}
	return env
}
