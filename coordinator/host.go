package coordinator

import (
	"context"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
)

// Worker carries out commands, in the order in which they are sent, and
// reports. Send does not wait for the work to be done. One that waits for
// something before it carries out a command has a method Leave, which ends the
// wait; it is called when the job is left to another coordinator.
type Worker interface {
	Send(rpc.Command) error
	// Reports is where the worker reports; nil when it does so in another way.
	Reports() <-chan rpc.Report
}

// Host lends the coordinator its clock, goroutines and queue, so that a
// simulation can own them.
type Host interface {
	Now() time.Time
	// Sleep waits for d, or for the end of ctx, whose error it returns.
	Sleep(ctx context.Context, d time.Duration) error
	// Await waits until c is closed, for d at most and until the end of ctx, and
	// reports whether it is.
	Await(ctx context.Context, c <-chan struct{}, d time.Duration) bool
	// Go runs f beside the loop. What f does may take long.
	Go(f func())
	// Post puts a message into the loop's queue. It never waits.
	Post(message any)
	// Next waits for a message until a time; the zero time is never. At the end
	// of ctx it returns at once.
	Next(ctx context.Context, until time.Time) (message any, ok bool)
	// Wait waits for everything that Go has started.
	Wait()
}

// Clock is the time of day.
type Clock interface {
	Now() time.Time
	// After delivers the time once d has passed.
	After(d time.Duration) <-chan time.Time
}

// NewHost returns a Host of goroutines on the given clock.
func NewHost(c Clock) Host { return &host{clock: c, wake: make(chan struct{}, 1)} }

type host struct {
	clock Clock
	wake  chan struct{}
	group sync.WaitGroup

	mu    sync.Mutex
	queue []any
}

func (h *host) Now() time.Time { return h.clock.Now() }

func (h *host) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-h.clock.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *host) Await(ctx context.Context, c <-chan struct{}, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-h.clock.After(d):
	case <-ctx.Done():
	}
	return false
}

func (h *host) Go(f func()) { h.group.Go(f) }

func (h *host) Wait() { h.group.Wait() }

func (h *host) Post(message any) {
	h.mu.Lock()
	h.queue = append(h.queue, message)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *host) Next(ctx context.Context, until time.Time) (any, bool) {
	var timeout <-chan time.Time
	for {
		h.mu.Lock()
		if len(h.queue) > 0 {
			m := h.queue[0]
			h.queue = h.queue[1:]
			h.mu.Unlock()
			return m, true
		}
		h.mu.Unlock()
		if timeout == nil && !until.IsZero() {
			d := until.Sub(h.clock.Now())
			if d <= 0 {
				return nil, false
			}
			timeout = h.clock.After(d)
		}
		select {
		case <-h.wake:
		case <-timeout:
			return nil, false
		case <-ctx.Done():
			return nil, false
		}
	}
}
