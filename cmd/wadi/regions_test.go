//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/testcluster"
)

// forwarded copies numbers that come at a rate: each task passes on what it reads, so
// that no rows cross between tasks.
const forwarded = `
SET 'pipeline.name' = 'forwarded';
SET 'execution.runtime-mode' = 'streaming';
CREATE TEMPORARY TABLE numbers (n BIGINT)
  WITH ('connector' = 'datagen', 'rows-per-second' = '%d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '40000');
CREATE TEMPORARY TABLE squares (n BIGINT, square BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv');
INSERT INTO squares SELECT n, n * n FROM numbers WHERE MOD(n, 3) > 0;
`

// TestRegionFailover kills a worker. Its tasks are started again elsewhere, those of the
// other run on as they are, and the rows are those of a run that nobody disturbs.
func TestRegionFailover(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() { _ = stores.Close() }) // nothing waits in it
	store, err := stores.Open(t.Context(), "file://"+dir+"/ha/default", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := testcluster.New(t, testcluster.Options{Program: program, Env: []string{"WADI_TEST_PROGRAM=1"}, Dir: dir, Store: store, Config: map[string]string{
		"high-availability.storageDir": "file://" + dir + "/ha", "high-availability.cluster-id": "default",
		"execution.checkpointing.interval": "100 ms", "taskmanager.numberOfTaskSlots": "4", "cluster.evenly-spread-out-slots": "true",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "10", "restart-strategy.fixed-delay.delay": "50 ms",
	}})
	defer func() {
		if t.Failed() {
			t.Log(c.Logs())
		}
	}()
	c.AddCoordinator()
	c.AddWorker()
	c.AddWorker()
	leads := c.AwaitLeader(nil)
	await.That(t, "both workers register", func() bool {
		var o rest.Overview
		return leads.Get(t.Context(), "/overview", &o) == nil && o.TaskManagers == 2
	})
	submitted, err := leads.Client().Submit(t.Context(), rest.SQLRequest{Statement: fmt.Sprintf(forwarded, 6000, dir+"/squares"), Detached: true, Parallelism: 4})
	if err != nil {
		t.Fatal(err)
	}
	id := string(submitted[0].JobID)
	await.That(t, "rows are written and checkpoints taken", func() bool {
		var all rest.Checkpoints
		return leads.Get(t.Context(), "/jobs/"+id+"/checkpoints", &all) == nil && all.Counts.Completed > 5 && len(linesBelow(t, dir+"/squares")) > 0
	})
	on := func(worker string, lines string) (some []string) {
		for l := range strings.Lines(lines) {
			if strings.Contains(l, " on "+worker+" ") {
				some = append(some, l)
			}
		}
		return some
	}
	before := attempts(t, leads, id)
	lost, stays := on("worker-1", before), on("worker-2", before)
	if len(lost) != 2 || len(stays) != 2 || strings.Count(before, " attempt 0 ") != 4 {
		t.Fatal(before)
	}
	c.Workers[0].Kill()
	began := time.Now()
	var after string
	await.That(t, "what is lost runs elsewhere", func() bool {
		after = attempts(t, leads, id)
		return strings.Count(after, " attempt 1 since 1") == 2 && len(on("worker-2", after)) == 4
	})
	t.Logf("the tasks were started again after %v", time.Since(began).Round(time.Millisecond))
	for _, l := range stays {
		if !strings.Contains(after, l) {
			t.Errorf("%s is not there any more:\n%s", l, after)
		}
	}
	await.That(t, "the end of the job", func() bool {
		var d rest.JobDetails
		return leads.Get(t.Context(), "/jobs/"+id, &d) == nil && d.State == "FINISHED"
	})
	calm := filepath.Join(dir, "calm.sql")
	if err := os.WriteFile(calm, fmt.Appendf(nil, forwarded, 100_000, dir+"/calm"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "-p", "4", calm)
	cmd.Env = append(os.Environ(), "WADI_TEST_PROGRAM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := linesBelow(t, dir+"/squares"), linesBelow(t, dir+"/calm"); !slices.Equal(got, want) || len(want) != 26667 {
		t.Errorf("%d rows, undisturbed %d", len(got), len(want))
	}
}
