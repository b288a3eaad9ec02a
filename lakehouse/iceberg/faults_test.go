package iceberg_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// sinkFaults are tables whose jobs meet a store that fails: what makes them, what
// fills them from numbers, and what they tell in the end.
var sinkFaults = []struct{ name, create, insert, query, want string }{
	{
		"filesystem", "CREATE TABLE t (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'flaky://lake/t')",
		"INSERT INTO t SELECT id FROM numbers", totals("t"), allNumbers,
	},
	{
		"append", "CREATE TABLE lake.`default`.t (id BIGINT) WITH ('sink.commit.max-age' = '0 s')",
		"INSERT INTO lake.`default`.t SELECT id FROM numbers", totals("lake.`default`.t"), allNumbers,
	},
	byKey("deletion vectors", "'format-version' = '3'"),
	byKey("position deletes", "'format-version' = '2'"),
	byKey("equality deletes", "'format-version' = '2', 'write.upsert.mode' = 'equality'"),
	byKey("copy-on-write", "'format-version' = '2', 'write.upsert.mode' = 'copy-on-write'"),
}

const (
	faultRows  = 2000
	faultKeys  = 50
	allNumbers = "2000 2000 2001000"
)

func totals(table string) string {
	return "SELECT CAST(COUNT(*) AS STRING) || ' ' || CAST(COUNT(DISTINCT id) AS STRING) || ' ' || CAST(SUM(id) AS STRING) FROM " + table
}

// byKey counts the numbers by their remainders, in a table that takes each row in
// place of the one before.
func byKey(name, options string) struct{ name, create, insert, query, want string } {
	highest := 0
	for k := range faultKeys {
		highest += faultRows - k
	}
	return struct{ name, create, insert, query, want string }{
		name, "CREATE TABLE lake.`default`.t (k BIGINT, n BIGINT, top BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0 s', " + options + ")",
		fmt.Sprintf("INSERT INTO lake.`default`.t SELECT MOD(id, %d), COUNT(*), MAX(id) FROM numbers GROUP BY MOD(id, %d)", faultKeys, faultKeys),
		"SELECT CAST(COUNT(*) AS STRING) || ' ' || CAST(COUNT(DISTINCT k) AS STRING) || ' ' || CAST(SUM(n) AS STRING) || ' ' || CAST(SUM(top) AS STRING) FROM lake.`default`.t",
		fmt.Sprint(faultKeys, " ", faultKeys, " ", faultRows, " ", highest),
	}
}

const faultNumbers = `CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000',
	'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '2000');`

// flakyEnv keeps tables and checkpoints in a store that fails, and restarts its jobs.
func flakyEnv(t *testing.T, faults *objstoretest.Faults) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{
		Parallelism: 2, Stores: map[string]objstore.Opener{"flaky": faults.Open},
		Config: map[string]string{
			"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "flaky://lake/checkpoints",
			"execution.checkpointing.interval": "150 ms", "restart-strategy.type": "fixed-delay",
			"restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "10 ms",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	sqltest.Run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'flaky://lake/warehouse')")
	return env
}

// TestStoreFails: a job whose checkpoints, staged files and Iceberg commits all
// go through a store of which 5 % of the requests fail, half of them as throttled,
// 1 % are done and fail all the same, and some are slow, writes each row once.
func TestStoreFails(t *testing.T) {
	for i, c := range sinkFaults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait, mostly
			faults := &objstoretest.Faults{Seed: uint64(i), Errors: 0.05, Ambiguous: 0.01, Slow: 0.02, Delay: 20 * time.Millisecond}
			env := flakyEnv(t, faults)
			sqltest.Run(t, env, c.create+";"+faultNumbers+c.insert+"; SET 'execution.runtime-mode' = 'batch'")
			sqltest.Same(t, env, c.query, c.want)
			if c := faults.Count(); c.Errors == 0 || c.Ambiguous == 0 {
				t.Errorf("too few requests to find anything: %+v", c)
			}
		})
	}
}

// TestStoreFailsReaders: a job that follows the snapshots of a table through such a
// store gives each row once, while the table grows: whether it first looks at the
// table before it has rows, or after.
func TestStoreFailsReaders(t *testing.T) {
	t.Parallel()
	faults := &objstoretest.Faults{Seed: 7, Errors: 0.05, Ambiguous: 0.01, Slow: 0.02, Delay: 20 * time.Millisecond}
	env := flakyEnv(t, faults)
	sqltest.Run(t, env, "CREATE TABLE lake.`default`.t (id BIGINT) WITH ('sink.commit.max-age' = '0 s'); CREATE TABLE lake.`default`.copy (id BIGINT) WITH ('sink.commit.max-age' = '0 s')")
	started, err := sqltest.Pipeline(t, env, "INSERT INTO lake.`default`.copy SELECT id FROM lake.`default`.t /*+ OPTIONS('streaming' = 'true', 'starting-strategy' = 'TABLE_SCAN_THEN_INCREMENTAL', 'monitor-interval' = '20 ms') */").Start(t.Context(), wadi.RestoreNone)
	if err != nil {
		t.Fatal(err)
	}
	sqltest.Run(t, env, faultNumbers+"INSERT INTO lake.`default`.t SELECT id FROM numbers; SET 'execution.runtime-mode' = 'batch'")
	await.Text(t, allNumbers, func() string { return strings.Join(sqltest.Texts(t, env, totals("lake.`default`.copy")), "\n") })
	if _, err := started.Stop(); err != nil {
		t.Fatal(err)
	}
	sqltest.Same(t, env, totals("lake.`default`.copy"), allNumbers)
	if c := faults.Count(); c.Errors == 0 || c.Ambiguous == 0 {
		t.Errorf("too few requests to find anything: %+v", c)
	}
}
