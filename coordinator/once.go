package coordinator

import (
	"time"

	"github.com/wadi-engine/wadi/stream"
)

// A run of one epoch (Settings.Once) has no clock that ends it: its barrier comes
// when all splits that there are have been handed out, and the run ends behind it
// as if somebody had stopped the job. When there is nothing to read, and no
// operator wants to be told the time, it ends without an epoch.

// once stops a run of one epoch when it is time, and reports whether the run ends
// without one.
func (m *machine) once() bool {
	if !m.settings.Once || m.stop || m.ending != nil || m.flight != nil || m.phase != running || !m.handedOut() {
		return false
	}
	m.stop = true
	if m.handed || m.ticks(m.now) {
		return false
	}
	m.ending = &ending{state: Stopped}
	m.cancel(m.now)
	return true
}

// handedOut reports whether every source was asked, and no task is to get anything
// more.
func (m *machine) handedOut() bool {
	if m.opening > 0 {
		return false
	}
	for _, s := range m.sources {
		if s.discovering || !s.asked {
			return false
		}
	}
	for _, t := range m.tasks.all() {
		if t.source >= 0 && t.last == nil && !t.noMore && t.want == 0 {
			return false // an answer is to come
		}
	}
	return true
}

// ticks reports whether an operator wants to be told the time by now.
func (s State) ticks(at time.Time) bool {
	if s.manifest == nil {
		return false
	}
	now := stream.Timestamp(at.UnixMilli())
	for _, h := range s.manifest.Handles {
		if h.NextTick > 0 && h.NextTick <= now {
			return true
		}
	}
	return false
}
