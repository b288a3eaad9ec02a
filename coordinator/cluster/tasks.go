package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

var _ coordinator.Worker = (*Tasks)(nil)

// Tasks are the tasks of one job, on whichever workers they are.
//
//	          Deploy            slots            Cancel          all Canceled
//	idle ───────────► waiting ───────► running ─────────► canceling ─────────► idle
//	                     └──────────────── Cancel ──────────────────────────────┘
//
// Those of some regions may go through this beside others that run: they keep the
// slots that they have, and wait for those that are lost.
type Tasks struct {
	// Local says that workers keep the state of the tasks, so that one that is started
	// again is best where it was (execution.state-recovery.from-local). It is set
	// before the first Send.
	Local bool

	c    *Cluster
	host coordinator.Host

	// Of the cluster's lock:
	slots []*Member // by index of the tasks; nil where there is none
	last  []*Member // those of the attempt before
	since time.Time // when they began to wait

	mu      sync.Mutex
	start   rpc.Start
	pending []*request // wait for slots
	at      map[checkpoint.TaskID]*Member
	// generations are those that the tasks were deployed with.
	generations map[checkpoint.TaskID]checkpoint.Generation
	alive       map[*Member]bool // have tasks
	started     map[*Member]bool // know the job
	// canceling is set while Canceled, with a number, is to come from those alive.
	canceling bool
	number    int
	// adopting is set while tasks are taken over: early is what they report.
	adopting bool
	early    []rpc.JobReport
	counts   counts
}

// request is a Deploy that waits for slots, until somebody gives up.
type request struct {
	rpc.Deploy
	giveUp context.CancelFunc
}

// Job returns what runs the tasks of a job; host takes its reports. The job's id
// is that of its first Deploy.
func (c *Cluster) Job(host coordinator.Host, s rpc.Start) *Tasks {
	return &Tasks{c: c, host: host, start: s, started: make(map[*Member]bool)}
}

// Reports is nil: reports go to the coordinator's queue.
func (t *Tasks) Reports() <-chan rpc.Report { return nil }

func (t *Tasks) post(r rpc.Report) { t.host.Post(coordinator.Reported{Report: r}) }

// Send obeys a command.
func (t *Tasks) Send(c rpc.Command) error {
	if d, deploys := c.(rpc.Deploy); deploys {
		t.refuseHeld(d.Job)
	} else {
		defer t.adopted()
	}
	switch c := c.(type) {
	case rpc.Deploy:
		t.request(c)
	case rpc.Assign:
		t.to(c.Task, c)
	case rpc.Inject:
		t.to(c.Task, c)
	case rpc.Confirm:
		t.toAll(c)
	case rpc.Cancel:
		t.cancel(c)
	}
	return nil
}

// Leave ends the wait for slots. Tasks that run are left to another coordinator.
func (t *Tasks) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.pending {
		r.giveUp()
	}
}

// Close gives up the slots of a job that is over.
func (t *Tasks) Close() error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	for _, r := range t.pending {
		r.giveUp()
	}
	t.pending = nil
	for w := range t.started {
		w.send(rpc.ToWorker{Drop: t.start.Job})
	}
	t.mu.Unlock()
	t.c.release(t)
	return nil
}

// request waits for slots for the tasks of d.
func (t *Tasks) request(d rpc.Deploy) {
	ctx, cancel := context.WithCancel(t.c.ctx)
	r := &request{d, cancel}
	t.host.Go(func() {
		if t.host.Sleep(ctx, t.c.o.SlotTimeout) == nil {
			t.late(r)
		}
	})
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	if !d.Beside {
		t.start.Job, t.start.Name = d.Job, d.Graph.Name
		t.slots, t.pending, t.canceling = nil, nil, false
		t.reset()
	}
	for _, a := range d.Tasks {
		t.slots = append(t.slots, make([]*Member, max(0, a.Task.Index+1-len(t.slots)))...)
	}
	t.pending = append(t.pending, r)
	t.mu.Unlock()
	t.c.request(t)
}

