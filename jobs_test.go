package wadi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestJobs: a job is listed while it runs and afterwards, and is stopped by its id.
func TestJobs(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ how, dir, path string }{
		{"", "", ""}, {" WITH SAVEPOINT", dir, "/savepoint-"}, {" WITH SAVEPOINT WITH DRAIN", dir, "/savepoint-"},
	} {
		env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.checkpointing.dir": c.dir, "pipeline.name": "ticker"}})
		if err != nil {
			t.Fatal(err)
		}
		defer env.Close()
		if rows, err := sqltest.Shown(t, env, "SHOW JOBS"); err != nil || len(rows) != 0 {
			t.Errorf("before: %q %v", rows, err)
		}
		var started *wadi.Run
		err = env.Execute(t.Context(), `
			CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '5');
			CREATE TABLE gone (n INT) WITH ('connector' = 'blackhole');
			INSERT INTO gone SELECT n FROM ticks`, func(o wadi.Outcome) (err error) {
			if o.Pipeline != nil {
				started, err = o.Pipeline.Start(t.Context(), wadi.RestoreNone)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		id := sqltest.Running(t, env)
		if rows, err := sqltest.Shown(t, env, "DESCRIBE JOB '"+id+"'"); err != nil || len(rows) != 1 || !strings.HasPrefix(rows[0], id+", ticker, RUNNING, ") {
			t.Errorf("described: %q %v", rows, err)
		}
		if c.dir == "" {
			if _, err := sqltest.Shown(t, env, "STOP JOB '"+id+"' WITH SAVEPOINT"); err == nil || !strings.Contains(err.Error(), "takes no checkpoints") {
				t.Errorf("without checkpoints: %v", err)
			}
		}
		if rows, err := sqltest.Shown(t, env, "STOP JOB '"+id+"'"+c.how); err != nil || !strings.Contains(fmt.Sprint(rows), c.path) {
			t.Errorf("stopped: %q %v", rows, err)
		}
		<-started.Done()
		if rows, _ := sqltest.Shown(t, env, "SHOW JOBS"); len(rows) != 1 || strings.Contains(rows[0], "RUNNING") {
			t.Errorf("afterwards: %q", rows)
		}
		if _, err := sqltest.Shown(t, env, "STOP JOB '"+id+"'"); err == nil || !strings.Contains(err.Error(), "is not running") {
			t.Errorf("twice: %v", err)
		}
	}
}

// TestProceduresOfIceberg: a table goes back to what it was.
func TestProceduresOfIceberg(t *testing.T) {
	env := rewriting(t, "2")
	sqltest.Run(t, env, "INSERT INTO lake.`default`.ice VALUES (3, 'c', 3)")
	rows, err := sqltest.Shown(t, env, "CALL lake.system.ancestors_of('ice')")
	if err != nil || len(rows) != 2 || !strings.HasSuffix(rows[0], ", append") {
		t.Fatalf("%q %v", rows, err)
	}
	newest, _, _ := strings.Cut(rows[0], ",")
	first, _, _ := strings.Cut(rows[1], ",")
	got, err := sqltest.Shown(t, env, "CALL lake.system.rollback_to_snapshot(table => 'default.ice', snapshot_id => "+first+")")
	if err != nil || len(got) != 1 || got[0] != newest+", "+first {
		t.Errorf("%q %v", got, err)
	}
	sqltest.Same(t, env, iceRows, "1a", "2b")
	got, err = sqltest.Shown(t, env, "CALL lake.system.expire_snapshots('ice', TIMESTAMP '2100-01-01 00:00:00')")
	if err != nil || len(got) != 1 || got[0] != "1" {
		t.Errorf("%q %v", got, err)
	}
	sqltest.Same(t, env, iceRows, "1a", "2b")
	for call, want := range map[string]string{
		"CALL lake.system.rollback_to_snapshot('ice', " + newest + ")":           "it has no snapshot " + newest,
		"CALL lake.system.rollback_to_snapshot('ice', 'x')":                      "argument snapshot_id is a BIGINT",
		"CALL lake.system.ancestors_of(table => 'ice', table => 'ice')":          "argument table is given twice",
		"CALL lake.system.ancestors_of('ice', 1)":                                "procedure ancestors_of takes 1 arguments: table",
		"CALL nothing.system.ancestors_of('ice')":                                "not found: catalog nothing",
		"CALL ancestors_of('ice')":                                               "default_catalog.default_database has none",
		"CALL lake.system.ancestors('ice')":                                      "no procedure lake.system.ancestors",
		"CALL lake.system.expire_snapshots('ice', TIMESTAMP '2100-01-01', 1, 1)": "takes 3 arguments",
	} {
		if _, err := sqltest.Shown(t, env, call); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", call, err, want)
		}
	}
}
