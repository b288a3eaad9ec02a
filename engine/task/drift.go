package task

import (
	"sync"
	"time"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Drift keeps the event times of sources together: those of a group know how far the
// slowest of them is, and none reads on that is ahead of it by more than it may be.
// It is shared by the tasks of a worker.
type Drift struct {
	mu sync.Mutex
	of map[*Source]stream.Timestamp
}

// NewDrift returns a group without sources.
func NewDrift() *Drift { return &Drift{of: map[*Source]stream.Timestamp{}} }

// report says where a source is, and returns where the slowest is; one that is idle is at
// stream.End, and holds nobody back.
func (d *Drift) report(s *Source, t stream.Timestamp) stream.Timestamp {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of[s] = t
	for _, other := range d.of {
		t = min(t, other)
	}
	return t
}

// leave takes a source out.
func (d *Drift) leave(s *Source) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, s)
}

// convoy is a source's part in a group.
type convoy struct {
	group  *Drift
	spec   ops.AlignSpec
	looked time.Time // when it was last asked where the others are
	held   bool      // the source must not read
	paused []string  // the splits that must not be read
}

// Align makes the source one of a group. It is called before Run.
func (s *Source) Align(group *Drift, spec ops.AlignSpec) {
	s.align = &convoy{group: group, spec: spec}
	group.report(s, s.chain.now)
}

func (a *convoy) interval() time.Duration {
	return time.Duration(a.spec.UpdateMillis) * time.Millisecond
}

// together looks where the other sources are, if it is time, and reports whether the
// source must wait for them. A reader that can leave splits alone goes on with the others.
func (s *Source) together() bool {
	a := s.align
	if a == nil {
		return false
	}
	now := s.clock.Now()
	if !a.looked.IsZero() && now.Sub(a.looked) < a.interval() {
		return a.held
	}
	a.looked = now
	own := s.time.low()
	allowed := a.group.report(s, own)
	if allowed < stream.End-stream.Timestamp(a.spec.MaxDriftMillis) && allowed != stream.Start {
		allowed += stream.Timestamp(a.spec.MaxDriftMillis)
	}
	if p, ok := s.reader.(ops.Pausing); ok {
		a.paused = s.time.beyond(a.paused[:0], allowed, now)
		p.Pause(a.paused)
		return false
	}
	a.held = own != stream.End && own > allowed
	return a.held
}

// low is the event time of the slowest split that is not idle, or stream.End.
func (w *watermarks) low() stream.Timestamp {
	low := stream.End
	for _, c := range w.splits {
		if !c.idle {
			low = min(low, c.sent)
		}
	}
	return low
}

// beyond appends the splits that are ahead of t. They are silent because they must be,
// and not idle.
func (w *watermarks) beyond(dst []string, t stream.Timestamp, now time.Time) []string {
	for id, c := range w.splits {
		if !c.idle && c.sent > t {
			dst = append(dst, id)
			c.last = now
		}
	}
	return dst
}