// reset makes it one whose tasks are nowhere.
func (t *Tasks) reset() {
	t.at, t.generations = make(map[checkpoint.TaskID]*Member), make(map[checkpoint.TaskID]checkpoint.Generation)
	t.alive, t.counts = make(map[*Member]bool), counts{}
}

// missing are the indices of tasks that wait for a slot. The cluster is locked.
func (t *Tasks) missing() (all []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	needs := make([]bool, len(t.slots))
	for _, r := range t.pending {
		for _, a := range r.Tasks {
			needs[a.Task.Index] = true
		}
	}
	for i, w := range t.slots {
		if needs[i] && w == nil {
			all = append(all, i)
		}
	}
	return all
}

// late fails tasks that have got no slots in time.
func (t *Tasks) late(r *request) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	missing := len(t.missing())
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.pending, r) {
		return
	}
	free, slots := t.c.slots()
	t.post(rpc.FailedBy(r.Deploy, fmt.Errorf(
		"%w: NoResourceAvailableException: the job needs %d slots and %d are missing: %d of %d are free after %v (slot.request.timeout): start workers, or lower parallelism.default",
		job.ErrUnavailable, len(t.slots), missing-free, free, slots, t.c.o.SlotTimeout)))
}

// deploy sends the tasks that have waited to the workers of their slots. The cluster
// is locked.
func (t *Tasks) deploy() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.pending {
		r.giveUp()
		t.send(r.Deploy)
	}
	t.pending = nil
}

// send sends the tasks of d to the workers of their slots.
func (t *Tasks) send(d rpc.Deploy) {
	d.Since = stream.Timestamp(t.host.Now().UnixMilli()) // an heir tells the same
	placed := rpc.Placed{Since: d.Since}
	parts := make(map[*Member]*rpc.Deploy)
	for _, a := range d.Tasks {
		w := t.slots[a.Task.Index]
		t.at[a.Task], t.generations[a.Task] = w, d.Generation
		if d.Beside {
			placed.Tasks = append(placed.Tasks, a.Task)
		}
		p := parts[w]
		if p == nil {
			c := d
			p, c.Tasks = &c, nil
			parts[w] = p
		}
		p.Tasks = append(p.Tasks, a)
	}
	t.post(placed)
	for w, p := range parts {
		for i, o := range t.slots {
			if o != nil && o != w {
				p.Places = append(p.Places, rpc.Place{Index: i, Address: o.info.Data})
			}
		}
		t.alive[w] = true
		if !t.started[w] {
			t.started[w] = true
			start := t.start
			w.send(rpc.ToWorker{Start: &start})
		}
		t.command(w, *p)
	}
}

func (t *Tasks) command(w *Member, c rpc.Command) {
	m := rpc.Wrap(t.start.Job, c)
	w.send(rpc.ToWorker{Command: &m})
}

func (t *Tasks) to(id checkpoint.TaskID, c rpc.Command) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.at[id]; w != nil && t.alive[w] {
		t.command(w, c)
	}
}

func (t *Tasks) toAll(c rpc.Command) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.alive {
		t.command(w, c)
	}
}

func (t *Tasks) cancel(c rpc.Cancel) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if c.Tasks != nil {
		t.cancelSome(c)
		return
	}
	t.mu.Lock()
	for w := range t.alive {
		t.command(w, c)
	}
	t.canceling, t.number = true, c.Number
	for _, r := range t.pending {
		r.giveUp()
	}
	t.pending = nil
	t.mu.Unlock()
	t.gone(nil)
}

// cancelSome cancels tasks of some regions. What runs on no worker is gone. The
// cluster is locked.
func (t *Tasks) cancelSome(c rpc.Cancel) {
	t.mu.Lock()
	waited := len(t.pending) > 0
	t.pending = slices.DeleteFunc(t.pending, func(r *request) bool {
		r.Tasks = slices.DeleteFunc(slices.Clone(r.Tasks), func(a rpc.Assignment) bool { return slices.Contains(c.Tasks, a.Task) })
		if len(r.Tasks) == 0 {
			r.giveUp()
		}
		return len(r.Tasks) == 0
	})
	parts, nowhere := make(map[*Member][]checkpoint.TaskID), []checkpoint.TaskID(nil)
	for _, id := range c.Tasks {
		if w := t.at[id]; w != nil && t.alive[w] {
			parts[w] = append(parts[w], id)
		} else {
			nowhere = append(nowhere, id)
		}
	}
	for w, tasks := range parts {
		t.command(w, rpc.Cancel{Number: c.Number, Tasks: tasks})
	}
	if nowhere != nil {
		t.post(rpc.Canceled{Number: c.Number, Tasks: nowhere})
	}
	waits := len(t.pending) > 0
	t.mu.Unlock()
	if waited && !waits {
		t.c.unwait(t)
	}
}

