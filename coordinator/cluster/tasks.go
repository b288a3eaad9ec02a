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
type Tasks struct {
	// Local says that workers keep the state of the tasks, so that one that is started
	// again is best where it was (execution.state-recovery.from-local). It is set
	// before the first Send.
	Local bool

	c    *Cluster
	host coordinator.Host

	// Of the cluster's lock:
	need  int
	slots []*Member // by index of the tasks; nil while they wait
	last  []*Member // those of the attempt before
	since time.Time // when they began to wait

	mu      sync.Mutex
	start   rpc.Start
	pending *rpc.Deploy // waits for slots
	giveUp  context.CancelFunc
	current checkpoint.Generation
	at      map[checkpoint.TaskID]*Member
	alive   map[*Member]bool // have tasks of the current attempt
	started map[*Member]bool // know the job
	// canceling is set while Canceled is to come from those alive.
	canceling bool
	// adopting is set while tasks are taken over: early is what they report.
	adopting bool
	early    []rpc.JobReport
	counts   counts
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
		t.cancel()
	}
	return nil
}

// Leave ends the wait for slots. Tasks that run are left to another coordinator.
func (t *Tasks) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.giveUp != nil {
		t.giveUp()
	}
}

// Close gives up the slots of a job that is over.
func (t *Tasks) Close() error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	if t.giveUp != nil {
		t.giveUp()
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
	t.host.Go(func() {
		if t.host.Sleep(ctx, t.c.o.SlotTimeout) == nil {
			t.late(d)
		}
	})
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.need = 0
	for _, a := range d.Tasks {
		t.need = max(t.need, a.Task.Index+1)
	}
	t.mu.Lock()
	t.start.Job, t.start.Name = d.Job, d.Graph.Name
	t.current, t.pending, t.canceling, t.giveUp = d.Generation, &d, false, cancel
	t.at, t.alive, t.counts = nil, make(map[*Member]bool), counts{}
	t.mu.Unlock()
	t.c.request(t)
}

// late fails an attempt that has got no slots in time.
func (t *Tasks) late(d rpc.Deploy) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil || t.pending.Generation != d.Generation {
		return
	}
	free, slots := t.c.slots()
	t.post(rpc.Failed{Task: d.Tasks[0].Task, Err: fmt.Errorf(
		"%w: NoResourceAvailableException: the job needs %d slots and %d are missing: %d of %d are free after %v (slot.request.timeout): start workers, or lower parallelism.default",
		job.ErrUnavailable, t.need, t.need-free, free, slots, t.c.o.SlotTimeout)})
}

// deploy sends the tasks to the workers of their slots. The cluster is locked.
func (t *Tasks) deploy() {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.pending
	t.pending = nil
	t.giveUp()
	d.Since = stream.Timestamp(t.host.Now().UnixMilli()) // an heir tells the same
	t.post(rpc.Placed{Since: d.Since})
	t.at = make(map[checkpoint.TaskID]*Member, len(d.Tasks))
	parts := make(map[*Member]*rpc.Deploy)
	for _, a := range d.Tasks {
		w := t.slots[a.Task.Index]
		t.at[a.Task] = w
		p := parts[w]
		if p == nil {
			c := *d
			p, c.Tasks = &c, nil
			parts[w] = p
		}
		p.Tasks = append(p.Tasks, a)
	}
	for w, p := range parts {
		for i, o := range t.slots {
			if o != w {
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

func (t *Tasks) cancel() {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	for w := range t.alive {
		t.command(w, rpc.Cancel{})
	}
	t.canceling = true
	if t.pending != nil {
		t.pending = nil
		t.giveUp()
	}
	t.mu.Unlock()
	t.gone(nil)
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
		t.post(rpc.Canceled{})
	}
}

// lost is told that a worker is gone with its tasks. The cluster is locked.
func (t *Tasks) lost(w *Member, why error) {
	t.mu.Lock()
	had := t.alive[w] && !t.canceling
	var one checkpoint.TaskID
	for id, o := range t.at {
		if o == w {
			one = id
		}
	}
	delete(t.started, w)
	delete(t.alive, w)
	if had {
		failed := rpc.Failed{Task: one, Err: fmt.Errorf("%w: worker %s is lost: %w", job.ErrUnavailable, w.info.ID, why)}
		if t.adopting && !t.c.o.Bugs.LossUnheard { // nobody would listen yet
			t.early = append(t.early, rpc.WrapReport(t.start.Job, t.current, failed))
		} else {
			t.post(failed)
		}
	}
	t.mu.Unlock()
	t.gone(w)
}

// reported passes on what a worker says of the current attempt.
func (t *Tasks) reported(w *Member, doc rpc.JobReport) {
	r := doc.Open()
	if f, fails := r.(rpc.Failed); fails {
		var u *peer.Unreachable
		if errors.As(f.Err, &u) {
			t.c.shun(u.Address)
		}
	}
	t.mu.Lock()
	if r == nil || doc.Generation != t.current || !t.alive[w] {
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
	_, canceled := r.(rpc.Canceled)
	if !canceled {
		t.post(r) // with the lock: whatever comes next comes behind it
	}
	t.mu.Unlock()
	if canceled {
		t.c.mu.Lock()
		defer t.c.mu.Unlock()
		t.gone(w)
	}
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
