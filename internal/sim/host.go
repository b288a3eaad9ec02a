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

func (h *host) Sleep(_ context.Context, d time.Duration) error {
	h.w.sleep(d)
	return nil
}

func (h *host) Go(f func()) {
	h.busy++
	h.w.spawn(h.of, func() {
		defer func() { h.busy-- }()
		f()
	})
}

func (h *host) Post(message any) { h.queue = append(h.queue, message) }

func (h *host) Next(_ context.Context, until time.Time) (any, bool) {
	h.w.park(func() bool {
		return len(h.queue) > 0 || (!until.IsZero() && !h.w.now.Before(until))
	}, until)
	if len(h.queue) == 0 {
		return nil, false
	}
	m := h.queue[0]
	h.queue = h.queue[1:]
	return m, true
}

func (h *host) Wait() { h.w.parkFor(func() bool { return h.busy == 0 }) }
