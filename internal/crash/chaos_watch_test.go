//go:build unix

package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/testcluster"
)

// watch follows the jobs of a cluster and notes how long they need to recover.
type watch struct {
	t     *testing.T
	c     *testcluster.Cluster
	store checkpoint.Store
	names []string
	ids   map[string]string
	since time.Time

	mu   sync.Mutex
	jobs map[string]seen
	all  []*recovery
	told map[string]bool // failures
}

// seen is what is known of a job.
type seen struct {
	ended  bool
	starts int
	at     time.Time // when its newest complete checkpoint was triggered
}

// recovery is a fault that has happened. All jobs have recovered from it when each
// has completed a checkpoint that was triggered behind it.
type recovery struct {
	fault
	who      string
	began    time.Time
	before   map[string]seen
	took     time.Duration // 0 until then
	restarts []string      // of jobs
}

// begin notes a fault.
func (w *watch) begin(f fault, who string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := make(map[string]seen)
	for name, j := range w.jobs {
		before[name] = j
	}
	w.all = append(w.all, &recovery{fault: f, who: who, began: time.Now(), before: before})
}

// follow looks at the jobs until they have all ended, or ctx has.
func (w *watch) follow(ctx context.Context) {
	for {
		ended := true
		for _, name := range w.names {
			w.look(ctx, name)
			ended = ended && w.jobs[name].ended
		}
		w.recovered()
		if ended || !each(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// look asks about a job: storage whether it has ended, a coordinator for the rest.
func (w *watch) look(ctx context.Context, name string) {
	w.mu.Lock()
	j := w.jobs[name]
	w.mu.Unlock()
	if j.ended {
		return
	}
	id := w.ids[name]
	if _, err := w.store.Get(ctx, "jobs/"+id); errors.Is(err, fs.ErrNotExist) {
		j.ended = true
		w.judge(ctx, name)
	} else if c, ok := w.ask(ctx, "/jobs/"+id+"/checkpoints"); ok {
		if last := c.Latest.Completed; last != nil {
			j.at = later(j.at, time.UnixMilli(last.TriggerMillis))
		}
		if n := w.started(ctx, id); n > j.starts {
			j.starts = n
			w.explain(ctx, name)
		}
	}
	w.mu.Lock()
	w.jobs[name] = j
	w.mu.Unlock()
}

// judge reads how a job that has ended did so.
func (w *watch) judge(ctx context.Context, name string) {
	dir := "checkpoints/" + w.ids[name] + "/terminal/"
	records, err := w.store.List(ctx, dir)
	if err != nil || len(records) == 0 {
		w.t.Errorf("%s has ended, and there is no record of how: %v", name, err)
	}
	for _, r := range records {
		data, err := w.store.Get(ctx, r)
		var doc struct{ Body checkpoint.Terminal }
		if err == nil {
			err = json.Unmarshal(data, &doc)
		}
		if err != nil || doc.Body.State != checkpoint.Finished {
			w.t.Errorf("%s is %s: %s (%v)", name, doc.Body.State, doc.Body.Reason, err)
		}
	}
}

// explain tells why a job was started anew, as it says itself.
func (w *watch) explain(ctx context.Context, name string) {
	var e rest.Exceptions
	w.any(ctx, func(ctx context.Context, m *testcluster.Member) error {
		return m.Get(ctx, "/jobs/"+w.ids[name]+"/exceptions", &e)
	})
	for _, one := range e.History.Entries {
		if key := fmt.Sprint(name, one.Millis, one.Stack); !w.told[key] {
			w.told[key] = true
			first, _, _ := strings.Cut(one.Stack, "\n")
			w.t.Logf("%7.1fs: %s fails: %.200s", time.UnixMilli(one.Millis).Sub(w.since).Seconds(), name, first)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ask asks the coordinators for the checkpoints of a job until one answers.
func (w *watch) ask(ctx context.Context, path string) (c rest.Checkpoints, ok bool) {
	ok = w.any(ctx, func(ctx context.Context, m *testcluster.Member) error { return m.Get(ctx, path, &c) })
	return c, ok
}

func (w *watch) any(ctx context.Context, get func(context.Context, *testcluster.Member) error) bool {
	for _, m := range w.c.Coordinators {
		if m.REST() == "" || m.Paused() {
			continue
		}
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := get(one, m)
		cancel()
		if err == nil {
			return true
		}
	}
	return false
}

// started is how often a job was started: its generations, of which the newest stays
// in storage. It is 0 when storage does not say.
func (w *watch) started(ctx context.Context, id string) (n int) {
	dir := "checkpoints/" + id + "/generations/"
	names, err := w.store.List(ctx, dir)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if g, err := strconv.Atoi(strings.TrimPrefix(name, dir)); err == nil {
			n = max(n, g)
		}
	}
	return n
}

// recovered notes which faults the jobs have recovered from.
func (w *watch) recovered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.all {
		if r.took > 0 || slices.ContainsFunc(w.names, func(n string) bool { return !w.jobs[n].ended && !w.jobs[n].at.After(r.began) }) {
			continue
		}
		r.took = time.Since(r.began)
		for _, n := range w.names {
			if more := w.jobs[n].starts - r.before[n].starts; more > 0 {
				r.restarts = append(r.restarts, fmt.Sprintf("%s +%d", n, more))
			}
		}
		w.t.Logf("%v, %s: all jobs took a checkpoint %.1fs after it began%s", r.fault, r.who, r.took.Seconds(), anew(r.restarts))
	}
}

func anew(jobs []string) string {
	if len(jobs) == 0 {
		return "; no task was started anew"
	}
	return "; started anew: " + strings.Join(jobs, ", ")
}

// table says, for each kind of fault, how often it happened and how long recovery took.
func (w *watch) table() string {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "fault\ttimes\trecovered after, median\tat most\tjobs started anew")
	for k := range kinds {
		var took []time.Duration
		restarts := 0
		for _, r := range w.all {
			if r.kind == kind(k) {
				took = append(took, r.took)
				restarts += len(r.restarts)
			}
		}
		if slices.Sort(took); len(took) > 0 {
			fmt.Fprintf(out, "%s\t%d\t%.1fs\t%.1fs\t%d\n", kinds[k].name, len(took), took[len(took)/2].Seconds(), took[len(took)-1].Seconds(), restarts)
		}
	}
	_ = out.Flush() // into memory
	return text.String()
}
