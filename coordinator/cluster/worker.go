package cluster

import (
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
)

// Link is the way to a worker process.
type Link interface {
	// Send sends a message, and does not wait until it is sent: messages arrive in
	// their order, or the worker is lost.
	Send(m rpc.ToWorker)
	// Close ends it: the worker leaves.
	Close()
}

// Member is a worker process that has registered.
type Member struct {
	c     *Cluster
	link  Link
	info  rpc.Register
	since time.Time
	asks  asks

	// Of the cluster's lock:
	used    int
	shunned time.Time // until when
	jobs    []*Tasks
	beat    time.Time
	process rpc.Process
}

func (w *Member) send(m rpc.ToWorker) { w.link.Send(m) }

// Take takes what the worker says.
func (w *Member) Take(m rpc.ToCoordinator) {
	switch {
	case m.Heartbeat != nil:
		w.send(rpc.ToWorker{})
		w.heartbeat(*m.Heartbeat)
	case m.Report != nil:
		if t := w.find(m.Report); t != nil {
			t.reported(w, *m.Report)
		}
	case m.Answer != nil:
		w.asks.answered(*m.Answer)
	}
}

// find is the job that a report is for; one that nobody has adopted is kept.
func (w *Member) find(r *rpc.JobReport) *Tasks {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for _, t := range w.jobs {
		if t.start.Job == r.Job {
			return t
		}
	}
	w.c.offered(w, r)
	return nil
}

func (w *Member) heartbeat(h rpc.Heartbeat) {
	w.c.mu.Lock()
	w.beat, w.process = w.c.o.Clock.Now(), h.Process
	jobs := append([]*Tasks(nil), w.jobs...)
	w.c.mu.Unlock()
	for _, c := range h.Jobs {
		for _, t := range jobs {
			if t.start.Job == c.Job {
				t.counted(c.Counts)
			}
		}
	}
}
