package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLocalFunctions: a job whose tasks are invocations of processes, by AWS
// Lambda's runtime API, writes what it writes in one process.
func TestLocalFunctions(t *testing.T) {
	t.Setenv("WADI_TEST_PROGRAM", "1") // for those that it starts
	rows := func(gear string) []string {
		dir := filepath.ToSlash(t.TempDir())
		script := filepath.Join(dir, "job.sql")
		text := `SET 'execution.checkpointing.dir' = 'file://` + dir + `/checkpoints'; SET 'execution.gear' = '` + gear + `';
			SET 'execution.functions.target' = 'local:?memory=1gb&timeout=1min'; SET 'parallelism.default' = '2'; SET 'execution.runtime-mode' = 'batch';
			CREATE TABLE target (auction BIGINT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://` + dir + `/out');
			CREATE TABLE events (bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ` + "`dateTime`" + ` TIMESTAMP(3), extra STRING>) WITH ('connector' = 'nexmark', 'events.num' = '50000');
			INSERT INTO target SELECT bid.auction, COUNT(*) FROM events WHERE bid IS NOT NULL GROUP BY bid.auction;`
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := execute(context.WithoutCancel(t.Context()), []string{"run", script}); code != exitDone {
			t.Fatalf("%s: exit code %d", gear, code)
		}
		files, err := filepath.Glob(dir + "/out/[^._]*")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.Fields(string(data))...)
		}
		slices.Sort(all)
		return all
	}
	want := rows("pipelined")
	if got := rows("functions"); len(want) < 1000 || !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}
