package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// When a task dies, only the tasks of its region (job.Graph.Regions) are started
// again, from the newest checkpoint; nothing passes between regions, so the others
// run on as they are:
//
//  1. A checkpoint that is being taken is claimed as aborted; one that is being
//     claimed may win, and is restored then. None begins before all tasks run again.
//  2. The tasks of the region are canceled. What they say from now on does not count.
//  3. After the pause of the restart strategy a new generation is taken, which claims
//     the next number as aborted, as before any start of tasks: so nothing that the
//     old attempt has left, nor what another coordinator starts, is taken for theirs.
//     The other tasks keep the generation that they were started with.
//  4. They are deployed with their state in the checkpoint, and with their splits: those
//     that it holds, and those that they were given behind its barrier. Enumerators know
//     nothing of it: to them these splits are handed out as before.
//
// The sinks' committers know nothing of it either: rows that the old attempt has staged
// are in no manifest, or are in the one that is restored.

// failover is the restart of some regions.
type failover struct {
	tasks []int     // ordinals, in order: all tasks of these regions
	at    time.Time // not before
	// layout is how they start, once a generation is taken for it; or nil.
	layout *checkpoint.Layout
}

// given is a split that a task was given behind the barrier of an epoch, or before any.
type given struct {
	split ops.Split
	after stream.Epoch
}

// fallen is told that tasks have died.
func (m *machine) fallen(r rpc.Failed) {
	if m.phase != running {
		return
	}
	tasks := r.With
	if len(tasks) == 0 {
		tasks = []checkpoint.TaskID{r.Task}
	}
	var died []int
	for _, id := range tasks {
		i := m.ordinal[id]
		switch t := m.tasks.at(i); {
		case t.failing && r.Gone:
			m.tasks.edit(i).canceling = 0
		case t.failing:
		case t.gone && t.last != nil: // its work is done, wherever it was
		default:
			died = append(died, i)
		}
	}
	if len(died) > 0 {
		m.died(died, fmt.Errorf("task %d of %s: %w", r.Task.Index, m.graph.Vertices[r.Task.Vertex].Label(), r.Err))
	}
}

// died restarts the regions of tasks, or the whole job when that must be, if the
// strategy allows it.
func (m *machine) died(tasks []int, err error) {
	all, why := m.regionsOf(tasks, err)
	if all == nil {
		m.whole = why
		m.failed(err)
		return
	}
	m.problem = err
	m.accuse(err)
	at, ok := m.nextRestart()
	if !ok {
		m.end(Failed, err)
		return
	}
	m.failOver(all, at)
}

// regionsOf are the tasks to restart when some have died, with those that are being
// restarted already; nil when it must be all, and why if that could be otherwise.
func (m *machine) regionsOf(died []int, err error) (tasks []int, why string) {
	switch {
	case !m.settings.Regions || !m.durable || m.settings.Once || m.gears.at.Brief() || m.gears.former != "":
		return nil, ""
	case errors.Is(err, job.ErrInvalid) || errors.Is(err, checkpoint.ErrCorrupt):
		return nil, ""
	case m.stop || m.leaving():
		return nil, "the job is about to stop"
	case m.changing():
		return nil, "the job is about to have other tasks"
	}
	of := make(map[int]bool)
	for _, i := range died {
		of[m.region[i]] = true
	}
	if m.over != nil {
		for _, i := range m.over.tasks {
			of[m.region[i]] = true
		}
	}
	heads := make(map[job.VertexID]bool)
	for i, r := range m.region {
		if of[r] {
			tasks = append(tasks, i)
			heads[m.ids[i].Vertex] = true
		}
	}
	if len(tasks) == len(m.ids) {
		return nil, ""
	}
	for _, c := range m.graph.Chains() {
		if !heads[c.Head()] {
			continue
		}
		for _, v := range c.Vertices {
			if why := m.alone(m.graph.Vertices[v]); why != "" {
				return nil, why
			}
		}
	}
	return tasks, ""
}

// alone says why tasks of a vertex cannot be started again while others run; or "".
func (p *plan) alone(v job.Vertex) string {
	switch {
	case v.Afresh:
		return v.Label() + " is read from its beginning when tasks start"
	case p.recovering[v.UID]:
		return v.Label() + " clears away what tasks have left before others begin"
	}
	return ""
}

