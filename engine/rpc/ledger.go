package rpc

import (
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Ledger keeps what the next coordinator must know of the tasks of a job on one
// worker, from the commands that came and the reports that went.
type Ledger struct {
	newest Deploy // without its tasks and the graph
	total  int
	tasks  map[checkpoint.TaskID]*entry // without those that are being canceled
}

// entry is what is known of one task.
type entry struct {
	HeldTask
	generation checkpoint.Generation
	sealed     stream.Epoch // of the handle
	declined   bool         // the newest state of the task is not stored
	failed     bool
}

// earlierKept is how many barriers are remembered of epochs that were aborted one after
// the other: tasks are not further apart.
const earlierKept = 1000

// Command notes a command that the tasks are about to get.
func (l *Ledger) Command(c Command) {
	switch c := c.(type) {
	case Deploy:
		l.deploy(c)
	case Assign:
		if t := l.tasks[c.Task]; t != nil {
			t.Wants, t.NoMore = 0, t.NoMore || c.NoMore
			for _, s := range c.Splits {
				t.Assigned = append(t.Assigned, HeldSplit{Split: s, After: t.Injected.Epoch})
			}
		}
	case Inject:
		if t := l.tasks[c.Task]; t != nil {
			t.Earlier = append(t.Earlier, t.Injected)
			t.Earlier = t.Earlier[max(0, len(t.Earlier)-earlierKept):]
			t.Injected = c.Barrier
		}
	case Confirm:
		l.confirm(c.Epoch)
	case Cancel:
		if c.Tasks == nil {
			l.tasks = nil
		}
		for _, id := range c.Tasks {
			delete(l.tasks, id)
		}
	}
}

func (l *Ledger) deploy(c Deploy) {
	if !c.Beside || l.tasks == nil {
		*l = Ledger{tasks: make(map[checkpoint.TaskID]*entry)}
	}
	l.newest, l.total = c, c.total()
	l.newest.Tasks, l.newest.Graph = nil, nil
	for _, a := range c.Tasks {
		t := &entry{HeldTask: HeldTask{Task: a.Task, Ended: a.Ended, Injected: stream.Barrier{Epoch: c.Epoch}}, generation: c.Generation}
		for _, s := range a.Splits {
			t.Assigned = append(t.Assigned, HeldSplit{Split: s, After: c.Epoch})
		}
		l.tasks[a.Task] = t
	}
}

// total is how many tasks the graph has.
func (c Deploy) total() (n int) {
	if c.Graph == nil {
		return len(c.Tasks)
	}
	for _, chain := range c.Graph.Chains() {
		n += c.Graph.Vertices[chain.Head()].Parallelism
	}
	return n
}

// confirm forgets what the checkpoint of e has.
func (l *Ledger) confirm(e stream.Epoch) {
	for _, t := range l.tasks {
		t.Assigned = slices.DeleteFunc(t.Assigned, func(s HeldSplit) bool { return s.After < e })
		t.Earlier = slices.DeleteFunc(t.Earlier, func(b stream.Barrier) bool { return b.Epoch <= e })
		if t.Handle != nil && t.sealed <= e {
			t.Handle = nil
		}
	}
}

// Report notes what a task says, whether or not somebody hears it.
func (l *Ledger) Report(r Report) {
	id, one := TaskOf(r)
	t := l.tasks[id]
	if !one || t == nil {
		return
	}
	switch r := r.(type) {
	case Running:
		t.Running = true
	case WantSplits:
		t.Wants = r.N
	case Drained:
		t.Drained = true
	case Sealed:
		t.declined = false
		if r.Handle.Ended {
			t.Handle, t.sealed = &r.Handle, r.Epoch
		}
	case Ended:
		t.Ended = true
		t.failed = t.failed || t.declined
	case Declined:
		// A state that is not stored is stored with the next epoch, by the task
		// itself; but one that has ended has no next.
		t.declined = true
		t.failed = t.failed || t.Ended
	case Failed:
		t.failed = true
		for _, id := range r.With {
			if o := l.tasks[id]; o != nil {
				o.failed = true
			}
		}
	case Deployed, Placed, Paused, Canceled:
	}
}

// TaskOf is the task that a report is of; of several, one of them. It is false for a
// report of the job.
func TaskOf(r Report) (id checkpoint.TaskID, one bool) {
	switch r := r.(type) {
	case Running:
		return r.Task, true
	case WantSplits:
		return r.Task, true
	case Drained:
		return r.Task, true
	case Paused:
		return r.Task, true
	case Sealed:
		return r.Task, true
	case Declined:
		return r.Task, true
	case Ended:
		return r.Task, true
	case Failed:
		return r.Task, true
	case Deployed:
		if len(r.Tasks) > 0 {
			return r.Tasks[0], true
		}
	case Placed, Canceled:
	}
	return id, false
}

// Generation is that of the task that a report is of, or of the newest Deploy; 0 when
// the task is being canceled.
func (l *Ledger) Generation(r Report) checkpoint.Generation {
	id, one := TaskOf(r)
	if !one {
		return l.newest.Generation
	}
	if t := l.tasks[id]; t != nil {
		return t.generation
	}
	return 0
}

// Tasks are those that are here.
func (l *Ledger) Tasks() (ids []checkpoint.TaskID) {
	for id := range l.tasks {
		ids = append(ids, id)
	}
	return ids
}

// Held is what is told, or nil when there is nothing that could be adopted: no task
// runs, one has failed, or they are of several generations.
func (l *Ledger) Held(id job.ID) *Held {
	if len(l.tasks) == 0 {
		return nil
	}
	d := l.newest
	h := &Held{Job: id, Generation: d.Generation, Attempt: d.Attempt, Restored: d.Epoch, Total: l.total, Since: d.Since}
	for _, t := range l.tasks {
		if t.failed || t.generation != d.Generation {
			return nil
		}
		c := t.HeldTask
		c.Assigned, c.Earlier = slices.Clone(t.Assigned), slices.Clone(t.Earlier)
		h.Tasks = append(h.Tasks, c)
	}
	return h
}
