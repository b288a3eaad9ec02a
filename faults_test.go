package wadi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
)

// TestStoreFails: a job whose checkpoints, staged files and Iceberg commits all
// go through a store of which 5 % of the requests fail, 1 % are done and fail
// all the same, and some are slow, writes each row once.
func TestStoreFails(t *testing.T) {
	const rows = 3000
	for _, sink := range []string{"iceberg", "filesystem"} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(sink, seed), func(t *testing.T) {
				faults := &objstoretest.Faults{Seed: seed, Errors: 0.05, Ambiguous: 0.01, Slow: 0.02, Delay: 20 * time.Millisecond}
				env, err := wadi.Local(wadi.Options{
					Parallelism: 2, Stores: map[string]objstore.Opener{"flaky": faults.Open},
					Config: map[string]string{
						"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "flaky://lake/checkpoints",
						"execution.checkpointing.interval": "200 ms", "restart-strategy.type": "fixed-delay",
						"restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "10 ms",
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer env.Close()
				target := "CREATE TABLE t (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'flaky://lake/t')"
				if sink == "iceberg" {
					target = `CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'flaky://lake/warehouse');
						CREATE TABLE lake.` + "`default`" + `.t (id BIGINT) WITH ('sink.commit.max-age' = '0 s');
						CREATE TEMPORARY VIEW t AS SELECT * FROM lake.` + "`default`" + `.t`
				}
				into := map[string]string{"iceberg": "lake.`default`.t", "filesystem": "t"}[sink]
				run(t, env, target+`;
					CREATE TEMPORARY TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000',
						'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '`+fmt.Sprint(rows)+`');
					INSERT INTO `+into+` SELECT id FROM numbers;
					SET 'execution.runtime-mode' = 'batch'`)
				sameTexts(t, env, "SELECT CAST(COUNT(*) AS STRING) || ' ' || CAST(COUNT(DISTINCT id) AS STRING) || ' ' || CAST(SUM(id) AS STRING) FROM t",
					fmt.Sprint(rows, " ", rows, " ", rows*(rows+1)/2))
				if c := faults.Count(); c.Errors == 0 || c.Ambiguous == 0 {
					t.Errorf("too few requests to find anything: %+v", c)
				}
			})
		}
	}
}
