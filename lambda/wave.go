package lambda

import (
	"slices"
	"sync"
	"time"
)

// When an invocation is late: half of its wave has ended, and it has run three
// times as long as the median of those, and at least two seconds.
const (
	lateFactor = 3
	lateLeast  = 2 * time.Second
	checkLate  = 250 * time.Millisecond
)

// wave is how long the invocations of a stage take, and what they use.
type wave struct {
	tasks int
	used  used

	mu    sync.Mutex
	ended []time.Duration // sorted
}

func (w *wave) took(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, _ := slices.BinarySearch(w.ended, d)
	w.ended = slices.Insert(w.ended, at, d)
}

// late says whether an invocation that has run for d should be doubled.
func (w *wave) late(d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return d >= lateLeast && 2*len(w.ended) >= w.tasks && len(w.ended) > 0 && d >= lateFactor*w.ended[len(w.ended)/2]
}
