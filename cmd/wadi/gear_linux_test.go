package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
)

// TestProcessesInEveryGear: jobs change gear while they run, among tasks in this
// process, processes for stages, and processes as functions by AWS Lambda's runtime
// API; each writes what it writes in one gear.
func TestProcessesInEveryGear(t *testing.T) {
	t.Setenv("WADI_TEST_PROGRAM", "1") // for those that are started
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]string{
		"over":   "SELECT k, MAX(n) FROM (SELECT bid.auction % 50 AS k, ts, COUNT(*) OVER (PARTITION BY bid.auction % 50 ORDER BY ts) AS n FROM events) GROUP BY k, TUMBLE(ts, INTERVAL '1' SECOND)",
		"window": "SELECT bid.auction % 50, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '0.5' SECOND)) GROUP BY window_start, window_end, bid.auction % 50",
		"filter": "SELECT bid.auction, bid.price FROM events WHERE bid.auction % 7 = 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := rowsOfGears(t, binary, query, nil)
			if got := rowsOfGears(t, binary, query, []string{"functions", "staged", "pipelined"}); len(want) < 20 || !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
		})
	}
}

// rowsOfGears are the rows that a query writes while it changes to each gear.
func rowsOfGears(t *testing.T, binary, query string, gears []string) (all []string) {
	t.Helper()
	dir := filepath.ToSlash(t.TempDir())
	log := slog.New(slog.DiscardHandler)
	env, err := wadi.Local(wadi.Options{Launcher: processes{binary, log}, Invokers: invokers(binary, log), Parallelism: 2, Config: map[string]string{
		"execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "100 ms", "wadi.staged.rows-per-epoch": "3000",
		"execution.functions.target": "local:?memory=1gb&timeout=1min", "execution.runtime-mode": "streaming",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	limited := "false"
	if gears != nil {
		limited = "true"
	}
	script := `CREATE TABLE events (bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ` + "`dateTime`" + ` TIMESTAMP(3), extra STRING>,
		ts AS bid.` + "`dateTime`" + `, WATERMARK FOR ts AS ts - INTERVAL '0.1' SECOND) WITH ('connector' = 'nexmark', 'events.num' = '30000', 'splits' = '2', 'person.proportion' = '0',
		'auction.proportion' = '0', 'first-event.rate' = '10000', 'next-event.rate' = '10000', 'rate-limited' = '` + limited + `');
		CREATE TABLE target (a BIGINT, b BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://` + dir + `/out');
		INSERT INTO target ` + query
	err = env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		for _, g := range gears {
			epoch := run.Progress().Epoch
			await.That(t, "an epoch before "+g, func() bool { return run.Progress().Epoch > epoch })
			if err := run.ChangeGear(t.Context(), g); err != nil {
				return err
			}
			await.That(t, "the "+g+" gear", func() bool {
				l, _ := run.Life()
				return run.Gear() == g && l.Shifts[0].Took > 0
			})
			if l, _ := run.Life(); l.Shifts[0].Took > 3*time.Second {
				t.Errorf("the change to %s takes %v", g, l.Shifts[0].Took)
			}
		}
		if res, err := run.Wait(); err != nil || res.State != coordinator.Finished || res.Restarts > 0 {
			t.Errorf("%+v %v", res, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/out/[^._]*")
	if err != nil {
		t.Fatal(err)
	}
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
