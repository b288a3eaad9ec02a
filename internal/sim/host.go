package sim

import (
	"context"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
)

// host is a coordinator.Host in a process of the world.
type host struct {
	w     *world
	of    *process
	queue []any
	busy  int
}

var _ coordinator.Host = (*host)(nil)

func (h *host) Now() time.Time { return h.w.now }

func (h *host) Sleep(ctx context.Context, d time.Duration) error {
	at := h.w.now.Add(d)
	h.w.park(func() bool { return !h.w.now.Before(at) || ctx.Err() != nil }, at)
	return ctx.Err()
}

func (h *host) Await(ctx context.Context, c <-chan struct{}, d time.Duration) bool {
	closed := func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	at := h.w.now.Add(d)
	h.w.park(func() bool { return !h.w.now.Before(at) || ctx.Err() != nil || closed() }, at)
	return closed()
}

func (h *host) Go(f func()) {
	h.busy++
	h.w.spawn(h.of, func() {
		defer func() { h.busy-- }()
		f()
	})
}

func (h *host) Post(message any) { h.queue = append(h.queue, message) }

func (h *host) Next(ctx context.Context, until time.Time) (any, bool) {
	h.w.park(func() bool {
		return len(h.queue) > 0 || ctx.Err() != nil || (!until.IsZero() && !h.w.now.Before(until))
	}, until)
	if len(h.queue) == 0 {
		return nil, false
	}
	m := h.queue[0]
	h.queue = h.queue[1:]
	return m, true
}

func (h *host) Wait() { h.w.parkFor(func() bool { return h.busy == 0 }) }
