package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/job"
)

// doubts is how long a coordinator may be silent beyond its turn before the worker
// asks whether it still leads.
const doubts = 3 * time.Second

// listening is when the coordinator was heard last. It is for several goroutines.
type listening struct {
	mu   sync.Mutex
	last time.Time
	left error // why the worker does not listen any more
}

func newListening(t time.Time) *listening { return &listening{last: t} }

func (l *listening) now(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = t
}

func (l *listening) since() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// why is the error with which the conversation has ended.
func (l *listening) why(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left != nil {
		return l.left
	}
	return err
}

// doubt ends the conversation with a coordinator that is silent when another leads:
// that one waits for those who hold tasks, and does not wait as long as the
// heartbeat.timeout of a machine that was switched off.
func (n *node) doubt(ctx context.Context, m *peer.Messages, s *session, heard *listening, address string, interval time.Duration) {
	for {
		select {
		case <-n.Clock.After(time.Second):
		case <-ctx.Done():
			return
		}
		turn := interval
		if s.busy() {
			turn = min(interval, news)
		}
		if n.Clock.Now().Sub(heard.since()) < turn+doubts {
			continue
		}
		leads, err := n.Leader(ctx)
		if err != nil || leads == address {
			continue
		}
		heard.mu.Lock()
		heard.left = fmt.Errorf("%w: it is silent, and the coordinator at %s leads", job.ErrUnavailable, leads)
		heard.mu.Unlock()
		_ = m.Close() // who receives notices
		return
	}
}
