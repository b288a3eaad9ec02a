package wadi_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestStoredJobs has jobs in one directory that have finished, are left behind, may
// go on and run, and removes what is of those that are gone.
func TestStoredJobs(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "checkpoints")
	script := func(rows int64) string { return fmt.Sprintf(summing, rows, filepath.Join(base, "out")) }
	started := func(name string, restore wadi.Restore, rows int64) *wadi.Run {
		run := begin(t, map[string]string{
			"pipeline.name": name, "execution.checkpointing.interval": "20 ms", "execution.checkpointing.dir": dir,
		}, restore, script(rows))
		if rows > 1<<20 {
			await.That(t, "checkpoints", func() bool { return run.Progress().Epoch > 2 })
		}
		return run
	}
	stopped := func(name string, restore wadi.Restore) job.ID {
		run := started(name, restore, 1<<40)
		if _, err := run.Stop(); err != nil {
			t.Fatal(err)
		}
		return run.Progress().Job
	}
	finished := started("finished", wadi.RestoreNone, 2000)
	if _, err := finished.Wait(); err != nil {
		t.Fatal(err)
	}
	behind, newer := stopped("one", wadi.RestoreNone), stopped("one", wadi.RestoreNone)
	running := started("two", wadi.RestoreNone, 1<<40)
	alone := started("two", wadi.RestoreNone, 1<<40)
	env := plain(t)
	s := wadi.Storage{Directory: dir, Quiet: time.Hour, Now: time.Now().Add(2 * time.Hour), Runs: func(id job.ID) bool { return id == running.Progress().Job }}
	want := map[job.ID]struct {
		state string
		gone  bool
	}{
		finished.Progress().Job: {"finished", true}, behind: {"left behind: job " + string(newer) + " has its name", true},
		newer: {"it may go on from its latest", false}, running.Progress().Job: {"it runs", false}, alone.Progress().Job: {"it may go on from its latest", false},
	}
	all, err := env.StoredJobs(t.Context(), s)
	if err != nil || len(all) != len(want) {
		t.Fatal(all, err)
	}
	for _, j := range all {
		if w := want[j.ID]; j.State != w.state || j.Gone != w.gone || j.Bytes == 0 {
			t.Errorf("%+v, want %+v", j, w)
		}
		n, err := env.RemoveStoredJob(t.Context(), s, j.ID)
		if j.Gone && (err != nil || n != j.Bytes) || !j.Gone && !errors.Is(err, job.ErrInvalid) {
			t.Errorf("remove %s, %s: %d, %v", j.ID, j.State, n, err)
		}
		_, absent := os.Stat(filepath.Join(dir, string(j.ID), "shared"))
		if files, _ := filepath.Glob(filepath.Join(dir, string(j.ID), "chk-*", "*")); j.Gone && len(files) > 0 || !j.Gone && absent != nil {
			t.Errorf("%s: %q", j.State, files)
		}
	}
	// It ended once, and does so again.
	again := begin(t, map[string]string{"pipeline.name": "finished", "execution.checkpointing.dir": dir}, wadi.RestoreLatest, script(2000))
	if res, err := again.Wait(); err != nil || res.State != coordinator.Finished || again.Progress().Read != 0 {
		t.Errorf("the finished job: %+v, %v", res, err)
	}
	s.Now = time.Now()
	if err := env.Set("pipeline.name", ""); err != nil {
		t.Fatal(err)
	}
	third := stopped("one", wadi.RestoreNone)
	if _, err = env.RemoveStoredJob(t.Context(), s, newer); err == nil || !strings.Contains(err.Error(), "written to") {
		t.Errorf("a job that was written to just now: %v", err)
	}
	if _, err = env.RemoveStoredJob(t.Context(), s, third); err == nil {
		t.Error("the newest of its name was removed")
	}
}

// TestRemoveRunningJob: who is told wrongly that a job is gone stops it, and does
// not let it go on without its state.
func TestRemoveRunningJob(t *testing.T) {
	base := t.TempDir()
	config := map[string]string{
		"pipeline.name": "zombie", "execution.checkpointing.interval": "20 ms", "execution.checkpointing.dir": filepath.Join(base, "checkpoints"),
	}
	run := begin(t, config, wadi.RestoreNone, fmt.Sprintf(summing, int64(1)<<40, filepath.Join(base, "out")))
	await.That(t, "checkpoints", func() bool { return run.Progress().Epoch > 2 })
	newer := begin(t, config, wadi.RestoreNone, fmt.Sprintf(summing, int64(1)<<40, filepath.Join(base, "newer")))
	await.That(t, "checkpoints", func() bool { return newer.Progress().Epoch > 2 })
	s := wadi.Storage{Directory: config["execution.checkpointing.dir"], Quiet: time.Second, Now: time.Now().Add(time.Hour)}
	if _, err := plain(t).RemoveStoredJob(t.Context(), s, run.Progress().Job); err != nil {
		t.Fatal(err)
	}
	if res, err := run.Wait(); res.State != coordinator.Fenced {
		t.Errorf("the job that was removed: %+v, %v", res, err)
	}
	if res, err := newer.Stop(); err != nil || res.State != coordinator.Stopped {
		t.Errorf("the other: %+v, %v", res, err)
	}
}

// TestStoredJobsOfCluster asks a cluster, which knows what runs.
func TestStoredJobsOfCluster(t *testing.T) {
	base := t.TempDir()
	s := serve(t, map[string]string{"execution.checkpointing.dir": filepath.Join(base, "checkpoints"), "execution.checkpointing.interval": "20 ms"})
	submit := func(name string, rows int64) job.ID {
		all, err := s.Submit(t.Context(), rest.Submission{Name: name, Script: fmt.Sprintf(summing, rows, filepath.Join(base, name))})
		if err != nil {
			t.Fatal(err)
		}
		return all[0].ID
	}
	short, long := submit("short", 1000), submit("long", 1<<40)
	states := func() map[job.ID]rest.StoredJob {
		all, err := s.client().Stored(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		by := map[job.ID]rest.StoredJob{}
		for _, j := range all {
			by[j.ID] = j
		}
		return by
	}
	await.That(t, "both", func() bool { by := states(); return by[short].Gone && by[long].State == "it runs" })
	if _, err := s.client().RemoveStored(t.Context(), string(long)); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "it runs") {
		t.Errorf("remove a job that runs: %v", err)
	}
	if n, err := s.client().RemoveStored(t.Context(), string(short)); err != nil || n == 0 {
		t.Errorf("remove a job that has finished: %d, %v", n, err)
	}
	if _, left := states()[short]; left {
		t.Error("it is still listed")
	}
}
