package sim

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// scenario runs body as the only user of a calm world.
func scenario(t *testing.T, body func(r *run)) {
	t.Helper()
	w := newWorld(42)
	r := &run{w: w, store: &store{w: w, objects: map[string][]byte{}}, target: newTarget(w)}
	w.spawn(&process{name: "test"}, func() {
		body(r)
		r.finished = true
	})
	w.run(func() bool { return r.finished })
	if w.broken != nil {
		t.Fatal(w.broken)
	}
}

// job runs the job in a process of its own until it ends, or, with a stop, is
// stopped once so many epochs are claimed.
func (r *run) job(restore coordinator.Restore, stop stream.Epoch, change func(*coordinator.Job)) (coordinator.Result, error) {
	h := &host{w: r.w, of: &process{name: "job"}}
	j := coordinator.Job{
		Graph: graph(joined, 2, 2), Store: r.store, Restore: restore, Connectors: r.connectors(), NewID: r.newID,
		Settings: coordinator.Settings{Interval: 20 * time.Millisecond, Restart: coordinator.RestartStrategy{Attempts: 3}},
		Progress: func(p coordinator.Progress) {
			if stop > 0 && p.Epoch >= stop {
				h.Post(coordinator.StopRequested{})
			}
		},
	}
	if change != nil {
		change(&j)
	}
	store := j.Store
	if store == nil {
		store = r.store
	}
	wk := h.alone(store, r.target)
	wk.pace = 60
	return coordinator.Run(context.Background(), j, wk, h)
}

func latest() coordinator.Restore { return coordinator.Restore{Mode: coordinator.RestoreLatest} }

func (r *run) files(part string) []string {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(r.store.objects)) {
		if strings.Contains(n, part) {
			names = append(names, n)
		}
	}
	return names
}

