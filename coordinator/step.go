package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Step is pure: the same state, time and event give the same state and
// actions. The order of actions matters.
func Step(s State, now time.Time, e Event) (State, []Action) {
	m := machine{State: s.clone(), now: now}
	switch e := e.(type) {
	case Tick:
	case Reported:
		m.report(e.Report)
	case RescaleRequested:
		m.rescale(e.Graph)
	case GearRequested:
		m.shift(e)
	case StopRequested:
		m.stop = true
	case SavepointRequested:
		m.requested(e)
	case Exported:
		m.exported(e)
	case CancelRequested:
		m.end(Canceled, e.Err)
	case Begun:
		m.begun(e)
	case Renewed:
		m.renewed(e)
	case Discovered:
		m.discovered(e)
	case Taken:
		m.taken(e)
	case Frozen:
		m.frozen(e)
	case Claimed:
		m.claimed(e)
	case Published:
		m.published(e)
	case Recorded:
		m.recorded(e)
	}
	m.onward()
	return m.State, m.actions
}

// machine is a state on its way to the next.
type machine struct {
	State
	now     time.Time
	actions []Action
}

func (m *machine) do(a ...Action) { m.actions = append(m.actions, a...) }

func (m *machine) send(c rpc.Command) { m.do(Send{c}) }

// onward does what the state asks for, whatever event has led to it.
func (m *machine) onward() {
	switch m.phase {
	case running:
		m.scale()
		m.hasten()
		m.unplace()
		m.startAgain()
		if m.phase != running {
			break
		}
		m.discover()
		if m.once() {
			return
		}
		m.checkpointing()
		m.publish(false)
		m.save()
	case pausing:
		m.publish(false)
		m.save()
		if m.stop && !m.settings.Once {
			m.ending = &ending{state: Stopped}
			m.settleDown()
			m.settle()
		} else if !m.claiming && !m.renewing && !m.now.Before(m.resumeAt) {
			m.begin()
		}
	case settling:
		m.save()
		m.settle()
	case canceling:
		m.publish(false)
		m.save()
	case beginning, recording, over:
	}
}

func (m *machine) report(r rpc.Report) {
	if c, canceled := r.(rpc.Canceled); canceled {
		if c.Tasks != nil {
			m.canceledSome(c)
		} else if m.phase == canceling {
			m.canceled()
		}
		return
	}
	if m.phase != running {
		return // of tasks that are being canceled
	}
	if f, failed := r.(rpc.Failed); failed {
		m.fallen(f)
		return
	}
	if id, one := rpc.TaskOf(r); one && m.tasks.at(m.ordinal[id]).failing {
		return
	}
	switch r := r.(type) {
	case rpc.Placed, rpc.Deployed:
		m.placed = true
	case rpc.Running:
		m.placed = true
		m.runs(m.ordinal[r.Task])
	case rpc.WantSplits:
		m.want(m.ordinal[r.Task], r.N)
	case rpc.Drained:
		m.tasks.edit(m.ordinal[r.Task]).drained = true
	case rpc.Sealed:
		m.sealed(m.ordinal[r.Task], r)
	case rpc.Declined:
		m.declined(m.ordinal[r.Task], r)
	case rpc.Ended:
		t := m.tasks.edit(m.ordinal[r.Task])
		t.gone = true
		m.checkGone(t, r.Task)
	case rpc.Failed, rpc.Canceled, rpc.Paused:
	}
}

// begin starts an attempt at running the job.
func (m *machine) begin() {
	m.phase = beginning
	m.attempt++
	m.shifted()
	m.stop = m.stop && !m.settings.Once // of the attempt before
	b := Begin{Attempt: m.attempt, First: m.owner.Term == 0, Me: m.owner, Unusable: m.unusable, Graph: m.scaled, Gear: m.gears.at}
	if m.scaled != nil {
		m.plan, m.scaled = m.with(m.scaled), nil
	}
	m.do(b)
}

// rescale lets the next attempt run another graph.
func (m *machine) rescale(g *job.Graph) {
	if m.ending != nil || m.stop || m.leaving() || !m.durable {
		return
	}
	m.scaled, m.wished = g, m.now
	if slices.EqualFunc(g.Vertices, m.graph.Vertices, func(a, b job.Vertex) bool { return a.Parallelism == b.Parallelism }) {
		m.scaled = nil // an earlier wish is taken back
	}
}

// scale restarts the tasks as those of another graph or gear, when that is wished for:
// behind the next checkpoint, which the wish brings about, so that little is read
// again; at once when there can be none, because tasks wait for slots.
func (m *machine) scale() {
	if m.changing() && m.phase == running && m.opening > 0 {
		m.cancel(m.now)
	}
}

