package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

var _ coordinator.Holder = (*Tasks)(nil)

// offer is what one worker holds of a job that nobody has adopted yet.
type offer struct {
	worker  *Member
	held    rpc.Held
	reports []rpc.JobReport // that came meanwhile
}

// maxOfferReports is how many reports are kept for a job that is not adopted yet:
// what has said more is not adopted.
const maxOfferReports = 1 << 16

// offer keeps what a new worker holds of jobs that are known, and lets the
// others go. The cluster is locked.
//
// A worker that comes back to the coordinator that it has lost brings tasks
// which that coordinator has given up: they would run on beside the new ones.
func (c *Cluster) offer(w *Member) {
	for _, h := range w.info.Held {
		if c.settled[h.Job] || c.o.Knows == nil || !c.o.Knows(h.Job) {
			w.send(rpc.ToWorker{Drop: h.Job})
			continue
		}
		c.offers = append(c.offers, &offer{worker: w, held: h})
	}
	w.info.Held = nil
}

// settle notes that the tasks of a job are decided about. The cluster is locked.
func (c *Cluster) settle(id job.ID) {
	if c.o.Knows != nil && c.o.Knows(id) { // what others hold is let go in any case
		c.settled[id] = true
	}
}

// offered keeps a report of tasks that nobody has adopted yet. Who adopts them
// must have all that they have said: with more than can be kept they are let go.
// The cluster is locked.
func (c *Cluster) offered(w *Member, r *rpc.JobReport) {
	i := slices.IndexFunc(c.offers, func(o *offer) bool { return o.worker == w && o.held.Job == r.Job })
	if i < 0 {
		return
	}
	o := c.offers[i]
	if len(o.reports) < maxOfferReports {
		o.reports = append(o.reports, *r)
		return
	}
	c.o.Log.Warn("tasks that run on have said too much before they were adopted", slog.String("job", string(r.Job)), slog.String("worker", w.info.ID))
	w.send(rpc.ToWorker{Drop: r.Job})
	c.offers = slices.Delete(c.offers, i, i+1)
}

// Held waits until workers have registered that hold all tasks of the newest
// attempt of a job, and takes them over; nil when some are missing.
func (t *Tasks) Held(ctx context.Context, id job.ID, tasks []checkpoint.TaskID) *rpc.Held {
	late := t.host.Now().Add(t.c.o.AdoptTimeout)
	for {
		t.c.mu.Lock()
		changed := t.c.changed
		held, some := t.collect(id, tasks)
		t.c.mu.Unlock()
		if held != nil {
			return held
		}
		if left := late.Sub(t.host.Now()); left > 0 && t.host.Await(ctx, changed, left) {
			continue
		}
		if some {
			t.refuse(id)
		}
		return nil
	}
}

// collect puts the offers for a job together when they are the tasks that it is to
// have, all and no other. The cluster is locked.
func (t *Tasks) collect(id job.ID, tasks []checkpoint.TaskID) (held *rpc.Held, some bool) {
	var newest checkpoint.Generation
	for _, o := range t.c.offers {
		if o.held.Job == id {
			newest, some = max(newest, o.held.Generation), true
		}
	}
	missing := make(map[checkpoint.TaskID]bool, len(tasks))
	for _, k := range tasks {
		missing[k] = true
	}
	all := rpc.Held{Job: id, Generation: newest}
	var of []*offer
	for _, o := range t.c.offers {
		if o.held.Job != id || o.held.Generation != newest {
			continue
		}
		if o.held.Total != len(tasks) {
			return nil, some // of another parallelism: the job was about to be rescaled
		}
		of = append(of, o)
		all.Attempt, all.Since, all.Restored = o.held.Attempt, o.held.Since, o.held.Restored
		for _, k := range o.held.Tasks {
			if !missing[k.Task] {
				return nil, some
			}
			delete(missing, k.Task)
			all.Tasks = append(all.Tasks, k)
		}
	}
	if t.c.o.Bugs.AdoptInPart && len(all.Tasks) > 0 {
		clear(missing)
		tasks = tasks[:len(all.Tasks)]
	}
	if len(missing) > 0 || len(all.Tasks) != len(tasks) {
		return nil, some
	}
	t.take(id, all, of)
	return &all, true
}

// take makes the tasks of the offers those of this job. The cluster is locked.
func (t *Tasks) take(id job.ID, all rpc.Held, of []*offer) {
	t.c.settle(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start.Job, t.canceling, t.adopting = id, false, true
	t.reset()
	need := 0
	for _, k := range all.Tasks {
		need = max(need, k.Task.Index+1)
	}
	t.slots = make([]*Member, need)
	for _, o := range of {
		t.alive[o.worker], t.started[o.worker] = true, true
		o.worker.jobs = append(o.worker.jobs, t)
		for _, k := range o.held.Tasks {
			t.at[k.Task], t.generations[k.Task] = o.worker, all.Generation
			if t.slots[k.Task.Index] == nil {
				t.slots[k.Task.Index] = o.worker
				o.worker.used++
			}
		}
		t.early = append(t.early, o.reports...)
	}
	t.c.offers = slices.DeleteFunc(t.c.offers, func(o *offer) bool { return o.held.Job == id })
}

// refuse lets go of tasks that are not adopted.
func (t *Tasks) refuse(id job.ID) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.settle(id)
	for _, o := range t.c.offers {
		if o.held.Job == id {
			o.worker.send(rpc.ToWorker{Drop: id})
		}
	}
	t.c.offers = slices.DeleteFunc(t.c.offers, func(o *offer) bool { return o.held.Job == id })
}

// refuseHeld is called before tasks are started anew: none that run on are wanted.
func (t *Tasks) refuseHeld(id job.ID) {
	t.abandon()
	t.refuse(id)
}

// adopted is called with the first command: what the tasks have reported
// meanwhile comes before what they report from now on.
func (t *Tasks) adopted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.adopting {
		return
	}
	early := t.early
	if t.c.o.Bugs.EarlyDropped {
		early = nil
	}
	t.adopting, t.early = false, nil
	for _, doc := range early {
		if r := doc.Open(); r != nil && t.current(doc, r) {
			t.post(r)
		}
	}
	if len(early) >= maxOfferReports { // and some were lost
		t.post(rpc.Failed{With: slices.SortedFunc(maps.Keys(t.at), checkpoint.TaskID.Compare), Err: fmt.Errorf("%w: the tasks have said too much before they were adopted", job.ErrUnavailable)})
	}
}

// abandon lets go of tasks that were taken over, and then not adopted after all.
func (t *Tasks) abandon() {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.mu.Lock()
	abandoned := t.adopting
	if abandoned {
		t.adopting, t.early = false, nil
		for w := range t.alive {
			w.send(rpc.ToWorker{Drop: t.start.Job})
		}
		clear(t.alive)
		clear(t.started)
	}
	t.mu.Unlock()
	if abandoned {
		t.c.release(t)
	}
}
