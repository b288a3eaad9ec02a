package cluster

import (
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
)

var _ Link = (*line)(nil)

// line is the connection to a worker process.
type line struct {
	messages *peer.Messages
	wake     chan struct{} // holds a token when there is something to send

	mu     sync.Mutex
	queue  []rpc.ToWorker
	closed bool
}

func newLine(m *peer.Messages) *line { return &line{messages: m, wake: make(chan struct{}, 1)} }

// maxQueue is how many messages may wait for a worker that does not read: it
// counts as lost then.
const maxQueue = 1 << 16

// Send queues a message.
func (l *line) Send(m rpc.ToWorker) {
	l.mu.Lock()
	if l.queue = append(l.queue, m); len(l.queue) > maxQueue {
		l.Close()
	}
	l.mu.Unlock()
	l.signal()
}

// Close lets the loop that reads end.
func (l *line) Close() { _ = l.messages.Close() }

func (l *line) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write sends what is queued until the connection is gone.
func (l *line) write() {
	for range l.wake {
		for {
			l.mu.Lock()
			if l.closed {
				l.mu.Unlock()
				return
			}
			if len(l.queue) == 0 {
				l.mu.Unlock()
				break
			}
			m := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			if err := l.messages.Send(m); err != nil {
				l.Close()
				return
			}
		}
	}
}

// read passes on what the worker says until it is lost, or silent for too long.
func (l *line) read(patience time.Duration, take func(rpc.ToCoordinator)) error {
	defer func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.Close() // what waits to be sent ends
		l.signal()
	}()
	for {
		var m rpc.ToCoordinator
		if err := l.messages.Receive(&m, patience); err != nil {
			return err
		}
		take(m)
	}
}
