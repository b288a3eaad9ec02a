package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// talk is the conversation with the coordinator, which outlives its connections.
type talk struct {
	order sync.Mutex // of who sends what has a number; it is locked first

	mu           sync.Mutex
	conversation rpc.Conversation
	messages     *peer.Messages // nil while there is none
}

// say sends a message. A report is kept when there is no connection, and sent by the
// next if the conversation goes on.
func (t *talk) say(msg rpc.ToCoordinator) error {
	t.order.Lock()
	defer t.order.Unlock()
	t.mu.Lock()
	t.conversation.Say(&msg)
	m := t.messages
	t.mu.Unlock()
	if m == nil {
		return fmt.Errorf("%w: there is no coordinator", job.ErrUnavailable)
	}
	return m.Send(msg)
}

// begin completes a registration.
func (t *talk) begin(r *rpc.Register, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conversation.Begin(r, name)
}

// welcomed goes on by a new connection: first with what the coordinator has not heard.
func (t *talk) welcomed(m *peer.Messages, r rpc.Register, w rpc.Welcome) error {
	t.order.Lock()
	defer t.order.Unlock()
	t.mu.Lock()
	rest, ok := t.conversation.Welcomed(r, w)
	t.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: there was more to be said than is kept", job.ErrUnavailable)
	}
	for _, msg := range rest {
		if err := m.Send(msg); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages = m
	return nil
}

// hear takes a message, and reports whether it is new.
func (t *talk) hear(m rpc.ToWorker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conversation.Hear(m)
}

func (t *talk) heard() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conversation.Heard()
}

// interrupted notes that the connection is closed.
func (t *talk) interrupted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages = nil
}

// register tells a coordinator of the worker and what it holds, and takes its
// welcome: then the conversation with it begins, or goes on.
func (s *session) register(m *peer.Messages) (*rpc.Welcome, error) {
	r, broken, err := s.introduce(m)
	if err != nil {
		return nil, err
	}
	var first rpc.ToWorker
	if err := m.Receive(&first, silence); err != nil {
		return nil, err
	}
	if first.Welcome == nil {
		return nil, fmt.Errorf("%w: the coordinator's first word is no welcome", peer.ErrRefused)
	}
	if !first.Welcome.Resumed { // nobody can adopt them
		for _, id := range broken {
			s.drop(id)
		}
	}
	return first.Welcome, s.talk.welcomed(m, *r, *first.Welcome)
}

// introduce sends the registration. No report comes between what it says and its
// number of the newest report.
func (s *session) introduce(m *peer.Messages) (r *rpc.Register, broken []job.ID, err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	r = s.node.register()
	r.Held, broken = s.held()
	s.registrations++
	s.talk.begin(r, fmt.Sprintf("%d-%d", s.began.UnixNano(), s.registrations))
	return r, broken, m.Send(rpc.ToCoordinator{Register: r})
}

// farewell is how long the last word may take.
const farewell = 200 * time.Millisecond

// part closes m when ctx ends, unless the conversation is over before, and says before
// that the worker ends: nobody is to wait until it comes back.
func (n *node) part(ctx, over context.Context, m *peer.Messages) {
	select {
	case <-ctx.Done():
	case <-over.Done():
		return
	}
	said := make(chan struct{})
	var closing sync.WaitGroup
	closing.Go(func() {
		select {
		case <-said:
		case <-n.Clock.After(farewell):
		}
		_ = m.Close() // what waits for a message ends
	})
	_ = m.Send(rpc.ToCoordinator{Leaves: true}) // the coordinator may be gone
	close(said)
	closing.Wait()
}
