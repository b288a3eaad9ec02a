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

// together is two queries of which nothing passes from one to the other: one copies
// numbers, as forwarded does, the other sums numbers by windows and remainders.
const together = `
SET 'pipeline.name' = 'together';
SET 'execution.runtime-mode' = 'streaming';
CREATE TEMPORARY TABLE numbers (n BIGINT)
  WITH ('connector' = 'datagen', 'rows-per-second' = '%[1]d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '40000');
CREATE TEMPORARY TABLE timed (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'datagen', 'rows-per-second' = '%[1]d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '40000');
CREATE TEMPORARY TABLE squares (n BIGINT, square BIGINT) WITH ('connector' = 'filesystem', 'path' = '%[2]s/squares', 'format' = 'csv');
CREATE TEMPORARY TABLE sums (window_start TIMESTAMP_LTZ(3), digit BIGINT, n BIGINT, total BIGINT) WITH ('connector' = 'filesystem', 'path' = '%[2]s/sums', 'format' = 'csv');
EXECUTE STATEMENT SET BEGIN
  INSERT INTO squares SELECT n, n * n FROM numbers WHERE MOD(n, 3) > 0;
  INSERT INTO sums SELECT window_start, MOD(n, 10), COUNT(*), SUM(n) FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(ts), INTERVAL '1' SECOND))
    GROUP BY window_start, window_end, MOD(n, 10);
END;
`

// regions is a cluster that runs a job, one task of each vertex on each worker.
type regions struct {
	*testcluster.Cluster
	dir, program string
	leads        *testcluster.Member
	id           string
}

func startRegions(t *testing.T, workers int, script func(dir string, rate int) string, rate int) *regions {
	t.Helper()
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
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs())
		}
	})
	r := &regions{Cluster: c, dir: dir, program: program}
	c.AddCoordinator()
	for range workers {
		c.AddWorker()
	}
	r.leads = c.AwaitLeader(nil)
	await.That(t, "all workers register", func() bool {
		var o rest.Overview
		return r.leads.Get(t.Context(), "/overview", &o) == nil && o.TaskManagers == workers
	})
	submitted, err := r.leads.Client().Submit(t.Context(), rest.SQLRequest{Statement: script(dir, rate), Detached: true, Parallelism: workers})
	if err != nil {
		t.Fatal(err)
	}
	r.id = string(submitted[0].JobID)
	await.That(t, "checkpoints are taken", func() bool {
		var all rest.Checkpoints
		return r.leads.Get(t.Context(), "/jobs/"+r.id+"/checkpoints", &all) == nil && all.Counts.Completed > 5
	})
	return r
}

// finish waits for the end of the job, and runs it again, undisturbed and elsewhere.
func (r *regions) finish(t *testing.T, script func(dir string, rate int) string, workers int) (calm string) {
	t.Helper()
	await.That(t, "the end of the job", func() bool {
		var d rest.JobDetails
		return r.leads.Get(t.Context(), "/jobs/"+r.id, &d) == nil && d.State == "FINISHED"
	})
	calm = r.dir + "/calm"
	file := filepath.Join(r.dir, "calm.sql")
	if err := os.WriteFile(file, []byte(script(calm, 1_000_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), r.program, "run", "-p", fmt.Sprint(workers), file)
	cmd.Env = append(os.Environ(), "WADI_TEST_PROGRAM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return calm
}

// of are the lines that name something.
func of(lines, name string) (some []string) {
	for l := range strings.Lines(lines) {
		if strings.Contains(l, name) {
			some = append(some, l)
		}
	}
	return some
}

// TestRegionFailover kills a worker. Its task is started again elsewhere, that of the
// other runs on as it is, and the rows are those of a run that nobody disturbs.
func TestRegionFailover(t *testing.T) {
	script := func(dir string, rate int) string { return fmt.Sprintf(forwarded, rate, dir+"/squares") }
	r := startRegions(t, 2, script, 6000)
	before := attempts(t, r.leads, r.id)
	if len(of(before, " on worker-1 ")) != 1 || len(of(before, " on worker-2 ")) != 1 || strings.Count(before, " attempt 0 ") != 2 {
		t.Fatal(before)
	}
	r.Workers[0].Kill()
	began := time.Now()
	var after string
	await.That(t, "what is lost runs elsewhere", func() bool {
		after = attempts(t, r.leads, r.id)
		return strings.Count(after, " attempt 1 since 1") == 1 && len(of(after, " on worker-2 ")) == 2
	})
	t.Logf("the task was started again after %v", time.Since(began).Round(time.Millisecond))
	for _, l := range of(before, " on worker-2 ") {
		if !strings.Contains(after, l) {
			t.Errorf("%s is not there any more:\n%s", l, after)
		}
	}
	calm := r.finish(t, script, 2)
	if got, want := linesBelow(t, r.dir+"/squares"), linesBelow(t, calm+"/squares"); !slices.Equal(got, want) || len(want) != 26667 {
		t.Errorf("%d rows, undisturbed %d", len(got), len(want))
	}
}

// TestRegionsOfQueries kills a worker of two queries. Of that whose rows cross between
// tasks all are started again, those too whose workers are well, and exchange rows; of
// the other only what is lost.
func TestRegionsOfQueries(t *testing.T) {
	script := func(dir string, rate int) string { return fmt.Sprintf(together, rate, dir) }
	r := startRegions(t, 3, script, 4000)
	before := attempts(t, r.leads, r.id)
	if strings.Count(before, " attempt 0 ") != 9 {
		t.Fatal(before)
	}
	r.Workers[0].Kill()
	var after string
	await.That(t, "what is lost runs elsewhere", func() bool {
		after = attempts(t, r.leads, r.id)
		return strings.Count(after, " attempt 1 since 1") == 7 && len(of(after, " on worker-1 ")) == 0
	})
	stay := 0
	for l := range strings.Lines(before) {
		if strings.Contains(after, l) {
			stay++
		}
	}
	if stay != 2 {
		t.Errorf("%d tasks have run on:\n%s\n%s", stay, before, after)
	}
	calm := r.finish(t, script, 3)
	for table, n := range map[string]int{"squares": 26667, "sums": 401} {
		if got, want := linesBelow(t, r.dir+"/"+table), linesBelow(t, calm+"/"+table); !slices.Equal(got, want) || len(want) != n {
			t.Errorf("%s: %d rows, undisturbed %d", table, len(got), len(want))
		}
	}
}
