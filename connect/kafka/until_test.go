package kafka_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/lambda"
)

// TestDriverless: an epoch of a job that nobody leads reads up to where the topic ends
// when it is planned, and ends then. Without new records there is none, and none for
// fewer than the job wants.
func TestDriverless(t *testing.T) {
	address, client := broker(t) // with 30 orders
	dir := filepath.ToSlash(t.TempDir())
	env := sqltest.Env(t, map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "pipeline.name": "orders",
		"parallelism.default": "2", "execution.functions.lag-rows": "3", "execution.functions.lag-time": "1 h",
	})
	if _, err := sqltest.Pipeline(t, env, ordersTable(address, wholeTopic)+fmt.Sprintf(`
		CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/out');
		INSERT INTO out SELECT id FROM orders;`, dir)).Deploy(t.Context(), wadi.RestoreRefuse); err != nil {
		t.Fatal(err)
	}
	trigger := func(reason lambda.Reason, want wadi.TriggerState, rows int64) {
		t.Helper()
		began := time.Now()
		all, err := env.Trigger(t.Context(), lambda.Trigger{Job: "orders", Reason: reason})
		if err != nil || len(all) != 1 || all[0].State != want || all[0].Rows != rows {
			t.Errorf("%+v, %v, want %s and %d rows", all, err, want, rows)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("an epoch of %d rows takes %v", rows, took)
		}
	}
	id := 100
	add := func(n int) {
		for range n {
			produce(t, client, id%2, fmt.Sprintf(`{"id":%d,"ts":"2024-01-01 00:00:00"}`, id))
			id++
		}
	}
	trigger(lambda.Timer, wadi.TriggerDone, 30)
	trigger(lambda.Manual, wadi.TriggerIdle, 0)
	add(2)
	trigger(lambda.Timer, wadi.TriggerNotDue, 0)
	add(1)
	trigger(lambda.Timer, wadi.TriggerDone, 3)
	add(1)
	trigger(lambda.Manual, wadi.TriggerDone, 1)
	if got, want := rowsBelow(t, dir+"/out"), "34 rows, 34 of them different"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
