package wadi_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
)

// orders is a job over orders of customers: sums that change, and windows that end.
func orders(live, totals, windows string) string {
	return fmt.Sprintf(`
CREATE TABLE orders (id BIGINT, customer STRING, amount DECIMAL(10, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (%s);
CREATE TABLE totals (customer STRING, n BIGINT, amount DECIMAL(38, 2), top BIGINT, PRIMARY KEY (customer) NOT ENFORCED) WITH (%s);
CREATE TABLE windows (w TIMESTAMP(3), n BIGINT) WITH (%s);
EXECUTE STATEMENT SET BEGIN
INSERT INTO totals SELECT customer, COUNT(*), SUM(amount), MAX(id) FROM orders GROUP BY customer;
INSERT INTO windows SELECT window_end, COUNT(*) FROM TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end;
END;`, live, totals, windows)
}

// pipelineOf is the job of a script.
func pipelineOf(t *testing.T, config map[string]string, script string) (*wadi.Env, *wadi.Pipeline) {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	var p *wadi.Pipeline
	if err := env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline != nil {
			p = o.Pipeline
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return env, p
}

// numbered are orders with the numbers from to to, one a second, as Parquet files.
func numbered(t *testing.T, from, to int) string {
	t.Helper()
	dir := t.TempDir()
	_, p := pipelineOf(t, map[string]string{"execution.runtime-mode": "batch"}, fmt.Sprintf(`
CREATE TABLE n (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '%d', 'fields.id.end' = '%d');
CREATE TABLE o (id BIGINT, customer STRING, amount DECIMAL(10, 2), ts TIMESTAMP(6)) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s');
INSERT INTO o SELECT id, 'c' || CAST(id %% 7 AS STRING), CAST(id AS DECIMAL(10, 2)) / 4, TIMESTAMPADD(SECOND, CAST(id AS INT), TIMESTAMP '2026-01-01 00:00:00') FROM n`, from, to, dir))
	run, err := p.Start(t.Context(), wadi.RestoreNone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func filesystem(format, path string) string {
	return fmt.Sprintf("'connector' = 'filesystem', 'format' = '%s', 'path' = '%s'", format, path)
}

// TestBootstrap starts a job from the state of rows of the past, in a Parquet file,
// and one that has read them itself: their states are equal, and so is what they
// write from then on.
func TestBootstrap(t *testing.T) {
	past, present := numbered(t, 0, 499), numbered(t, 500, 699)
	for _, parallelism := range []string{"1", "3"} {
		base := t.TempDir()
		config := func(name string) map[string]string {
			return map[string]string{
				"execution.runtime-mode": "streaming", "parallelism.default": parallelism, "pipeline.max-parallelism": "12", "pipeline.name": name,
				"execution.checkpointing.dir": filepath.Join(base, name), "execution.checkpointing.interval": "1 h",
			}
		}
		discarded := "'connector' = 'blackhole'"
		env, p := pipelineOf(t, config("started"), orders(filesystem("parquet", present), discarded, filesystem("json", filepath.Join(base, "windows"))))
		at, err := p.Bootstrap(t.Context(), wadi.Bootstrap{
			History: map[string]*wadi.Frame{"orders": env.SQL("SELECT * FROM read_parquet('" + past + "') ORDER BY id")}, Directory: filepath.Join(base, "savepoints"),
		})
		if err != nil {
			t.Fatal(err)
		}
		run, err := p.Start(t.Context(), wadi.Restore(at))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(); err != nil {
			t.Fatal(err)
		}
		// The other reads both.
		whole := numbered(t, 0, 699)
		_, q := pipelineOf(t, config("whole"), orders(filesystem("parquet", whole), discarded, filesystem("json", filepath.Join(base, "all-windows"))))
		if run, err = q.Start(t.Context(), wadi.RestoreNone); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(); err != nil {
			t.Fatal(err)
		}
		all, err := env.CompareCheckpoints(t.Context(), last(t, env, filepath.Join(base, "whole")), last(t, env, filepath.Join(base, "started")), nil)
		if err != nil || len(all) == 0 {
			t.Fatal(all, err)
		}
		for _, d := range all {
			if !d.Equal() {
				t.Errorf("parallelism %s: %s of %s: %v", parallelism, d.Table, d.Vertex, d)
			}
		}
		// The last window that begins in the past ends in the present.
		if got := oneRow(t, env, "SELECT COUNT(*), SUM(n) FROM read_json('"+filepath.Join(base, "windows")+"')"); got != "21 210" {
			t.Errorf("parallelism %s: windows and their rows: %s", parallelism, got)
		}
	}
}

// last is the path of the newest checkpoint below a directory.
func last(t *testing.T, env *wadi.Env, dir string) string {
	t.Helper()
	all, err := env.Checkpoints(t.Context(), dir)
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all[len(all)-1].Path
}

func TestBootstrapMistakes(t *testing.T) {
	endless := "'connector' = 'datagen'"
	env, p := pipelineOf(t, nil, orders(endless, "'connector' = 'blackhole'", "'connector' = 'blackhole'"))
	for name, c := range map[string]struct {
		history map[string]*wadi.Frame
		want    string
	}{
		"none":           {nil, "has no end, so that it needs a history"},
		"another table":  {map[string]*wadi.Frame{"orders": env.SQL("SELECT * FROM orders"), "order": env.SQL("SELECT 1")}, ""},
		"no such column": {map[string]*wadi.Frame{"orders": env.SQL("SELECT 1 AS id, 'a' AS customer, 2.0 AS amount")}, `no column "ts"`},
		"wrong type":     {map[string]*wadi.Frame{"orders": env.SQL("SELECT ARRAY[1] AS id, 'a' AS customer, 2.0 AS amount, TIMESTAMP '2026-01-01 00:00:00' AS ts")}, "CAST its columns"},
	} {
		_, err := p.Bootstrap(t.Context(), wadi.Bootstrap{History: c.history, Directory: t.TempDir()})
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
