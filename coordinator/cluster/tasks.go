package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
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
	c    *Cluster
	host coordinator.Host

	// Of the cluster's lock:
	need  int
	slots []*worker

	mu      sync.Mutex
	start   rpc.Start
	pending *rpc.Deploy // waits for slots
	// behind are the newest barriers for the sources of pending: they follow it.
	behind  map[checkpoint.TaskID]rpc.Inject
	giveUp  context.CancelFunc
	current checkpoint.Generation
	at      map[checkpoint.TaskID]*worker
	alive   map[*worker]bool // have tasks of the current attempt
	started map[*worker]bool // know the job
	// canceling is set while Canceled is to come from those alive.
	canceling bool
	// adopting is set while tasks are taken over: early is what they report.
	adopting bool
	early    []rpc.JobReport
	stats    []engine.VertexStats
}

// Job returns what runs the tasks of a job; host takes its reports. The job's id
// is that of its first Deploy.
func (c *Cluster) Job(host coordinator.Host, s rpc.Start) *Tasks {
	return &Tasks{c: c, host: host, start: s, started: make(map[*worker]bool)}
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

// Close gives up the slots of a job that is over.
func (t *Tasks) Close() error {
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
	need := 0
	for _, a := range d.Tasks {
		need = max(need, a.Task.Index+1)
	}
	t.mu.Lock()
	t.start.Job, t.start.Name = d.Job, d.Graph.Name
	t.current, t.pending, t.canceling, t.stats = d.Generation, &d, false, nil
	t.behind = make(map[checkpoint.TaskID]rpc.Inject)
	ctx, cancel := context.WithCancel(t.c.ctx)
	t.giveUp = cancel
	t.mu.Unlock()
	t.host.Go(func() {
		if t.host.Sleep(ctx, t.c.o.SlotTimeout) == nil {
			t.late(d)
		}
	})
	t.c.mu.Lock()
	t.need = need
	t.c.mu.Unlock()
	t.c.request(t)
}

// late fails an attempt that has got no slots in time.
func (t *Tasks) late(d rpc.Deploy) {
	t.mu.Lock()
	waits := t.pending != nil && t.pending.Generation == d.Generation
	t.mu.Unlock()
	if waits {
		slots, free := 0, 0
		for _, w := range t.c.Workers() {
			slots, free = slots+w.Slots, free+w.Slots-w.Used
		}
		t.c.mu.Lock()
		need := t.need
		t.c.mu.Unlock()
		t.post(rpc.Failed{Task: d.Tasks[0].Task, Err: fmt.Errorf(
			"%w: the job needs %d slots; %d of %d are free after %v (slot.request.timeout): start workers, or lower parallelism.default",
			job.ErrUnavailable, need, free, slots, t.c.o.SlotTimeout)})
	}
}

// deploy sends the tasks to the workers of their slots.
func (t *Tasks) deploy() {
	t.c.mu.Lock()
	slots := t.slots
	t.c.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.pending
	if d == nil || slots == nil { // it was canceled meanwhile
		return
	}
	t.pending = nil
	t.giveUp()
	t.at, t.alive = make(map[checkpoint.TaskID]*worker), make(map[*worker]bool)
	parts := make(map[*worker]*rpc.Deploy)
	for _, a := range d.Tasks {
		w := slots[a.Task.Index]
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
		if w.gone() {
			t.post(rpc.Failed{Task: p.Tasks[0].Task, Err: fmt.Errorf("%w: worker %s is lost", job.ErrUnavailable, w.info.ID)})
			continue
		}
		for id, o := range t.at {
			if o != w {
				p.Places = append(p.Places, rpc.Place{Task: id, Address: o.info.Data})
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
	for id, c := range t.behind {
		if w := t.at[id]; t.alive[w] {
			t.command(w, c)
		}
	}
}

func (t *Tasks) command(w *worker, c rpc.Command) {
	m := rpc.Wrap(t.start.Job, c)
	w.send(rpc.ToWorker{Command: &m})
}

func (t *Tasks) to(id checkpoint.TaskID, c rpc.Command) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := c.(rpc.Inject); ok && t.pending != nil {
		t.behind[id] = i
		return
	}
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
	t.toAll(rpc.Cancel{})
	t.mu.Lock()
	t.canceling = true
	if t.pending != nil {
		t.pending = nil
		t.giveUp()
	}
	t.mu.Unlock()
	t.gone(nil)
}

// gone notes that a worker has no tasks of the job any more; when none has, the
// job is told.
func (t *Tasks) gone(w *worker) {
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

// lost is told that a worker is gone with its tasks.
func (t *Tasks) lost(w *worker, why error) {
	t.mu.Lock()
	delete(t.started, w)
	had, canceling := t.alive[w], t.canceling
	var one checkpoint.TaskID
	for id, o := range t.at {
		if o == w {
			one = id
		}
	}
	t.mu.Unlock()
	if had && !canceling {
		t.mu.Lock()
		delete(t.alive, w)
		t.mu.Unlock()
		t.post(rpc.Failed{Task: one, Err: fmt.Errorf("%w: worker %s is lost: %w", job.ErrUnavailable, w.info.ID, why)})
		return
	}
	t.gone(w)
}

// reported passes on what a worker says of the current attempt.
func (t *Tasks) reported(w *worker, doc rpc.JobReport) {
	t.mu.Lock()
	current := doc.Generation == t.current && t.alive[w]
	if current && t.adopting {
		t.early = append(t.early, doc)
		current = false
	}
	t.mu.Unlock()
	r := doc.Open()
	if !current || r == nil {
		return
	}
	t.counted(doc.Counts)
	if _, ok := r.(rpc.Canceled); ok {
		t.gone(w)
		return
	}
	t.post(r)
}

// counted takes the counts of a worker's tasks.
func (t *Tasks) counted(counts []rpc.Count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range counts {
		s := t.statsOf(c.Vertex, c.Index)
		s.RecordsIn.Store(c.In)
		s.RecordsOut.Store(c.Out)
		s.Watermark.Store(int64(c.Watermark))
		s.Idle.Set(time.Duration(c.IdleMillis) * time.Millisecond)
		s.Blocked.Set(time.Duration(c.BlockedMillis) * time.Millisecond)
		s.Spread.Set(c.Split, c.Ahead)
		for name, n := range c.Counters {
			s.Counter(name).Add(n - counterOf(s, name))
		}
	}
}

func counterOf(s *task.Stats, name string) int64 {
	for of, n := range s.Counters {
		if of == name {
			return n
		}
	}
	return 0
}

func (t *Tasks) statsOf(v job.VertexID, index int) *task.Stats {
	for _, s := range t.stats {
		if s.Vertex == v && s.Index == index {
			return s.Stats
		}
	}
	s := &task.Stats{}
	s.Watermark.Store(int64(stream.Start))
	t.stats = append(t.stats, engine.VertexStats{Vertex: v, Index: index, Stats: s})
	return s
}

// Stats are the counters of the tasks, as of the last heartbeats.
func (t *Tasks) Stats() []engine.VertexStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]engine.VertexStats(nil), t.stats...)
}

// Waiting reports whether the tasks wait for slots.
func (t *Tasks) Waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending != nil
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
