package wadi_test

import (
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestExplainStuck: the source that holds a watermark is named, and a job that
// moves holds nothing.
func TestExplainStuck(t *testing.T) {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	start := func(script string) string {
		t.Helper()
		var id string
		err := env.Execute(t.Context(), script, func(o wadi.Outcome) error {
			if o.Pipeline == nil {
				return nil
			}
			run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
			if err == nil {
				t.Cleanup(func() { run.Cancel(nil) })
				id = sqltest.Running(t, env)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := start(`
		CREATE TABLE orders (id BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
			'rows-per-second' = '100', 'fields.ms.kind' = 'sequence', 'fields.ms.start' = '1700000000000', 'fields.ms.end' = '1800000000000');
		CREATE TABLE payments (id BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
			'rows-per-second' = '100', 'fields.ms.kind' = 'sequence', 'fields.ms.start' = '1600000000000', 'fields.ms.end' = '1800000000000');
		CREATE TABLE paid (id BIGINT) WITH ('connector' = 'blackhole');
		INSERT INTO paid SELECT o.id FROM orders o JOIN payments p ON o.id = p.id AND o.ts BETWEEN p.ts - INTERVAL '1' HOUR AND p.ts`)
	rows, err := sqltest.Shown(t, env, "EXPLAIN STUCK '"+id+"'")
	if err != nil || len(rows) != 1 || !strings.HasPrefix(rows[0], "watermark, source payments holds the watermark of IntervalJoin") {
		t.Errorf("got %q, %v", rows, err)
	}
	if _, err := sqltest.Shown(t, env, "EXPLAIN STUCK '00000000000000000000000000000000'"); err == nil || !strings.Contains(err.Error(), "no job") {
		t.Errorf("a job that is not there: %v", err)
	}
}
