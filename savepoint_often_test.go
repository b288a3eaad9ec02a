package wadi_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestSavepointsOften lets a job make savepoints by itself: the newest are kept, one
// that somebody has asked for stays, and each can be gone on from.
func TestSavepointsOften(t *testing.T) {
	const rows = 6000
	base := t.TempDir()
	saved := filepath.Join(base, "savepoints")
	config := map[string]string{
		"pipeline.name": "often", "execution.checkpointing.interval": "1 h", "execution.checkpointing.dir": filepath.Join(base, "checkpoints"),
		"execution.checkpointing.savepoint-dir": saved, "wadi.savepoint.interval": "100 ms", "wadi.savepoint.num-retained": "2",
	}
	first := filepath.Join(base, "first")
	run := begin(t, config, wadi.RestoreRefuse, fmt.Sprintf(summing, rows-1, first))
	await.That(t, "rows", func() bool { return run.Progress().Read > 1000 })
	asked, err := run.Savepoint(t.Context(), saved)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	periodic, err := filepath.Glob(filepath.Join(saved, "savepoint-*-periodic-*", "_metadata"))
	if err != nil || len(periodic) != 2 {
		t.Fatalf("savepoints of the schedule: %q, %v", periodic, err)
	}
	delete(config, "wadi.savepoint.interval")
	for i, from := range []string{asked, periodic[0], periodic[1]} {
		config["execution.checkpointing.dir"] = filepath.Join(base, fmt.Sprint("again-", i))
		out := filepath.Join(base, fmt.Sprint("out-", i))
		again := begin(t, config, wadi.Restore(from), fmt.Sprintf(summing, rows-1, out))
		if res, err := again.Wait(); err != nil || res.State != coordinator.Finished || res.Restored == 0 {
			t.Fatalf("%s: %+v, %v", from, res, err)
		}
		w, n, _ := rowsIn(t, out) // none, when the last savepoint was taken behind the last row
		if w == 0 && from == asked || w > 6 || n != w*1000 {
			t.Errorf("%s: %d windows, %d rows", from, w, n)
		}
	}
}

func TestSavepointsOftenMistakes(t *testing.T) {
	_, p := pipelineOf(t, map[string]string{"wadi.savepoint.interval": "1 h"}, fmt.Sprintf(sums, 10))
	if _, err := p.Start(t.Context(), wadi.RestoreNone); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("without checkpoints: %v", err)
	}
	for key, value := range map[string]string{"wadi.savepoint.num-retained": "0", "wadi.savepoint.interval": "often"} {
		if err := plain(t).Set(key, value); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s = %s: %v", key, value, err)
		}
	}
}
