package wadi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

const gearScript = `
CREATE TEMPORARY TABLE events (
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  ts AS bid.dateTime,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector'='nexmark','events.num'='20000','splits'='2','first-event.rate'='10000','next-event.rate'='10000',
  'rate-limited'='{limited}','person.proportion'='0','auction.proportion'='0');
CREATE TEMPORARY TABLE tops (start TIMESTAMP(3), auction BIGINT, n BIGINT, total BIGINT)
  WITH ('connector'='filesystem','path'='{dir}/out','format'='csv');
INSERT INTO tops SELECT window_start, bid.auction, COUNT(*), SUM(bid.price)
  FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '0.05' SECOND)) GROUP BY window_start, window_end, bid.auction;
`

// gearOf is the script with its files in a directory.
func gearOf(dir string, limited bool) string {
	return strings.NewReplacer("{dir}", dir, "{limited}", fmt.Sprint(limited)).Replace(gearScript)
}

// relay runs stages in an Env of their own, from the JSON that another process
// would get, and loses every so many.
type relay struct {
	lost     int64
	launched atomic.Int64
}

func (r *relay) Launch(ctx context.Context, s wadi.Stage) (res wadi.StageResult, err error) {
	if r.launched.Add(1)%r.lost == 0 {
		return res, fmt.Errorf("%w: the process is lost", job.ErrUnavailable)
	}
	document, err := json.Marshal(s)
	if err != nil {
		return res, err
	}
	var sent wadi.Stage
	if err := json.Unmarshal(document, &sent); err != nil {
		return res, err
	}
	env, err := wadi.Local(wadi.Options{Config: sent.Config})
	if err != nil {
		return res, err
	}
	defer env.Close()
	return env.RunStage(ctx, sent)
}

// gear runs the job, from its newest checkpoint on, until stop says so or to
// its end.
func gear(t *testing.T, dir string, limited bool, config map[string]string, launcher wadi.Launcher, stop func(wadi.Progress) bool) wadi.Result {
	t.Helper()
	all := map[string]string{
		"pipeline.name": "gears", "execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints",
		"execution.checkpointing.interval": "50 ms", "restart-strategy.type": "fixed-delay",
		"restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "1 ms",
	}
	maps.Copy(all, config)
	env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: all, Launcher: launcher})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var res wadi.Result
	script := gearOf(dir, limited)
	err = env.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(ctx, wadi.RestoreLatest)
		if err != nil {
			return err
		}
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-run.Done():
				res, err = run.Wait()
				return err
			case <-look.C:
				if stop != nil && stop(run.Progress()) {
					res, err = run.Stop()
					return err
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// output is every row that was written, in order.
func output(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "out", "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Fields(strings.ReplaceAll(string(data), " ", "_"))...)
	}
	slices.Sort(rows)
	return rows
}

// TestChangeGear: a job runs pipelined, is stopped, goes on staged while some
// of its stages are lost, is stopped, and ends pipelined: each row is there once.
func TestChangeGear(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	want := output(t, calm)
	if len(want) < 100 {
		t.Fatalf("%d rows are too few to tell", len(want))
	}
	after := func(epoch uint64) func(wadi.Progress) bool {
		return func(p wadi.Progress) bool { return uint64(p.Epoch) >= epoch }
	}
	first := gear(t, dir, true, nil, nil, after(3))
	if first.State != coordinator.Stopped || !first.Resumable {
		t.Fatalf("pipelined: %+v", first)
	}
	r := &relay{lost: 5}
	second := gear(t, dir, true, map[string]string{"execution.gear": "staged", "wadi.staged.rows-per-epoch": "1000"}, r, after(uint64(first.Epoch)+4))
	if second.State != coordinator.Stopped || second.Restored < first.Epoch || second.Restarts == 0 || r.launched.Load() < 5 {
		t.Fatalf("staged: %+v after %d stages, want a stop behind epoch %d, with restarts", second, r.launched.Load(), first.Epoch)
	}
	third := gear(t, dir, false, nil, nil, nil)
	if third.State != coordinator.Finished || third.Restored != second.Epoch {
		t.Fatalf("pipelined again: %+v, want the rest from epoch %d", third, second.Epoch)
	}
	if got := output(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d rows, want the %d of the undisturbed run", len(got), len(want))
	}
	if left := channelsOf(t, dir); len(left) > 0 {
		t.Errorf("channels stay: %v", left)
	}
}

// TestStopWhileStagesAreLost: a job that is stopped while no epoch of it succeeds leaves
// nothing between its stages, and goes on where it was.
func TestStopWhileStagesAreLost(t *testing.T) {
	dir := t.TempDir()
	r := &relay{lost: 2} // the second of two
	config := map[string]string{"execution.gear": "staged", "wadi.staged.rows-per-epoch": "1000"}
	stopped := gear(t, dir, true, config, r, func(wadi.Progress) bool { return r.launched.Load() > 6 })
	if stopped.State != coordinator.Stopped || stopped.Restarts == 0 {
		t.Fatalf("%+v", stopped)
	}
	if left := channelsOf(t, dir); len(left) > 0 {
		t.Errorf("channels stay: %v", left)
	}
	if done := gear(t, dir, false, config, &relay{lost: 5}, nil); done.State != coordinator.Finished || len(output(t, dir)) < 100 {
		t.Fatalf("%+v, %d rows", done, len(output(t, dir)))
	}
}

// channelsOf are the files between tasks that are still there.
func channelsOf(t *testing.T, dir string) (left []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "/channels/") {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}
