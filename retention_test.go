package wadi_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestRetention ends jobs in each way and with each retention, and looks for their
// checkpoints.
func TestRetention(t *testing.T) {
	const retain, remove, none = "RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"
	endless, short := int64(1)<<40, int64(3000)
	ends := map[string]struct {
		last int64
		end  func(*testing.T, *wadi.Run, string) coordinator.End
		kept map[string]bool
	}{
		"finished": {short, func(t *testing.T, r *wadi.Run, _ string) coordinator.End {
			res, err := r.Wait()
			if err != nil {
				t.Fatal(err)
			}
			return res.State
		}, map[string]bool{retain: true}},
		"canceled": {endless, func(_ *testing.T, r *wadi.Run, _ string) coordinator.End {
			r.Cancel(errors.New("enough"))
			res, _ := r.Wait()
			return res.State
		}, map[string]bool{retain: true}},
		"shut down": {endless, func(_ *testing.T, r *wadi.Run, _ string) coordinator.End {
			r.Cancel(fmt.Errorf("%w: the process ends", job.ErrUnavailable))
			res, _ := r.Wait()
			return res.State
		}, map[string]bool{retain: true, remove: true, none: true}},
		"stopped": {endless, func(t *testing.T, r *wadi.Run, _ string) coordinator.End {
			res, err := r.Stop()
			if err != nil {
				t.Fatal(err)
			}
			return res.State
		}, map[string]bool{retain: true, remove: true, none: true}},
		"stopped with a savepoint": {endless, func(t *testing.T, r *wadi.Run, dir string) coordinator.End {
			if _, err := r.StopWithSavepoint(t.Context(), dir, false); err != nil {
				t.Fatal(err)
			}
			res, _ := r.Wait()
			return res.State
		}, map[string]bool{retain: true}},
	}
	for name, c := range ends {
		for _, mode := range []string{retain, remove, none} {
			base := t.TempDir()
			config := map[string]string{
				"pipeline.name": "kept", "execution.checkpointing.interval": "20 ms", "execution.checkpointing.num-retained": "2",
				"execution.checkpointing.dir":                               filepath.Join(base, "checkpoints"),
				"execution.checkpointing.externalized-checkpoint-retention": mode,
			}
			script := fmt.Sprintf(summing, c.last, filepath.Join(base, "out"))
			run := begin(t, config, wadi.RestoreRefuse, script)
			if c.last == endless {
				await.That(t, "checkpoints", func() bool { p := run.Progress(); return p.Epoch > 5 && p.Staged == 0 })
			}
			state := c.end(t, run, filepath.Join(base, "savepoints"))
			left, runs := leftIn(t, filepath.Join(base, "checkpoints"))
			if want := c.kept[mode]; left > 0 != want || !want && runs > 0 || left > 2+2 {
				t.Errorf("%s (%s), %s: %d checkpoints and %d runs are left", name, state, mode, left, runs)
			}
			if name == "canceled" {
				if _, err := tryBegin(t, config, wadi.RestoreRefuse, script); (mode == retain) != errors.Is(err, wadi.ErrUnfinished) {
					t.Errorf("%s: started again: %v", mode, err)
				}
			}
		}
	}
	if err := plain(t).Set("execution.checkpointing.externalized-checkpoint-retention", "KEEP"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "RETAIN_ON_CANCELLATION") {
		t.Errorf("an unknown retention: %v", err)
	}
}

// tryBegin starts a job, and ends it at once.
func tryBegin(t *testing.T, config map[string]string, restore wadi.Restore, script string) (wadi.Result, error) {
	t.Helper()
	_, p := pipelineOf(t, config, script)
	run, err := p.Start(t.Context(), restore)
	if err != nil {
		return wadi.Result{}, err
	}
	return run.Stop()
}

// leftIn counts the manifests of checkpoints that were not aborted, and the runs.
func leftIn(t *testing.T, dir string) (checkpoints, runs int) {
	t.Helper()
	all, err := plain(t).Checkpoints(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Aborted == "" {
			checkpoints++
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "shared", "*"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return checkpoints, len(files)
}