// gone notes that a worker has no tasks of the job any more; when none has, the
// job is told. The cluster is locked.
func (t *Tasks) gone(w *Member) {
	t.mu.Lock()
	delete(t.alive, w)
	done := t.canceling && len(t.alive) == 0
	if done {
		t.canceling = false
	}
	t.mu.Unlock()
	if done {
		t.c.release(t)
		t.post(rpc.Canceled{Number: t.number})
	}
}

// lost is told that a worker is gone with its tasks. The cluster is locked.
func (t *Tasks) lost(w *Member, why error) {
	for i, o := range t.slots {
		if o == w {
			t.slots[i] = nil
		}
	}
	t.mu.Lock()
	had := t.alive[w] && !t.canceling
	failed := rpc.Failed{Gone: true, Err: fmt.Errorf("%w: worker %s is lost: %w", job.ErrUnavailable, w.info.ID, why)}
	for id, o := range t.at {
		if o == w {
			failed.With = append(failed.With, id)
			delete(t.at, id)
		}
	}
	delete(t.started, w)
	delete(t.alive, w)
	if had && len(failed.With) > 0 {
		slices.SortFunc(failed.With, checkpoint.TaskID.Compare)
		failed.Task = failed.With[0]
		if t.adopting && !t.c.o.Bugs.LossUnheard { // nobody would listen yet
			t.early = append(t.early, rpc.WrapReport(t.start.Job, t.generations[failed.Task], failed))
		} else {
			t.post(failed)
		}
	}
	t.mu.Unlock()
	t.gone(w)
}

// reported passes on what a worker says of its tasks.
func (t *Tasks) reported(w *Member, doc rpc.JobReport) {
	r := doc.Open()
	if f, fails := r.(rpc.Failed); fails {
		var u *peer.Unreachable
		if errors.As(f.Err, &u) {
			t.c.shun(u.Address)
		}
	}
	t.mu.Lock()
	if r == nil || !t.alive[w] || !t.current(doc, r) {
		t.mu.Unlock()
		return
	}
	if t.adopting {
		if len(t.early) < maxOfferReports {
			t.early = append(t.early, doc)
		}
		t.mu.Unlock()
		return
	}
	t.counts.take(doc.Counts)
	canceled, ends := r.(rpc.Canceled)
	ends = ends && canceled.Tasks == nil
	if !ends {
		for _, id := range canceled.Tasks {
			if t.at[id] == w {
				delete(t.at, id)
			}
		}
		t.post(r) // with the lock: whatever comes next comes behind it
	}
	t.mu.Unlock()
	if ends {
		t.c.mu.Lock()
		defer t.c.mu.Unlock()
		t.gone(w)
	}
}

// current reports whether what is said is of the newest attempt of the task, or
// answers the newest Cancel.
func (t *Tasks) current(doc rpc.JobReport, r rpc.Report) bool {
	if c, ok := r.(rpc.Canceled); ok && c.Tasks == nil {
		return t.canceling && c.Number == t.number
	}
	id, one := rpc.TaskOf(r)
	return !one || doc.Generation == t.generations[id]
}

// counted takes the counts of a worker's tasks.
func (t *Tasks) counted(told []rpc.Count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.take(told)
}

// Stats are the counters of the tasks, as of the last heartbeats.
func (t *Tasks) Stats() []engine.VertexStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.counts.all)
}

// Place is the worker of a task, and its address for data; "" while it has none.
func (t *Tasks) Place(id checkpoint.TaskID) (worker, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.at[id]; w != nil {
		return w.info.ID, w.info.Data
	}
	return "", ""
}
