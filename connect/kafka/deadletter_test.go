package kafka_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestDeadLetterTargets: bad records of Kafka go to a table of files, of Iceberg and
// of Kafka, each exactly once, by jobs that are canceled at any moment.
func TestDeadLetterTargets(t *testing.T) {
	address, client := broker(t)
	dir := filepath.ToSlash(t.TempDir())
	for name, with := range map[string]string{
		"files":   "'connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + dir + "/dead'",
		"iceberg": "'connector' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '" + dir + "/lake', 'catalog-name' = 'lake', 'catalog-table' = 'dead', 'catalog-database' = 'd', 'create-table' = 'true', 'sink.commit.max-age' = '0 s'",
		"kafka": "'connector' = 'kafka', 'topic' = 'out', 'properties.bootstrap.servers' = '" + address + "', 'format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', " +
			"'sink.transactional-id-prefix' = 'dead', 'properties.transaction.timeout.ms' = '3000', 'properties.isolation.level' = 'read_committed', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'",
	} {
		t.Run(name, func(t *testing.T) {
			dead := "CREATE TABLE dead (`position` BIGINT, split STRING, text STRING, bytes BYTES, job STRING, epoch BIGINT) WITH (" + with + ");"
			script := "SET 'pipeline.name' = '" + name + "';" + dead +
				"CREATE TABLE nowhere (id INT) WITH ('connector' = 'blackhole'); " +
				strings.Replace(ordersTable(address, wholeTopic), "WITH (", "WITH ('error.policy' = 'dead-letter', 'error.table' = 'dead', ", 1) +
				"INSERT INTO nowhere SELECT id FROM orders;"
			config := map[string]string{
				"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms", "execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
			}
			query := "SELECT CAST(bytes AS STRING) AS text FROM dead WHERE CAST(bytes AS STRING) LIKE 'bad " + name + "%' AND job IS NOT NULL AND epoch > 0 AND split LIKE 'orders-%'"
			letters := func() (got []string) {
				env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
				sqltest.Run(t, env, dead)
				for row, err := range wadi.Rows[struct{ Text string }](t.Context(), env.SQL(query)) {
					if err != nil { // the table is not there yet
						return nil
					}
					got = append(got, row.Text)
				}
				slices.Sort(got)
				return got
			}
			var want []string
			for round := range 4 {
				started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 10 {
					text := fmt.Sprintf("bad %s %d %d", name, round, i)
					produce(t, client, i%3, text)
					want = append(want, text)
				}
				if round < 3 {
					started.Cancel(context.Canceled)
					_, _ = started.Wait() // it was canceled
					continue
				}
				await.Text(t, fmt.Sprint(len(want)), func() string { return fmt.Sprint(len(letters())) })
				if _, err := started.Stop(); err != nil {
					t.Fatal(err)
				}
			}
			slices.Sort(want)
			if got := letters(); !slices.Equal(got, want) {
				t.Errorf("letters %q, want %q", got, want)
			}
		})
	}
}