func TestNames(t *testing.T) {
	scenario(t, func(r *run) {
		res, err := r.job(coordinator.Restore{}, 2, nil)
		if err != nil || res.State != coordinator.Stopped || !res.Resumable || res.Checkpoint == "" {
			t.Fatalf("stop: %+v %v", res, err)
		}
		if r.check() == nil {
			t.Fatal("the job was to be stopped half-way")
		}
		if _, err := r.job(coordinator.Restore{}, 0, nil); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "unfinished job named \"sim\"") {
			t.Fatalf("start beside an unfinished job: %v", err)
		}
		resumed, err := r.job(latest(), 0, nil)
		if err != nil || resumed.State != coordinator.Finished || resumed.Restored != res.Epoch || resumed.Err != nil {
			t.Fatalf("resume: %+v %v", resumed, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		again, err := r.job(latest(), 0, nil)
		if err != nil || again.State != coordinator.Finished || again.Epoch != resumed.Epoch {
			t.Fatalf("resume what has finished: %+v %v", again, err)
		}
		r.target = newTarget(r.w)
		if res, err := r.job(coordinator.Restore{}, 0, nil); err != nil || res.State != coordinator.Finished {
			t.Fatalf("start again: %+v %v", res, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNoStore runs without checkpoints: the only barrier is the last one.
func TestNoStore(t *testing.T) {
	scenario(t, func(r *run) {
		res, err := r.job(coordinator.Restore{}, 0, func(j *coordinator.Job) { j.Store = nil })
		if err != nil || res.State != coordinator.Finished || res.Epoch != 1 || res.Resumable {
			t.Fatalf("%+v %v", res, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		if len(r.store.objects) != 0 {
			t.Fatal(r.files(""))
		}
	})
}

// TestFork starts a new job from a checkpoint of another, at another parallelism.
func TestFork(t *testing.T) {
	scenario(t, func(r *run) {
		res, err := r.job(coordinator.Restore{}, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		// What the first job published belongs to the result of both.
		clear(r.target.epochs) // another sink id: nothing is recorded for it
		for _, f := range r.files("terminal/") {
			t.Fatal("a stopped job has ended:", f)
		}
		fork, err := r.job(coordinator.Restore{Mode: coordinator.RestorePath, Path: res.Checkpoint}, 0, func(j *coordinator.Job) {
			j.Graph = graph(joined, 1, 3)
		})
		if err != nil || fork.State != coordinator.Finished || strings.HasPrefix(fork.Checkpoint, string(res.Checkpoint[:32])) {
			t.Fatalf("%+v %v", fork, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.job(coordinator.Restore{Mode: coordinator.RestorePath, Path: "nowhere/chk-1"}, 0, nil); !errors.Is(err, job.ErrInvalid) {
			t.Fatal(err)
		}
	})
}

// TestDamagedManifest: nothing later is published, so an older checkpoint will
// do; or something is, and going on would double rows.
func TestDamagedManifest(t *testing.T) {
	for _, published := range []bool{false, true} {
		scenario(t, func(r *run) {
			res, err := r.job(coordinator.Restore{}, 2, nil)
			if err != nil {
				t.Fatal(err)
			}
			name := res.Checkpoint + "/_metadata"
			r.store.objects[name][len(r.store.objects[name])/2] ^= 4
			if !published {
				// As if the rows of the last epochs had not reached the target.
				r.target.rows, r.target.epochs = map[result]int{}, map[string]stream.Epoch{sinkOf(counterVertex): 2}
			}
			again, err := r.job(latest(), 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !published {
				if again.State != coordinator.Finished || again.Restored >= res.Epoch || again.Restored == 0 {
					t.Fatalf("%+v", again)
				}
				return
			}
			if again.State != coordinator.Failed || !errors.Is(again.Err, job.ErrInvalid) || !errors.Is(again.Err, checkpoint.ErrCorrupt) ||
				!strings.Contains(again.Err.Error(), "would double") || !strings.Contains(again.Err.Error(), "sink") {
				t.Fatalf("%+v", again)
			}
		})
	}
}

// TestDamagedRun is found when the run is read, and passed over like a manifest.
func TestDamagedRun(t *testing.T) {
	scenario(t, func(r *run) {
		res, err := r.job(coordinator.Restore{}, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := checkpoint.DecodeManifest("", r.store.objects[res.Checkpoint+"/_metadata"])
		if err != nil {
			t.Fatal(err)
		}
		files := m.Files()
		delete(r.store.objects, string(m.Job)+"/"+files[len(files)-1].Name)
		again, err := r.job(latest(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again.State != coordinator.Failed || !errors.Is(again.Err, checkpoint.ErrCorrupt) || !strings.Contains(again.Err.Error(), "is missing") {
			t.Fatalf("after %+v: %+v", res, again)
		}
	})
}

// TestRetention keeps the newest checkpoints and what they reference.
func TestRetention(t *testing.T) {
	scenario(t, func(r *run) {
		_, err := r.job(coordinator.Restore{}, 0, func(j *coordinator.Job) { j.Settings.Retained = 2 })
		if err != nil {
			t.Fatal(err)
		}
		r.w.sleep(time.Minute)
		if n := len(r.files("/chk-")); n != 2 {
			t.Errorf("%d checkpoints: %q", n, r.files("/chk-"))
		}
		needed := map[string]bool{}
		for _, f := range r.files("/chk-") {
			m, err := checkpoint.DecodeManifest(f, r.store.objects[f])
			if err != nil {
				t.Fatal(err)
			}
			for _, of := range m.Files() {
				needed[string(m.Job)+"/"+of.Name] = true
			}
		}
		for _, f := range r.files("/shared/") {
			if !needed[f] {
				t.Errorf("%s is not referenced", f)
			}
			delete(needed, f)
		}
		if len(needed) > 0 {
			t.Errorf("missing: %v", needed)
		}
	})
}

// TestFailingTasks restarts until the strategy says that it is enough.
func TestFailingTasks(t *testing.T) {
	scenario(t, func(r *run) {
		h := &host{w: r.w, of: &process{name: "job"}}
		wk := h.alone(r.store, r.target)
		wk.pace, wk.fails = 20, 1
		res, err := coordinator.Run(context.Background(), coordinator.Job{
			Graph: graph(joined, 1, 1), Store: r.store, Connectors: r.connectors(), NewID: r.newID,
			Settings: coordinator.Settings{Restart: coordinator.RestartStrategy{Attempts: 4, Delay: time.Second, Multiplier: 2, MaxDelay: 3 * time.Second}},
		}, wk, h)
		if err != nil || res.State != coordinator.Failed || res.Restarts != 4 || res.Took < 9*time.Second || !res.Resumable {
			t.Fatalf("%+v %v", res, err)
		}
		if len(r.files("terminal/")) != 1 {
			t.Fatal(r.files(""))
		}
		if res, err := r.job(latest(), 0, nil); err != nil || res.State != coordinator.Finished {
			t.Fatalf("resume what has failed: %+v %v", res, err)
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
	})
}