// unplaced is how long a job that is to stop waits for slots: without them it has
// read nothing since the last checkpoint.
const unplaced = 5 * time.Second

// unplace ends a job that is to stop, and whose tasks get no slots.
func (m *machine) unplace() {
	if m.stop && !m.placed && m.phase == running && !m.now.Before(m.begunAt.Add(unplaced)) {
		m.cancel(m.now)
	}
}

func (m *machine) begun(e Begun) {
	if m.phase != beginning {
		return
	}
	switch {
	case m.ending != nil: // it was canceled meanwhile
		m.settleDown()
		return
	case errors.Is(e.Err, job.ErrFenced):
		m.finish(Fenced, e.Err)
		return
	case e.Err != nil:
		if e.Owner.Term > 0 { // what failed came after the job was taken over
			m.owner = e.Owner
		}
		m.retryLater(e.Err)
		return
	case e.Finished:
		m.finish(Finished, nil)
		return
	}
	m.owner, m.next, m.manifest, m.retained = e.Owner, e.Number, e.Manifest, e.Retained
	m.begunAt, m.flight, m.failures = m.now, nil, 0
	m.lastOpen, m.lastOver = m.now, m.now
	m.restored, m.whole = m.newest(), ""
	m.origin = m.restored
	if m.manifest != nil {
		for i, uid := range m.plan.sinks {
			m.sinks[i].pending = m.manifest.Pending[uid]
			m.sinks[i].offered = 0
		}
	}
	switch {
	case e.Held != nil:
		m.adopt(e.Held, e.Layout)
	case m.changing(): // it was wished for meanwhile
		m.phase, m.resumeAt = pausing, m.now
	default:
		m.deploy(e.Layout)
	}
}

// deploy starts the tasks of the layout; those that have ended stay ended.
func (m *machine) deploy(l checkpoint.Layout) {
	m.resetTasks()
	for _, h := range l.Ended {
		i := m.ordinal[h.Task]
		t := m.tasks.edit(i)
		t.last, t.gone = &h, true
		m.runs(i)
	}
	m.phase = running
	if m.manifest != nil && m.manifest.Finished() && m.allEnded() {
		m.ending = &ending{state: Finished}
		m.settleDown()
		return
	}
	d := m.newDeploy()
	d.Tasks = l.Tasks
	m.send(d)
}

// newDeploy is a Deploy without tasks.
func (m *machine) newDeploy() rpc.Deploy {
	d := rpc.Deploy{
		Job: m.job, Generation: m.owner.Generation, Graph: m.graph, Attempt: m.number, Since: stream.Timestamp(m.now.UnixMilli()),
		Durable: m.durable, Epoch: m.newest(),
	}
	m.number++
	return d
}

// resetTasks makes every task one of which nothing is known.
func (m *machine) resetTasks() {
	m.tasks = newPages[taskState](len(m.ids))
	m.opening, m.placed, m.handed = m.tasks.len(), false, false
	m.sources = make([]sourceState, len(m.plan.sources))
	for i := range m.tasks.len() {
		t := m.tasks.edit(i)
		t.source, t.generation, t.injected = -1, m.owner.Generation, m.newest()
	}
	for i, s := range m.plan.sources {
		for _, t := range s.tasks {
			m.tasks.edit(t).source = i
		}
	}
}

// runs notes that a task has its state.
func (m *machine) runs(task int) {
	t := m.tasks.edit(task)
	if !t.runs {
		t.runs = true
		m.opening--
	}
	if len(t.late) > 0 { // they are noted already
		m.send(rpc.Assign{Task: m.ids[task], Splits: t.late})
		t.late = nil
	}
}

// failed begins the end of the attempt: a restart if the strategy allows it.
func (m *machine) failed(err error) {
	if m.phase != running {
		return
	}
	m.problem = err
	m.accuse(err)
	switch {
	case m.goBack(err):
		m.cancel(m.now)
	case errors.Is(err, checkpoint.ErrCorrupt) && m.manifest != nil && m.manifest.Epoch == m.restored:
		// The checkpoint that the attempt has restored is damaged: decide again.
		u := map[stream.Epoch]error{m.restored: err}
		for e, err := range m.unusable {
			u[e] = err
		}
		m.unusable = u
		m.total++
		m.cancel(m.now)
	case errors.Is(err, job.ErrInvalid), !m.durable:
		m.end(Failed, err)
	default:
		if at, ok := m.nextRestart(); ok {
			m.cancel(at)
			return
		}
		m.end(Failed, err)
	}
}

