package wadi_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestCompare: an edited query keeps the state of what did not change. What it
// no longer has is lost only when that is allowed.
func TestCompare(t *testing.T) {
	dir := "file://" + filepath.ToSlash(t.TempDir())
	open := func(allow bool) *wadi.Env {
		env, err := wadi.Local(wadi.Options{Config: map[string]string{
			"execution.checkpointing.dir": dir, "execution.runtime-mode": "streaming",
			"execution.state-recovery.ignore-unclaimed-state": fmt.Sprint(allow),
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = env.Close() })
		return env
	}
	script := func(query string) string {
		return `SET 'pipeline.name' = 'edited';
			CREATE TABLE made (id BIGINT, n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '100', 'rows-per-second' = '1000000',
				'fields.id.min' = '0', 'fields.id.max' = '9');
			CREATE TABLE o (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
			INSERT INTO o ` + query
	}
	env := open(false)
	before := "SELECT id, COUNT(*) FROM made GROUP BY id"
	if _, err := sqltest.Pipeline(t, env, script(before)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := env.Checkpoints(t.Context(), dir)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d checkpoints, %v", len(all), err)
	}
	last := all[len(all)-1].Path
	for _, c := range []struct {
		query string
		fates string // of the source, the aggregation and what is lost
	}{
		{before, "kept kept"},
		{"SELECT id + 1, COUNT(*) * 2 FROM made GROUP BY id", "kept kept"},
		{"SELECT id, COUNT(*) FROM made WHERE n > 0 GROUP BY id", "kept new lost"},
		{"SELECT n, COUNT(*) FROM made GROUP BY n", "kept new lost"},
	} {
		changes, err := sqltest.Pipeline(t, open(false), script(c.query)).Compare(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		var fates []string
		for _, ch := range changes {
			if ch.Fate != wadi.Stateless {
				fates = append(fates, string(ch.Fate))
			}
		}
		if got := strings.Join(fates, " "); got != c.fates {
			t.Errorf("%s: %s, want %s", c.query, got, c.fates)
		}
	}
	changes, err := sqltest.Pipeline(t, open(false), script("SELECT id, MAX(n) FROM made GROUP BY id")).Compare(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(changes[1].Begins, changes[1].Ends); got != "[max(n)] [count()]" {
		t.Errorf("another function in place of COUNT: %s", got)
	}
	edited := script("SELECT n, COUNT(*) FROM made GROUP BY n")
	if _, err := restore(t.Context(), sqltest.Pipeline(t, open(false), edited), last); err == nil || !strings.Contains(err.Error(), "--allow-non-restored-state") {
		t.Errorf("restored without the state of the old aggregation: %v", err)
	}
	if _, err := restore(t.Context(), sqltest.Pipeline(t, open(true), edited), last); err != nil {
		t.Errorf("although it was allowed: %v", err)
	}
}

func restore(ctx context.Context, p *wadi.Pipeline, from string) (wadi.Result, error) {
	run, err := p.Start(ctx, wadi.Restore(from))
	if err != nil {
		return wadi.Result{}, err
	}
	return run.Wait()
}
