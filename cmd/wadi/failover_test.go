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
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/testcluster"
	"github.com/wadi-engine/wadi/stream"
)

// paced sums numbers that come at a rate, by windows and remainders, so that rows
// cross between tasks.
const paced = `
SET 'pipeline.name' = 'paced';
SET 'execution.runtime-mode' = 'streaming';
CREATE TEMPORARY TABLE numbers (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'datagen', 'rows-per-second' = '%d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5000');
CREATE TEMPORARY TABLE sums (window_start TIMESTAMP_LTZ(3), digit BIGINT, n BIGINT, total BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv');
INSERT INTO sums SELECT window_start, MOD(n, 10), COUNT(*), SUM(n) FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '0.1' SECOND))
  GROUP BY window_start, window_end, MOD(n, 10);
`

// linesBelow are the lines of the files that readers of a directory see, sorted.
func linesBelow(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Collect(strings.Lines(string(text)))...)
	}
	slices.Sort(all)
	return all
}

// TestFailover kills the coordinator that leads. The standby leads and serves, the
// tasks run on as they are, no epoch is missing but the one that was aborted, and the
// rows are those of a run that nobody disturbs.
func TestFailover(t *testing.T) {
	dir, program, store, c := pairs(t, 2, testcluster.Options{})
	old := c.AwaitLeader(nil)
	submitted, err := old.Client().Submit(t.Context(), rest.SQLRequest{Statement: fmt.Sprintf(paced, 1000, dir+"/sums"), Detached: true, Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	id := string(submitted[0].JobID)
	checkpoints := func(m *testcluster.Member) (n int) {
		var all rest.Checkpoints
		if m.Get(t.Context(), "/jobs/"+id+"/checkpoints", &all) == nil {
			n = all.Counts.Completed
		}
		return n
	}
	await.That(t, "rows are written and checkpoints taken", func() bool { return checkpoints(old) > 5 && len(linesBelow(t, dir+"/sums")) > 0 })
	before := attempts(t, old, id)
	if strings.Count(before, "attempt 0 since 1") != 4 {
		t.Fatal(before)
	}
	pids := []int{c.Workers[0].PID(), c.Workers[1].PID()}
	began := time.Now()
	old.Kill()
	heir := c.AwaitLeader(old)
	await.That(t, "the heir takes checkpoints", func() bool { return checkpoints(heir) > 0 })
	t.Logf("another coordinator led, and took a checkpoint, after %v", time.Since(began).Round(time.Millisecond))
	if after := attempts(t, heir, id); after != before {
		t.Errorf("the tasks were\n%s\nand are\n%s", before, after)
	}
	await.That(t, "the end of the job", func() bool {
		var d rest.JobDetails
		return heir.Get(t.Context(), "/jobs/"+id, &d) == nil && d.State == "FINISHED"
	})
	if after := attempts(t, heir, id); after != before {
		t.Errorf("the tasks were\n%s\nand are\n%s", before, after)
	}
	if now := []int{c.Workers[0].PID(), c.Workers[1].PID()}; !slices.Equal(now, pids) {
		t.Errorf("the workers were the processes %v and are %v", pids, now)
	}
	epochs(t, checkpoint.Sub(store, "checkpoints/"+id))

	undisturbed(t, dir, program)
}

// pairs is a cluster of so many coordinators and two workers, whose logs are shown when
// the test has failed.
func pairs(t *testing.T, coordinators int, o testcluster.Options) (dir, program string, store checkpoint.Store, c *testcluster.Cluster) {
	t.Helper()
	dir = t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() { _ = stores.Close() }) // nothing waits in it
	if store, err = stores.Open(t.Context(), "file://"+dir+"/ha/default", nil); err != nil {
		t.Fatal(err)
	}
	o.Program, o.Env, o.Dir, o.Store = program, []string{"WADI_TEST_PROGRAM=1"}, dir, store
	o.Config = map[string]string{
		"high-availability.storageDir": "file://" + dir + "/ha", "high-availability.cluster-id": "default",
		"execution.checkpointing.interval": "100 ms", "execution.checkpointing.num-retained": "10000",
	}
	c = testcluster.New(t, o)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs())
		}
	})
	for range coordinators {
		c.AddCoordinator()
	}
	for range 2 {
		c.AddWorker()
	}
	return dir, program, store, c
}

