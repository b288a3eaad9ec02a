//go:build unix

package crash

import (
	"context"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/testcluster"
)

var (
	minutes = flag.Float64("minutes", 0.5, "how long faults happen to a cluster")
	faults  = flag.String("faults", "", "a pattern of the faults that happen; none means all")
	kept    = flag.Bool("keep", false, "keep logs and tables of the cluster also when all is well")
)

// TestChaos is a cluster of real processes, three coordinators and four workers,
// with three jobs, to which faults happen: what its tables hold in the end is what a
// run holds that nobody disturbs. It prints the seed, which gives the same plan of
// faults again, and every recovery with its time.
func TestChaos(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	total := time.Duration(*minutes * float64(time.Minute))
	t.Logf("seed %d, for %v", from, total)
	dir := t.TempDir()
	t.Cleanup(func() {
		if t.Failed() || *kept {
			keep(t, dir)
		}
	})
	lake, calm := filepath.Join(dir, "lake"), filepath.Join(dir, "calm")
	for _, d := range []string{lake, calm} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r := newRoot(t, dir)
	f := newFeed(t, int(total.Seconds()*chaosRate*9/10)) // it takes longer when it is disturbed
	c := chaosCluster(t, bin, dir, r)
	leader := c.AwaitLeader(nil)
	w := &watch{t: t, c: c, store: r.store, names: slices.Sorted(maps.Keys(chaosJobs)), ids: map[string]string{}, since: time.Now(), jobs: map[string]seen{}, told: map[string]bool{}}
	for _, name := range w.names {
		jobs, err := leader.Client().Submit(t.Context(), rest.SQLRequest{Statement: f.script(name, lake, true), Detached: true, Parallelism: 4})
		if err != nil {
			t.Fatalf("submit %s: %v\n%s", name, err, c.Logs())
		}
		w.ids[name] = string(jobs[len(jobs)-1].JobID)
	}
	end := f.produce(t)
	defer end()
	disturb(t, c, r, w, plan(from, total, possible(t, c, r)), total)
	end()
	t.Log("\n" + w.table())
	for _, r := range w.all {
		if r.took == 0 {
			t.Errorf("%v of %s: no recovery", r.fault, r.who)
		}
	}
	innocent(t, c)
	for _, name := range w.names {
		script := filepath.Join(calm, name+".sql")
		if err := os.WriteFile(script, []byte(f.script(name, calm, false)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), bin, "run", "-p", "4", script).CombinedOutput(); err != nil {
			t.Fatalf("undisturbed run of %s: %v\n%s", name, err, out)
		}
	}
	got, want := readIceberg(t, lake, chaosTables), readIceberg(t, calm, chaosTables)
	for table, all := range want {
		if got[table] != all || all.ours.rows == 0 {
			t.Errorf("seed %d: table %s has %d rows with sum %x, undisturbed %d with %x", from, table, got[table].ours.rows, got[table].ours.sum, all.ours.rows, all.ours.sum)
		}
	}
}

// chaosCluster is the cluster.
func chaosCluster(t *testing.T, bin, dir string, r root) *testcluster.Cluster {
	t.Helper()
	logs := filepath.Join(dir, "processes")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{
		"high-availability.storageDir": r.url, "high-availability.cluster-id": "chaos", "execution.checkpointing.interval": "1 s", "execution.checkpointing.timeout": "30 s",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1000000", "restart-strategy.fixed-delay.delay": "500 ms",
		"heartbeat.interval": "1 s", "heartbeat.timeout": "4 s", "cluster.evenly-spread-out-slots": "true",
		"state.backend.type": "rocksdb", "taskmanager.memory.managed.size": "8m",
	}
	maps.Copy(config, r.config)
	c := testcluster.New(t, testcluster.Options{
		Program: bin, Dir: logs, Store: r.store, Proxies: true, Disk: "48m", Config: config, Workers: map[string]string{"taskmanager.numberOfTaskSlots": "6"},
	})
	for range 3 {
		c.AddCoordinator()
	}
	for range 4 {
		c.AddWorker()
	}
	return c
}

// possible are the kinds of faults that can happen here.
func possible(t *testing.T, c *testcluster.Cluster, r root) []kind {
	t.Helper()
	wanted, err := regexp.Compile(*faults)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(every(), func(k kind) bool { return !wanted.MatchString(kinds[k].name) })
	if r.slow == nil {
		t.Log("the store is never slow: there is no server of S3 (make chaos installs one)")
		all = slices.DeleteFunc(all, func(k kind) bool { return k == slowStore })
	}
	if c.Workers[0].Small {
		t.Log("each worker has a small disk of its own for local files, which can be full")
	} else {
		t.Log("no disk can be mounted here: instead of being full, the directory of local files is away")
	}
	return all
}

// disturb carries out a plan and waits for the end of the jobs.
func disturb(t *testing.T, c *testcluster.Cluster, r root, w *watch, will []fault, total time.Duration) {
	t.Helper()
	h := &chaos{c: c, root: r, busy: map[*testcluster.Member]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*total+5*time.Minute)
	defer cancel()
	if end, ok := t.Deadline(); ok { // there is time left to end the processes
		ctx, cancel = context.WithDeadline(ctx, end.Add(-30*time.Second))
		defer cancel()
	}
	var beside sync.WaitGroup
	attending, leave := context.WithCancel(ctx)
	beside.Go(func() { h.attend(attending, w.since) })
	happening, stop := context.WithCancel(ctx)
	for _, f := range will {
		beside.Go(func() {
			if each(happening, time.Until(w.since.Add(f.at))) {
				h.happen(happening, f, func(who string) { w.begin(f, who) })
			}
		})
	}
	w.follow(ctx) // jobs that have ended need no more faults
	late := ctx.Err() != nil
	stop()
	leave()
	beside.Wait()
	for _, line := range h.died {
		t.Log(line)
	}
	if late {
		t.Errorf("the jobs have not ended after %v: %+v", time.Since(w.since), w.jobs)
	}
}

// guilty is what no process should ever write.
var guilty = regexp.MustCompile(`(?m)^(panic:|fatal error:|SIG[A-Z]+:|goroutine \d+ \[).*$`)

// innocent looks for crashes in the logs.
func innocent(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	for _, m := range slices.Concat(c.Coordinators, c.Workers) {
		text, err := os.ReadFile(m.Log)
		if err != nil {
			t.Error(err)
		}
		if at := guilty.FindIndex(text); at != nil {
			t.Errorf("%s has crashed:\n%s", m.Name, text[max(0, at[0]-500):min(len(text), at[0]+4000)])
		}
	}
}

// keep copies what is left of a failed run to where it outlives the test.
func keep(t *testing.T, dir string) {
	t.Helper()
	to, err := os.MkdirTemp("", "wadi-chaos-") //nolint:usetesting // it stays
	if err == nil {
		err = os.CopyFS(to, os.DirFS(dir))
	}
	t.Logf("logs and tables are in %s (%v)", to, err)
}
