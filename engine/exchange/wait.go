package exchange

import (
	"sync/atomic"
	"time"
)

// Wait adds up the time for which one goroutine waits for something; anybody may
// read it meanwhile.
type Wait struct {
	total, since atomic.Int64 // nanoseconds; since is 0 while it does not wait
}

// Begin says that the goroutine waits from now on.
func (w *Wait) Begin(now time.Time) { w.since.Store(now.UnixNano()) }

// End says that it goes on.
func (w *Wait) End(now time.Time) {
	w.total.Add(now.UnixNano() - w.since.Swap(0))
}

// Total is how long it has waited by now.
func (w *Wait) Total(now time.Time) time.Duration {
	total := w.total.Load()
	if since := w.since.Load(); since != 0 {
		total += max(0, now.UnixNano()-since)
	}
	return time.Duration(total)
}

// Set is for totals that are counted elsewhere.
func (w *Wait) Set(total time.Duration) { w.total.Store(int64(total)) }

// Waiter is a gate or a channel at whose end somebody may wait, which costs
// nothing as long as nobody does.
type Waiter interface {
	// OnWait sets where the time is added up, before the first element.
	OnWait(w *Wait, now func() time.Time)
}

// timing is where a Waiter adds up its time; the zero value does not.
type timing struct {
	wait *Wait
	now  func() time.Time
}

// OnWait implements Waiter.
func (t *timing) OnWait(w *Wait, now func() time.Time) { t.wait, t.now = w, now }

func (t *timing) begin() {
	if t.wait != nil {
		t.wait.Begin(t.now())
	}
}

func (t *timing) end() {
	if t.wait != nil {
		t.wait.End(t.now())
	}
}

// OnWait adds up the time for which the sender waits for credit.
func (r *Route) OnWait(w *Wait, now func() time.Time) {
	for _, c := range r.to {
		if t, ok := c.(Waiter); ok {
			t.OnWait(w, now)
		}
	}
}