// undisturbed compares the rows of the job with those of a run that nobody disturbs.
func undisturbed(t *testing.T, dir, program string) {
	t.Helper()
	calm := filepath.Join(dir, "calm.sql")
	if err := os.WriteFile(calm, fmt.Appendf(nil, paced, 100_000, dir+"/calm"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "-p", "2", calm)
	cmd.Env = append(os.Environ(), "WADI_TEST_PROGRAM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := linesBelow(t, dir+"/sums"), linesBelow(t, dir+"/calm"); !slices.Equal(got, want) || len(want) != 501 {
		t.Errorf("%d rows, undisturbed %d\n%q\n%q", len(got), len(want), got, want)
	}
}

// TestShortCuts cuts the connections of the workers to the only coordinator, which goes on. The
// tasks run on as they are, and nothing that was said is lost or counts twice.
func TestShortCuts(t *testing.T) {
	dir, program, _, c := pairs(t, 1, testcluster.Options{Proxies: true})
	leader := c.AwaitLeader(nil)
	submitted, err := leader.Client().Submit(t.Context(), rest.SQLRequest{Statement: fmt.Sprintf(paced, 1000, dir+"/sums"), Detached: true, Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	id := string(submitted[0].JobID)
	completed := func() (n int) {
		var all rest.Checkpoints
		if leader.Get(t.Context(), "/jobs/"+id+"/checkpoints", &all) == nil {
			n = all.Counts.Completed
		}
		return n
	}
	await.That(t, "rows are written and checkpoints taken", func() bool { return completed() > 5 && len(linesBelow(t, dir+"/sums")) > 0 })
	before := attempts(t, leader, id)
	for range 3 {
		leader.Gate.Refuse()
		time.Sleep(300 * time.Millisecond)
		leader.Gate.Heal()
		n := completed()
		await.That(t, "checkpoints go on", func() bool { return completed() > n+1 })
	}
	if after := attempts(t, leader, id); after != before {
		t.Errorf("the tasks were\n%s\nand are\n%s", before, after)
	}
	await.That(t, "the end of the job", func() bool {
		var d rest.JobDetails
		return leader.Get(t.Context(), "/jobs/"+id, &d) == nil && d.State == "FINISHED"
	})
	undisturbed(t, dir, program)
}

// attempts are the tasks of a job as the API tells of them: which attempt it is,
// when it was started, and where it runs.
func attempts(t *testing.T, m *testcluster.Member, id string) string {
	t.Helper()
	var d rest.JobDetails
	if err := m.Get(t.Context(), "/jobs/"+id, &d); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, v := range d.Vertices {
		var of rest.VertexDetails
		if err := m.Get(t.Context(), "/jobs/"+id+"/vertices/"+v.ID, &of); err != nil {
			t.Fatal(err)
		}
		for _, s := range of.Subtasks {
			fmt.Fprintf(&all, "%s/%d attempt %d since %d on %s at %s\n", of.Name, s.Index, s.Attempt, s.StartMillis, s.Worker, s.Endpoint)
		}
	}
	return all.String()
}

// epochs looks at the claims of a job that had two leaders: every number is there, of
// one generation, and one epoch at most was aborted, by the second leader.
func epochs(t *testing.T, s checkpoint.Store) {
	t.Helper()
	names, err := s.List(t.Context(), "chk-")
	if err != nil {
		t.Fatal(err)
	}
	claims := make(map[stream.Epoch]*checkpoint.Manifest, len(names))
	for _, n := range names {
		data, err := s.Get(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		m, err := checkpoint.DecodeManifest(n, data)
		if err != nil {
			t.Fatal(err)
		}
		claims[m.Epoch] = m
	}
	aborted := 0
	terms := map[checkpoint.Term]bool{}
	for e := stream.Epoch(1); e <= stream.Epoch(len(claims)); e++ {
		m := claims[e]
		if m == nil {
			t.Fatalf("epoch %d of %d is missing", e, len(claims))
		}
		terms[m.Term] = true
		if m.Kind == checkpoint.Aborted && e > 1 {
			aborted++
		}
		if m.Generation != claims[1].Generation {
			t.Errorf("epoch %d is of generation %d", e, m.Generation)
		}
	}
	if aborted != 1 || len(terms) != 2 || len(claims) < 10 {
		t.Errorf("of %d epochs %d were aborted, and %d coordinators claimed them", len(claims), aborted, len(terms))
	}
}
