package node

import (
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// ledger keeps what the next coordinator must know of the tasks of a job, from
// the commands that came and the reports that went.
type ledger struct {
	generation checkpoint.Generation
	attempt    int
	since      stream.Timestamp
	tasks      map[checkpoint.TaskID]*rpc.HeldTask
	sealed     map[checkpoint.TaskID]stream.Epoch // of the handles
	// broken says that a task has failed, or that all are being canceled: there
	// is nothing to adopt.
	broken bool
}

func (l *ledger) command(c rpc.Command) {
	switch c := c.(type) {
	case rpc.Deploy:
		*l = ledger{generation: c.Generation, attempt: c.Attempt, since: c.Since, tasks: make(map[checkpoint.TaskID]*rpc.HeldTask), sealed: make(map[checkpoint.TaskID]stream.Epoch)}
		for _, a := range c.Tasks {
			l.tasks[a.Task] = &rpc.HeldTask{Task: a.Task, Ended: a.Ended, Injected: stream.Barrier{Epoch: c.Epoch}}
		}
	case rpc.Assign:
		if t := l.tasks[c.Task]; t != nil {
			t.Wants, t.NoMore = 0, t.NoMore || c.NoMore
			for _, s := range c.Splits {
				t.Assigned = append(t.Assigned, rpc.HeldSplit{ID: s.ID, After: t.Injected.Epoch})
			}
		}
	case rpc.Inject:
		if t := l.tasks[c.Task]; t != nil {
			t.Injected = c.Barrier
		}
	case rpc.Confirm:
		l.confirm(c.Epoch)
	case rpc.Cancel:
		l.broken = true
	}
}

// confirm forgets what the checkpoint of e has.
func (l *ledger) confirm(e stream.Epoch) {
	for id, t := range l.tasks {
		t.Assigned = slices.DeleteFunc(t.Assigned, func(s rpc.HeldSplit) bool { return s.After < e })
		if t.Handle != nil && l.sealed[id] <= e {
			t.Handle = nil
		}
	}
}

func (l *ledger) report(r rpc.Report) {
	switch r := r.(type) {
	case rpc.Running:
		if t := l.tasks[r.Task]; t != nil {
			t.Running = true
		}
	case rpc.WantSplits:
		if t := l.tasks[r.Task]; t != nil {
			t.Wants = r.N
		}
	case rpc.Drained:
		if t := l.tasks[r.Task]; t != nil {
			t.Drained = true
		}
	case rpc.Sealed:
		if t := l.tasks[r.Task]; t != nil && r.Handle.Ended {
			t.Handle, l.sealed[r.Task] = &r.Handle, r.Epoch
		}
	case rpc.Ended:
		if t := l.tasks[r.Task]; t != nil {
			t.Ended = true
		}
	case rpc.Failed, rpc.Declined, rpc.Canceled:
		// A state that is not stored is stored with the next epoch, by the task
		// itself; but one that has ended has no next.
		if d, ok := r.(rpc.Declined); !ok || l.tasks[d.Task] == nil || l.tasks[d.Task].Ended {
			l.broken = true
		}
	case rpc.Placed, rpc.Deployed, rpc.Paused:
	}
}

// held is what is told, or nil.
func (l *ledger) held(id job.ID) *rpc.Held {
	if l.broken || len(l.tasks) == 0 {
		return nil
	}
	h := &rpc.Held{Job: id, Generation: l.generation, Attempt: l.attempt, Since: l.since}
	for _, t := range l.tasks {
		c := *t
		c.Assigned = slices.Clone(t.Assigned)
		h.Tasks = append(h.Tasks, c)
	}
	return h
}