// failOver cancels tasks, which are those that die and those of their regions; some of
// them may be canceled already.
func (m *machine) failOver(tasks []int, at time.Time) {
	m.over = &failover{tasks: tasks, at: at, layout: m.over.taken()}
	cancel := m.newCancel()
	for _, i := range tasks {
		t := m.tasks.edit(i)
		if t.failing {
			continue
		}
		if t.runs {
			t.runs = false
			m.opening++
		}
		t.failing, t.canceling, t.want, t.drained = true, cancel.Number, 0, false
		cancel.Tasks = append(cancel.Tasks, m.ids[i])
	}
	if len(cancel.Tasks) > 0 {
		m.send(cancel)
	}
	if f := m.flight; f != nil && f.stage <= collecting && !m.settings.Bugs.FlightStands {
		f.restart = true
		m.abort(fmt.Errorf("tasks are started again: %w", m.problem))
	}
}

// taken is how tasks start when a generation is taken already; or nil.
func (f *failover) taken() *checkpoint.Layout {
	if f == nil {
		return nil
	}
	return f.layout
}

// newCancel is a Cancel with a number of its own.
func (m *machine) newCancel() rpc.Cancel {
	m.cancels++
	return rpc.Cancel{Number: m.cancels}
}

// canceledSome is told that some tasks run no more.
func (m *machine) canceledSome(r rpc.Canceled) {
	if m.phase != running {
		return
	}
	for _, id := range r.Tasks {
		if i := m.ordinal[id]; m.tasks.at(i).canceling == r.Number {
			m.tasks.edit(i).canceling = 0
		}
	}
}

// gone reports whether the tasks that are restarted are, and nothing else is to be
// waited for but time.
func (s State) gone() bool {
	return (s.flight == nil || s.settings.Bugs.FlightStands) && !s.renewing &&
		!slices.ContainsFunc(s.over.tasks, func(i int) bool { return s.tasks.at(i).canceling > 0 })
}

// startAgain goes on with a restart of regions.
func (m *machine) startAgain() {
	switch {
	case m.over == nil || !m.gone() || m.now.Before(m.over.at) && !m.stopping():
	case m.over.layout != nil:
		m.redeploy()
	default:
		m.renewing = true
		m.do(Renew{Me: m.owner, Unusable: m.unusable, Tasks: len(m.over.tasks), Epoch: m.newest()})
	}
}

// newest is the epoch of the newest checkpoint, or 0.
func (s State) newest() stream.Epoch {
	if s.manifest == nil {
		return 0
	}
	return s.manifest.Epoch
}

func (m *machine) renewed(e Renewed) {
	m.renewing = false
	if e.Owner.Term > 0 {
		m.owner = e.Owner
		for ; m.next < e.Number; m.next++ {
			m.retained = append(m.retained[:len(m.retained):len(m.retained)], checkpoint.Kept{Epoch: m.next, Kind: checkpoint.Aborted})
		}
	}
	switch {
	case m.phase != running || m.over == nil: // all tasks are canceled meanwhile
	case errors.Is(e.Err, job.ErrFenced):
		m.fenced(e.Err)
	case e.Err != nil:
		m.whole = "tasks cannot be started again beside others"
		m.failed(e.Err)
	default:
		m.over.layout = &e.Layout
	}
}

// redeploy starts tasks beside those that run.
func (m *machine) redeploy() {
	f := m.over
	m.over, m.placed, m.begunAt, m.restored = nil, false, m.now, m.newest()
	held := m.splitsHeld()
	ended := make(map[checkpoint.TaskID]*checkpoint.Handle)
	for _, h := range f.layout.Ended {
		ended[h.Task] = &h
	}
	d := m.newDeploy()
	d.Beside = true
	for _, a := range f.layout.Tasks {
		i := m.ordinal[a.Task]
		if _, of := slices.BinarySearch(f.tasks, i); !of {
			continue
		}
		t := m.tasks.edit(i)
		*t = taskState{source: t.source, given: t.given, injected: m.restored, generation: m.owner.Generation}
		if a.Ended {
			t.last, t.gone = ended[a.Task], true
			m.runs(i)
		} else if t.source >= 0 {
			a.Splits = slices.Clone(held[a.Task])
			for _, g := range t.given {
				if !m.settings.Bugs.GivenLost {
					a.Splits = append(a.Splits, g.split)
				}
			}
		}
		d.Tasks = append(d.Tasks, a)
	}
	m.send(d)
}

