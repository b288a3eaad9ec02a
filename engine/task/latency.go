package task

import (
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/stream"
)

// Latency is for how long rows are on their way from a source to a task: Flink's
// latency markers are ticks here, which sources send before rows, once a second at
// the most, and which stand in line with them. The zero value measures nothing.
type Latency struct {
	mu    sync.Mutex
	every time.Duration
	keep  int
	last  time.Time
	// samples are the newest, in milliseconds; next is where the next one goes.
	samples []int64
	next    int
	count   int64
	sum     int64
	// elsewhere is what another process has measured, or nil.
	elsewhere *rpc.Latency
}

// Measure begins to measure: at most so often (metrics.latency.interval), and of
// so many (metrics.latency.history-size). It is called before the task runs.
func (l *Latency) Measure(every time.Duration, keep int) {
	l.every, l.keep = every, max(1, keep)
}

// arrived notes that a tick has come.
func (l *Latency) arrived(t stream.Tick, clock Clock) {
	if l.every == 0 {
		return
	}
	now := clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) < l.every {
		return
	}
	took := max(0, now.UnixMilli()-int64(t.Now)) // clocks of machines differ
	l.last, l.count, l.sum = now, l.count+1, l.sum+took
	if len(l.samples) < l.keep {
		l.samples = append(l.samples, took)
		return
	}
	l.samples[l.next] = took
	l.next = (l.next + 1) % l.keep
}

// Get is what was measured, or nil.
func (l *Latency) Get() *rpc.Latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) == 0 {
		return l.elsewhere
	}
	all := slices.Sorted(slices.Values(l.samples))
	at := func(part float64) int64 { return all[int(part*float64(len(all)-1))] }
	return &rpc.Latency{
		Count: l.count, Sum: l.sum, Min: all[0], Max: all[len(all)-1],
		P50: at(0.5), P75: at(0.75), P95: at(0.95), P98: at(0.98), P99: at(0.99), P999: at(0.999),
	}
}

// Set takes what another process has measured.
func (l *Latency) Set(r *rpc.Latency) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.elsewhere = r
}
