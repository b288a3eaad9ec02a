package task

import (
	"sync/atomic"

	"github.com/wadi-engine/wadi/stream"
)

// Spread says which split of a source task is farthest behind in event time, and
// at what time the one is that is farthest ahead. One goroutine sets it; anybody
// may read it.
type Spread struct {
	split atomic.Pointer[string]
	ahead atomic.Int64
}

// Set notes both.
func (s *Spread) Set(split string, ahead stream.Timestamp) {
	if p := s.split.Load(); p == nil || *p != split {
		s.split.Store(&split)
	}
	s.ahead.Store(int64(ahead))
}

// Get is what was noted last; "" and the beginning when the task has no splits.
func (s *Spread) Get() (split string, ahead stream.Timestamp) {
	if p := s.split.Load(); p != nil && *p != "" {
		return *p, stream.Timestamp(s.ahead.Load())
	}
	return "", stream.Start
}

// spread is that of the splits that are not idle; "" when there is no event time.
func (w *watermarks) spread() (split string, ahead stream.Timestamp) {
	ahead = stream.Start
	if w.program == nil {
		return "", ahead
	}
	low := stream.End
	for id, c := range w.splits {
		if c.idle {
			continue
		}
		if c.sent < low || c.sent == low && id < split {
			low, split = c.sent, id
		}
		ahead = max(ahead, c.sent)
	}
	return split, ahead
}
