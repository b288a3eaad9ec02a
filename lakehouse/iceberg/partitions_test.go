package iceberg_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestShowPartitions: partitions are known from metadata alone.
func TestShowPartitions(t *testing.T) {
	dir := t.TempDir()
	env := sqltest.Lake(t, dir, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, `CREATE TABLE lake.`+"`default`"+`.t (n INT, city STRING, ts TIMESTAMP(6)) PARTITIONED BY (city) WITH ('partitioning' = 'day(ts), bucket(2, n)');
		USE CATALOG lake;
		CREATE TABLE plain (n INT);`)
	show := func(sql string, want ...string) {
		t.Helper()
		rows, err := sqltest.Shown(t, env, sql)
		if err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s: %q, %v, want %q", sql, rows, err, want)
		}
	}
	show("SHOW PARTITIONS t")
	sqltest.Run(t, env, `INSERT INTO t VALUES (1, 'Rome', TIMESTAMP '2024-01-01 10:00:00'), (2, 'San José', TIMESTAMP '2024-01-02 00:00:00'),
		(1, 'a/b', TIMESTAMP '2024-01-01 10:00:00'), (1, CAST(NULL AS STRING), TIMESTAMP '1969-12-31 23:00:00')`)
	err := filepath.WalkDir(filepath.Join(dir, "lake"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const rome = "city=Rome/ts_day=2024-01-01/n_bucket=0"
	const jose = "city=San%20Jos%C3%A9/ts_day=2024-01-02/n_bucket=0"
	show("SHOW PARTITIONS t", rome, jose, "city=a%2Fb/ts_day=2024-01-01/n_bucket=0", "city=null/ts_day=1969-12-31/n_bucket=0")
	show("SHOW PARTITIONS t PARTITION (city = 'Rome')", rome)
	show("SHOW PARTITIONS t PARTITION (city = 'San José', ts_day = '2024-01-02')", jose)
	show("SHOW PARTITIONS t PARTITION (ts_day = '2024-01-03')")
	sqltest.Run(t, env, "ALTER TABLE t SET ('partitioning' = 'month(ts)'); INSERT INTO t VALUES (1, 'Rome', TIMESTAMP '2024-01-01 10:00:00')")
	show("SHOW PARTITIONS t PARTITION (ts_month = '2024-01')", "ts_month=2024-01")
	show("SHOW PARTITIONS t PARTITION (city = 'Rome')", rome)
	for sql, want := range map[string]string{
		"SHOW PARTITIONS t PARTITION (n = 1)": `table t is not partitioned by "n"; it is by ["city" "ts_day" "n_bucket" "ts_month"]`,
		"SHOW PARTITIONS plain":               "table plain is not PARTITIONED BY anything",
		"SHOW PARTITIONS `t$files`":           "is not PARTITIONED BY anything",
	} {
		if _, err := sqltest.Shown(t, env, sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}