// accuse notes a failure, once.
func (m *machine) accuse(err error) {
	if err != nil && (m.blame == nil || !errors.Is(err, m.blame)) {
		m.blames++
		m.blame = err
	}
}

// nextRestart counts a restart and says when it may be.
func (m *machine) nextRestart() (time.Time, bool) {
	r := m.settings.Restart
	if r.ResetAfter > 0 && m.now.Sub(m.begunAt) >= r.ResetAfter {
		m.restarts = 0
	}
	if r.Attempts >= 0 && m.restarts >= r.Attempts {
		return time.Time{}, false
	}
	m.restarts++
	m.total++
	return m.now.Add(r.delay(m.restarts)), true
}

// cancel stops the tasks; the next attempt is not before at.
func (m *machine) cancel(at time.Time) {
	m.resumeAt = at
	m.phase = canceling
	m.over = nil
	m.dropFlight()
	if m.ending == nil {
		m.refuse(errors.New("the tasks were restarted"), false)
	}
	m.send(m.newCancel())
}

// dropFlight forgets a checkpoint whose claim has not been tried. Its number
// is claimed by the next attempt, as aborted.
func (m *machine) dropFlight() {
	if m.flight != nil && m.flight.stage <= collecting {
		m.flight = nil
	}
}

// canceled is told that no task runs any more.
func (m *machine) canceled() {
	m.tasks, m.sources = pages[taskState]{}, nil
	if m.ending != nil {
		m.settleDown()
		return
	}
	m.phase = pausing
}

// retryLater is for an attempt that could not begin.
func (m *machine) retryLater(err error) {
	m.accuse(err)
	if m.goBack(err) {
		m.phase, m.resumeAt, m.problem = pausing, m.now, err
		return
	}
	if errors.Is(err, job.ErrUnavailable) && m.durable {
		if at, ok := m.nextRestart(); ok {
			m.phase, m.resumeAt, m.problem = pausing, at, err
			return
		}
	}
	m.finish(Failed, err)
}

// end begins the end of the run: tasks are stopped, what is claimed is published.
func (m *machine) end(state End, err error) {
	if m.phase == over || m.phase == recording || (m.ending != nil && m.ending.state == state) {
		return
	}
	m.ending = &ending{state, err}
	m.refuse(fmt.Errorf("the job has ended: %v", state), true)
	switch m.phase {
	case running:
		m.cancel(m.now)
	case pausing:
		m.settleDown()
	case beginning, canceling, settling, recording, over:
	}
}

// settleDown is reached when no task runs and none will.
func (m *machine) settleDown() {
	m.phase = settling
}

// settle publishes everything that is claimed, and ends the run.
func (m *machine) settle() {
	if m.claiming || m.renewing {
		return
	}
	if m.ending.state != Fenced {
		m.publish(true)
	}
	for _, k := range m.sinks {
		if k.publishing || (len(k.pending) > 0 && m.ending.state != Canceled && m.ending.state != Fenced) {
			return
		}
	}
	if m.saving() {
		return
	}
	if t, ok := m.terminal(); ok {
		m.phase, m.discarded = recording, t.Discarded
		m.do(Record{t})
		return
	}
	m.finish(m.ending.state, m.ending.err)
}

func (m *machine) recorded(e Recorded) {
	if m.phase != recording {
		return
	}
	if e.Err != nil && m.ending.state == Finished {
		// Everything is published; only the next start will find that out.
		m.finish(Failed, fmt.Errorf("everything is published, but the end of the job could not be recorded: %w", e.Err))
		return
	}
	m.finish(m.ending.state, m.ending.err)
}

func (m *machine) finish(state End, err error) {
	m.phase = over
	m.refuse(fmt.Errorf("the job has ended: %v", state), true)
	if state == Failed {
		m.accuse(err)
	}
	r := Result{
		State: state, Err: err, Restored: m.restored, Restarts: m.total, Took: m.now.Sub(m.started),
		Resumable: m.durable && state != Finished && state != Fenced && !m.discarded,
	}
	if m.manifest != nil && !m.discarded {
		r.Epoch = m.manifest.Epoch
		r.Checkpoint = string(m.job) + "/" + checkpoint.ClaimDir(r.Epoch)
	}
	m.do(Finish{r})
}

func (m *machine) allEnded() bool {
	for _, t := range m.tasks.all() {
		if t.last == nil {
			return false
		}
	}
	return true
}
