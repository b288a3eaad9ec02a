package engine

import (
	"time"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/stream"
)

// Counts is what the newest deployment has counted until now, as plain data.
func (w *Worker) Counts() []rpc.Count { return CountsOf(w.Stats(), w.o.Clock.Now()) }

// CountsOf is what tasks have counted until now, as plain data.
func CountsOf(stats []VertexStats, now time.Time) []rpc.Count {
	all := make([]rpc.Count, len(stats))
	for i, s := range stats {
		c := rpc.Count{
			Vertex: s.Vertex, Index: s.Index, In: s.RecordsIn.Load(), Out: s.RecordsOut.Load(),
			Watermark: stream.Timestamp(s.Watermark.Load()), Counters: make(map[string]int64),
			IdleMillis: s.Idle.Total(now).Milliseconds(), BlockedMillis: s.Blocked.Total(now).Milliseconds(),
			Here: traffic(&s.Here), Elsewhere: traffic(&s.Elsewhere), Sent: traffic(&s.Sent), Letters: s.Letters.Load(), Latency: s.Latency.Get(), Sealing: s.Sealing.Load(),
		}
		c.Split, c.Ahead = s.Spread.Get()
		if n, known := s.Pending.Get(); known {
			c.Pending = &n
		}
		if look := s.Queue.Load(); look != nil {
			q := (*look)()
			c.Queue = &q
		}
		for name, n := range s.Counters {
			c.Counters[name] += n
		}
		all[i] = c
	}
	return all
}

func traffic(t *exchange.Traffic) rpc.Traffic {
	return rpc.Traffic{Batches: t.Batches.Load(), Bytes: t.Bytes.Load()}
}

// Recount makes s say what a task elsewhere has counted.
func Recount(s *task.Stats, c rpc.Count) {
	s.RecordsIn.Store(c.In)
	s.RecordsOut.Store(c.Out)
	s.Watermark.Store(int64(c.Watermark))
	s.Idle.Set(c.Idle())
	s.Blocked.Set(c.Blocked())
	s.Spread.Set(c.Split, c.Ahead)
	s.Letters.Store(c.Letters)
	s.Latency.Set(c.Latency)
	s.Sealing.Store(c.Sealing)
	for _, t := range []struct {
		to *exchange.Traffic
		of rpc.Traffic
	}{{&s.Here, c.Here}, {&s.Elsewhere, c.Elsewhere}, {&s.Sent, c.Sent}} {
		t.to.Batches.Store(t.of.Batches)
		t.to.Bytes.Store(t.of.Bytes)
	}
	if c.Queue != nil {
		look := func() rpc.Queue { return *c.Queue }
		s.Queue.Store(&look)
	}
	if c.Pending != nil {
		s.Pending.Set(*c.Pending)
	}
	was := make(map[string]int64)
	for name, n := range s.Counters {
		was[name] = n
	}
	for name, n := range c.Counters {
		s.Counter(name).Add(n - was[name])
	}
}
