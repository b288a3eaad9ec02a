package wadi_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
)

// TestUnpublished: a job in whose tables nothing would be seen before it is stopped says
// so when it starts, with the table and the keys to set.
func TestUnpublished(t *testing.T) {
	const ticks = `CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '5'`
	const file = `CREATE TABLE kept (n INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'mem://lake/kept')`
	const gone = `CREATE TABLE kept (n INT) WITH ('connector' = 'blackhole')`
	const lake = `
		CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'mem://lake/w');
		CREATE DATABASE lake.db;
		CREATE TABLE lake.db.t (n INT)`
	for _, c := range []struct {
		name, script, into, dir, interval string
		want                              []string
	}{
		{"files", ticks + ");" + file, "kept", "", "", []string{
			"default_catalog.default_database.kept", "SET 'execution.checkpointing.dir' and 'execution.checkpointing.interval' (such as '10 s')",
		}},
		{"a directory alone", ticks + ");" + file, "kept", "mem://lake/c", "", []string{"SET 'execution.checkpointing.interval'"}},
		{"an interval alone", ticks + ");" + file, "kept", "", "1 s", []string{"SET 'execution.checkpointing.dir'\""}},
		{"iceberg", ticks + ");" + lake, "lake.db.t", "", "", []string{"rows in `lake`.`db`.`t` are seen when a checkpoint is complete"}},
		{"checkpoints", ticks + ");" + file, "kept", "mem://lake/c", "1 s", nil},
		{"an end", ticks + ", 'number-of-rows' = '3');" + file, "kept", "", "", nil},
		{"seen at once", ticks + ");" + gone, "kept", "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			env, err := wadi.Local(wadi.Options{
				Config: map[string]string{"execution.checkpointing.dir": c.dir, "execution.checkpointing.interval": c.interval},
				Log:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			err = env.Execute(t.Context(), c.script+"; INSERT INTO "+c.into+" SELECT n FROM ticks", func(o wadi.Outcome) error {
				if o.Pipeline == nil {
					return nil
				}
				run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
				if err == nil {
					run.Cancel(errors.New("it was only to start"))
					<-run.Done()
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == nil && log.Len() > 0 {
				t.Errorf("it warned: %s", log.String())
			}
			for _, want := range c.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("no %q in: %s", want, log.String())
				}
			}
		})
	}
}
