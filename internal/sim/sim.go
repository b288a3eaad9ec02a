package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// run is one life of a job, from a seed.
type run struct {
	w      *world
	store  *store
	target *target
	shape  shape
	bugs   mutant.Set

	ids       int
	processes []*process
	hosts     []*host
	finished  bool
	// calm is when the faults stop, so that the job can end.
	calm time.Time
	// shifts says that the job changes gear, at any moment.
	shifts bool
}

// Run lets a job live through what the seed has in store for it. The error says
// what its sink holds wrongly, or what else went wrong.
func Run(seed uint64, bugs mutant.Set) error {
	w := newWorld(seed)
	r := newRun(w, bugs)
	// Some lives are quiet, some are not.
	if w.rnd.IntN(4) > 0 {
		r.store.faults = 8 + w.rnd.IntN(60)
		r.target.faults = 4 + w.rnd.IntN(20)
	}
	r.shifts = w.chance(2)
	r.calm = w.now.Add(time.Duration(1+w.rnd.IntN(3)) * time.Second)
	nature := &process{name: "nature"}
	w.spawn(nature, r.nature)
	w.spawn(nature, r.supervise)
	w.run(func() bool { return r.finished })
	if w.broken != nil {
		return w.broken
	}
	return r.check()
}

func newRun(w *world, bugs mutant.Set) *run {
	r := &run{w: w, bugs: bugs, store: &store{w: w, objects: map[string][]byte{}}, target: newTarget(w)}
	if w.chance(2) {
		r.shape = apart
	}
	return r
}

// check compares the target with an undisturbed run.
func (r *run) check() error {
	want := r.shape.expected()
	for row, n := range want {
		if got := r.target.rows[row]; got != n {
			return fmt.Errorf("key %d, count %d: %d rows, want %d", row.Key, row.Count, got, n)
		}
	}
	for row, n := range r.target.rows {
		if want[row] == 0 {
			return fmt.Errorf("key %d, count %d: %d rows, want none", row.Key, row.Count, n)
		}
	}
	return nil
}

// nature lets late writes arrive, stops processes for a while, and kills them.
func (r *run) nature() {
	for {
		r.w.sleep(time.Duration(1+r.w.rnd.IntN(60)) * time.Millisecond)
		r.store.deliver()
		if !r.w.now.Before(r.calm) {
			r.store.faults, r.target.faults = 0, 0
			continue
		}
		if r.w.chance(40) {
			r.store.away = r.w.now.Add(time.Duration(r.w.rnd.IntN(4000)) * time.Millisecond)
		}
		for i, p := range r.processes {
			switch r.w.rnd.IntN(60) {
			case 0:
				p.dead = true
			case 1, 2, 3:
				p.asleep = r.w.now.Add(time.Duration(r.w.rnd.IntN(2000)) * time.Millisecond)
			case 4:
				r.hosts[i].Post(coordinator.StopRequested{})
			}
		}
	}
}

// supervise starts a process, and another when it has died or seems to have.
func (r *run) supervise() {
	for !r.finished {
		done := false
		r.start(&done)
		p := r.processes[len(r.processes)-1]
		patience := r.w.now.Add(time.Duration(200+r.w.rnd.IntN(3000)) * time.Millisecond)
		r.w.park(func() bool {
			given := r.w.now.Before(r.calm) && !r.w.now.Before(patience) || p.dead
			return r.finished || done || given
		}, patience)
		r.w.sleep(time.Duration(r.w.rnd.IntN(100)) * time.Millisecond)
	}
}

// start starts a process that runs the job from where it is.
func (r *run) start(done *bool) {
	p := &process{name: fmt.Sprintf("process %d", len(r.processes)+1)}
	h := &host{w: r.w, of: p}
	r.processes, r.hosts = append(r.processes, p), append(r.hosts, h)
	wk := h.alone(r.store, r.target)
	wk.bugs, wk.pace = r.bugs, 1<<r.w.rnd.IntN(8)
	if r.w.chance(2) {
		wk.fails = 20 + r.w.rnd.IntN(100)
	}
	settings := coordinator.Settings{
		Interval: time.Duration(20+r.w.rnd.IntN(200)) * time.Millisecond, Timeout: time.Duration(100+r.w.rnd.IntN(1000)) * time.Millisecond,
		TolerableFailures: r.w.rnd.IntN(4) - 1, Retained: 1 + r.w.rnd.IntN(3), Bugs: r.bugs,
		Restart: coordinator.RestartStrategy{Attempts: 3, Delay: 10 * time.Millisecond}, Regions: !r.w.chance(4),
	}
	gears := coordinator.Gears{Pipelined: wk, Launchers: map[job.Gear]coordinator.Launcher{}}
	brief := &stages{w: r.w, of: p, store: r.store, table: r.target, bugs: r.bugs, fails: 4 * wk.fails, pace: wk.pace << r.w.rnd.IntN(4)}
	if r.shifts {
		gears.At = job.Gears()[r.w.rnd.IntN(3)]
		gears.Launchers[job.Staged], gears.Launchers[job.Functions] = brief, brief
		settings.EpochRows, settings.LateEpoch = int64(r.w.rnd.IntN(20)), time.Duration(1+r.w.rnd.IntN(2)*r.w.rnd.IntN(400))*time.Millisecond
	}
	r.w.spawn(p, func() {
		res, err := coordinator.RunGears(context.Background(), coordinator.Job{
			Graph: graph(r.shape, 1+r.w.rnd.IntN(2), 1+r.w.rnd.IntN(3)), Store: r.store, Restore: coordinator.Restore{Mode: coordinator.RestoreLatest},
			Connectors: r.connectors(), Settings: settings, NewID: r.newID,
			Progress: func(coordinator.Progress) {
				if r.shifts && r.w.now.Before(r.calm) && r.w.chance(12) {
					to := job.Gears()[r.w.rnd.IntN(3)]
					h.Post(coordinator.Shift{To: to, Launcher: gears.Launchers[to], Reason: "nature"})
				}
				if !r.w.now.Before(r.calm) {
					wk.fails, brief.fails = 0, 0
				}
			},
		}, gears, h)
		wk.kill(nil)
		*done = true
		if err == nil && res.State == coordinator.Finished {
			r.finished = true
		}
	})
}

func (r *run) newID() string {
	r.ids++
	return fmt.Sprintf("%032x", r.ids)
}

func (r *run) connectors() *ops.Registry {
	return &ops.Registry{Connectors: map[string]*ops.Connector{"sim": {
		Name: "sim",
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
			return files{r.w, int(s.Limit)}, nil // the number of the source, in disguise
		},
		Sink: func(context.Context, job.Table) (ops.Sink, error) { return table{r.target}, nil },
	}}}
}