// splitsHeld are the splits that the newest checkpoint holds, by task. Of the one that
// all tasks began with there are none: they were given back to the enumerators then, and
// handed out again.
func (s State) splitsHeld() map[checkpoint.TaskID][]ops.Split {
	held := make(map[checkpoint.TaskID][]ops.Split)
	if s.manifest == nil || s.manifest.Epoch == s.origin && !s.settings.Bugs.GivenTwice {
		return held
	}
	for _, h := range s.manifest.Handles {
		held[h.Task] = h.Splits
	}
	return held
}

// assign gives splits to a task, and remembers them until a checkpoint has them.
func (m *machine) assign(task int, splits []ops.Split, noMore bool) {
	m.note(task, splits)
	m.send(rpc.Assign{Task: m.ids[task], Splits: splits, NoMore: noMore})
}

func (m *machine) note(task int, splits []ops.Split) {
	if !m.settings.Regions || !m.durable {
		return
	}
	t := m.tasks.edit(task)
	for _, s := range splits {
		t.given = append(t.given[:len(t.given):len(t.given)], given{s, t.injected})
	}
}

// takenBefore takes splits that an earlier attempt of a task has asked for: the
// enumerator has handed them out, so they belong to the next.
func (m *machine) takenBefore(e Taken) {
	if len(e.Splits) == 0 || m.settings.Bugs.LateLost {
		return // the next asks anew
	}
	switch t := m.tasks.edit(e.Task); {
	case t.failing:
		m.note(e.Task, e.Splits) // it starts with them
	case t.runs:
		m.assign(e.Task, e.Splits, false)
	default: // it may not be anywhere yet
		m.note(e.Task, e.Splits)
		t.late = append(t.late[:len(t.late):len(t.late)], e.Splits...)
	}
}

// inject gives a barrier to a source task.
func (m *machine) inject(task int, b stream.Barrier) {
	m.tasks.edit(task).injected = b.Epoch
	m.send(rpc.Inject{Task: m.ids[task], Barrier: b})
}

// forget lets go of splits that the checkpoint of e has.
func (m *machine) forget(e stream.Epoch) {
	older := func(g given) bool { return g.after < e }
	for i, t := range m.tasks.all() {
		if slices.ContainsFunc(t.given, older) {
			t := m.tasks.edit(i)
			t.given = slices.DeleteFunc(slices.Clone(t.given), older)
		}
	}
}

// renew carries out Renew.
func (d *driver) renew(ctx context.Context, a Renew) (r Renewed) {
	owner, number, err := d.keeper.TakeOver(ctx, checkpoint.Takeover{
		Me: a.Me, NewGeneration: true, LastTerm: a.Me.Term, LastGeneration: a.Me.Generation,
	})
	if err != nil {
		r.Err = err
		return r
	}
	r.Owner, r.Number = owner, number+1
	facts, err := d.keeper.Load(ctx, a.Unusable)
	if err != nil {
		r.Err = err
		return r
	}
	var m *checkpoint.Manifest
	switch c := checkpoint.Decide(owner, facts).(type) {
	case checkpoint.StartFresh:
	case checkpoint.Restore:
		m = c.Manifest
	case checkpoint.StepDown:
		r.Err = fmt.Errorf("%w: generation %d of job %s runs elsewhere", job.ErrFenced, c.To.Generation, d.id)
		return r
	case checkpoint.Done, checkpoint.AskSinks, checkpoint.Refuse:
		r.Err = fmt.Errorf("%w: the job is to be decided anew: %T", job.ErrUnavailable, c)
		return r
	}
	if have := (State{manifest: m}).newest(); have != a.Epoch {
		r.Err = fmt.Errorf("%w: the newest checkpoint that can be read is that of epoch %d, not %d", job.ErrUnavailable, have, a.Epoch)
		return r
	}
	r.Layout, r.Err = checkpoint.Redistribute(m, d.Graph, checkpoint.RedistributeOptions{AllowNonRestored: d.AllowNonRestored, Bugs: d.Settings.Bugs})
	return r
}

// recovering are the sinks, by UID, whose committers have something to do before tasks
// begin again.
func (d *driver) recovering() map[string]bool {
	all := make(map[string]bool)
	for _, s := range d.sinks {
		if _, ok := s.Committer.(ops.Recovering); ok {
			all[s.uid] = true
		}
	}
	return all
}

func (d *driver) logRenew(a Renew) {
	d.Log.Warn("restart of some tasks", slog.Int("tasks", a.Tasks), slog.Int("of", len(d.state.ids)), slog.Any("cause", d.state.problem))
}
