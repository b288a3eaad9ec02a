package metrics

import (
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Rate is what a task did lately: the parts of its time in which it worked,
// waited for rows, and waited for room in what it sends to; and what passed it,
// each second.
type Rate struct {
	Busy, Idle, Blocked            float64
	In, Out, Here, Elsewhere, Sent float64
	BatchesHere, BatchesElsewhere  float64
	BatchesSent                    float64
}

// Rates looks at tasks now and then. What a task does is what it has done since
// the last look but one, so that two who look do not disturb each other, or since
// its start. The zero value works, for several goroutines.
type Rates struct {
	mu   sync.Mutex
	seen map[rateKey]*looks
}

type rateKey struct {
	job    job.ID
	vertex job.VertexID
	index  int
}

type looks struct{ before, last sighting }

type sighting struct {
	at    time.Time
	count rpc.Count
}

const (
	// apart is the least time between two looks that count.
	apart = 2 * time.Second
	// stale is when a look is of no use any more.
	stale = time.Minute
	// maxSeen is of how many vertices of tasks looks are kept.
	maxSeen = 50_000
)

// Of is what a task does now at a vertex, given its counts and when it has
// started.
func (r *Rates) Of(id job.ID, c rpc.Count, started, now time.Time) Rate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil || len(r.seen) > maxSeen {
		r.seen = make(map[rateKey]*looks)
	}
	c.Counters = nil
	key := rateKey{id, c.Vertex, c.Index}
	l, is := r.seen[key], sighting{now, c}
	if l == nil || now.Sub(l.last.at) > stale || l.before.at.Before(started) {
		l = &looks{sighting{at: started}, is}
		r.seen[key] = l
	} else if now.Sub(l.last.at) >= apart {
		l.before, l.last = l.last, is
	}
	return between(l.before, is)
}

func between(before, is sighting) Rate {
	took, was, c := is.at.Sub(before.at), before.count, is.count
	if took <= 0 {
		return Rate{Idle: 1}
	}
	part := func(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(took))) }
	second := func(from, to int64) float64 { return max(0, float64(to-from)) / took.Seconds() }
	r := Rate{
		Idle: part(c.Idle() - was.Idle()), Blocked: part(c.Blocked() - was.Blocked()),
		In: second(was.In, c.In), Out: second(was.Out, c.Out),
		Here: second(was.Here.Bytes, c.Here.Bytes), Elsewhere: second(was.Elsewhere.Bytes, c.Elsewhere.Bytes), Sent: second(was.Sent.Bytes, c.Sent.Bytes),
		BatchesHere: second(was.Here.Batches, c.Here.Batches), BatchesElsewhere: second(was.Elsewhere.Batches, c.Elsewhere.Batches),
		BatchesSent: second(was.Sent.Batches, c.Sent.Batches),
	}
	r.Busy = max(0, 1-r.Idle-r.Blocked)
	return r
}
