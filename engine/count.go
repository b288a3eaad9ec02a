package engine

import (
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/stream"
)

// Counts is what the newest deployment has counted until now, as plain data.
func (w *Worker) Counts() []rpc.Count {
	stats, now := w.Stats(), w.o.Clock.Now()
	all := make([]rpc.Count, len(stats))
	for i, s := range stats {
		c := rpc.Count{
			Vertex: s.Vertex, Index: s.Index, In: s.RecordsIn.Load(), Out: s.RecordsOut.Load(),
			Watermark: stream.Timestamp(s.Watermark.Load()), Counters: make(map[string]int64),
			IdleMillis: s.Idle.Total(now).Milliseconds(), BlockedMillis: s.Blocked.Total(now).Milliseconds(),
		}
		c.Split, c.Ahead = s.Spread.Get()
		for name, n := range s.Counters {
			c.Counters[name] += n
		}
		all[i] = c
	}
	return all
}
