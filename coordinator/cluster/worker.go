package cluster

import (
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
)

// worker is the connection of one worker process.
type worker struct {
	c        *Cluster
	info     rpc.Register
	messages *peer.Messages
	since    time.Time
	wake     chan struct{} // holds a token when there is something to send

	// Of the cluster's lock:
	used    int
	jobs    []*Tasks
	beat    time.Time
	process rpc.Process

	mu     sync.Mutex
	queue  []rpc.ToWorker
	closed bool
}

// maxQueue is how many messages may wait for a worker that does not read: it
// counts as lost then.
const maxQueue = 1 << 16

// send queues a message; it does not wait.
func (w *worker) send(m rpc.ToWorker) {
	w.mu.Lock()
	if w.queue = append(w.queue, m); len(w.queue) > maxQueue {
		_ = w.messages.Close() // the loop that reads ends
	}
	w.mu.Unlock()
	w.signal()
}

func (w *worker) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// write sends what is queued until the connection is gone.
func (w *worker) write() {
	for range w.wake {
		for {
			w.mu.Lock()
			if w.closed {
				w.mu.Unlock()
				return
			}
			if len(w.queue) == 0 {
				w.mu.Unlock()
				break
			}
			m := w.queue[0]
			w.queue = w.queue[1:]
			w.mu.Unlock()
			if err := w.messages.Send(m); err != nil {
				_ = w.messages.Close() // the loop that reads ends
				return
			}
		}
	}
}

// read takes what the worker says until it is lost.
func (w *worker) read() error {
	defer func() {
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		_ = w.messages.Close() // what waits to be sent ends
		w.signal()
	}()
	for {
		var m rpc.ToCoordinator
		if err := w.messages.Receive(&m, w.c.o.Timeout); err != nil {
			return err
		}
		switch {
		case m.Heartbeat != nil:
			w.send(rpc.ToWorker{})
			w.heartbeat(*m.Heartbeat)
		case m.Report != nil:
			if t := w.find(m.Report); t != nil {
				t.reported(w, *m.Report)
			}
		}
	}
}

func (w *worker) find(r *rpc.JobReport) *Tasks {
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

func (w *worker) heartbeat(h rpc.Heartbeat) {
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
