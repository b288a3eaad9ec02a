package iceberg_test

import (
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestIcebergDistribution: rows of a partition go to one task where the table
// or the statement asks for it.
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
		CREATE TEMPORARY TABLE many (n BIGINT, day STRING) WITH ('connector' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '`+t.TempDir()+`',
			'use-dynamic-iceberg-sink' = 'true', 'dynamic-record.table-column' = 'day', 'distribution-mode' = 'hash');
		CREATE TEMPORARY TABLE numbers (n BIGINT, day STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '10');`)
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]bool{
		"INSERT INTO lake.db.plain SELECT * FROM numbers":                                               false,
		"INSERT INTO lake.db.plain /*+ OPTIONS('distribution-mode' = 'hash') */ SELECT * FROM numbers":  true,
		"INSERT INTO lake.db.spread SELECT * FROM numbers":                                              true,
		"INSERT INTO lake.db.spread /*+ OPTIONS('distribution-mode' = 'none') */ SELECT * FROM numbers": false,
		"INSERT INTO many SELECT * FROM numbers":                                                        true,
		"INSERT INTO lake.db.buckets SELECT * FROM numbers":                                             false,
	} {
		plan, err := sqltest.Shown(t, env, "EXPLAIN "+sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(plan, "\n"), "hash[day]"); got != want {
			t.Errorf("%s: %v\n%s", sql, got, strings.Join(plan, "\n"))
		}
	}
}
