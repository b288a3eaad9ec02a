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
	generation checkpoint.Generation
	attempt    int
	restored   stream.Epoch
	total      int
	since      stream.Timestamp
	tasks      map[checkpoint.TaskID]*HeldTask
	sealed     map[checkpoint.TaskID]stream.Epoch // of the handles
	declined   map[checkpoint.TaskID]bool         // the newest state of a task is not stored
	// broken says that a task has failed, or that all are being canceled: there
	// is nothing to adopt.
	broken bool
}

// Command notes a command that the tasks are about to get.
func (l *Ledger) Command(c Command) {
	switch c := c.(type) {
	case Deploy:
		*l = Ledger{generation: c.Generation, attempt: c.Attempt, restored: c.Epoch, total: c.total(), since: c.Since, tasks: make(map[checkpoint.TaskID]*HeldTask), sealed: make(map[checkpoint.TaskID]stream.Epoch), declined: make(map[checkpoint.TaskID]bool)}
		for _, a := range c.Tasks {
			l.tasks[a.Task] = &HeldTask{Task: a.Task, Ended: a.Ended, Injected: stream.Barrier{Epoch: c.Epoch}}
		}
	case Assign:
		if t := l.tasks[c.Task]; t != nil {
			t.Wants, t.NoMore = 0, t.NoMore || c.NoMore
			for _, s := range c.Splits {
				t.Assigned = append(t.Assigned, HeldSplit{ID: s.ID, After: t.Injected.Epoch})
			}
		}
	case Inject:
		if t := l.tasks[c.Task]; t != nil {
			t.Injected = c.Barrier
		}
	case Confirm:
		l.confirm(c.Epoch)
	case Cancel:
		l.broken = true
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
	for id, t := range l.tasks {
		t.Assigned = slices.DeleteFunc(t.Assigned, func(s HeldSplit) bool { return s.After < e })
		if t.Handle != nil && l.sealed[id] <= e {
			t.Handle = nil
		}
	}
}

// Report notes what a task says, whether or not somebody hears it.
func (l *Ledger) Report(r Report) {
	switch r := r.(type) {
	case Running:
		if t := l.tasks[r.Task]; t != nil {
			t.Running = true
		}
	case WantSplits:
		if t := l.tasks[r.Task]; t != nil {
			t.Wants = r.N
		}
	case Drained:
		if t := l.tasks[r.Task]; t != nil {
			t.Drained = true
		}
	case Sealed:
		delete(l.declined, r.Task)
		if t := l.tasks[r.Task]; t != nil && r.Handle.Ended {
			t.Handle, l.sealed[r.Task] = &r.Handle, r.Epoch
		}
	case Ended:
		if t := l.tasks[r.Task]; t != nil {
			t.Ended = true
			l.broken = l.broken || l.declined[r.Task]
		}
	case Declined:
		// A state that is not stored is stored with the next epoch, by the task
		// itself; but one that has ended has no next.
		if t := l.tasks[r.Task]; t != nil {
			l.declined[r.Task] = true
			l.broken = l.broken || t.Ended
		}
	case Failed, Canceled:
		l.broken = true
	case Placed, Deployed, Paused:
	}
}

// Generation is that of the attempt.
func (l *Ledger) Generation() checkpoint.Generation { return l.generation }

// Held is what is told, or nil when there is nothing that could be adopted.
func (l *Ledger) Held(id job.ID) *Held {
	if l.broken || len(l.tasks) == 0 {
		return nil
	}
	h := &Held{Job: id, Generation: l.generation, Attempt: l.attempt, Restored: l.restored, Total: l.total, Since: l.since}
	for _, t := range l.tasks {
		c := *t
		c.Assigned = slices.Clone(t.Assigned)
		h.Tasks = append(h.Tasks, c)
	}
	return h
}
