package cluster

import (
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
)

// Link is a connection to a worker process.
type Link interface {
	// Send sends a message, and does not wait until it is sent: messages arrive in
	// their order, or the connection is lost.
	Send(m rpc.ToWorker)
	// Close ends it.
	Close()
}

// Member is a worker process that has registered. It outlives a connection that
// breaks: see Cut.
type Member struct {
	c     *Cluster
	info  rpc.Register
	term  uint64
	since time.Time
	asks  asks

	// turn is held by who takes what the worker says. It is locked before the
	// cluster's.
	turn  sync.Mutex
	heard uint64 // the number of the newest report
	// over says that the worker has said that it ends, or has said something that it
	// cannot say.
	over bool

	// out is the last lock that is taken.
	out  sync.Mutex
	link Link // nil while there is none
	box  rpc.Outbox[rpc.ToWorker]

	// Of the cluster's lock:
	used    int
	shunned time.Time // until when
	cuts    int       // of connections
	jobs    []*Tasks
	beat    time.Time
	process rpc.Process
}

// send sends a message. What matters is kept until the worker has heard it.
func (w *Member) send(m rpc.ToWorker) {
	w.out.Lock()
	defer w.out.Unlock()
	if m.Start != nil || m.Command != nil || m.Drop != "" {
		m.N = w.box.Next()
		w.box.Keep(m)
	}
	if w.link != nil {
		w.link.Send(m)
	}
}

// on reports whether l is the connection to the worker; of nil, whether there is none.
func (w *Member) on(l Link) bool {
	w.out.Lock()
	defer w.out.Unlock()
	return w.link == l
}

// close ends the connection, if there is one.
func (w *Member) close() {
	w.out.Lock()
	defer w.out.Unlock()
	if w.link != nil {
		w.link.Close()
	}
}

// Take takes what the worker says by a connection, unless it has another meanwhile.
func (w *Member) Take(l Link, m rpc.ToCoordinator) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if !w.on(l) {
		return
	}
	if m.N > 0 {
		if m.N <= w.heard {
			return
		}
		if m.N != w.heard+1 { // something is lost that should not be
			w.over = true
			l.Close()
			return
		}
	}
	w.heard = max(w.heard, m.N)
	switch {
	case m.Heartbeat != nil:
		w.send(rpc.ToWorker{Heard: w.heard})
		w.heartbeat(*m.Heartbeat)
	case m.Report != nil:
		if t := w.find(m.Report); t != nil {
			t.reported(w, *m.Report)
		}
	case m.Answer != nil:
		w.asks.answered(*m.Answer)
	case m.Leaves:
		w.over = true
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
	w.out.Lock()
	w.box.Heard(h.Heard)
	w.out.Unlock()
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
