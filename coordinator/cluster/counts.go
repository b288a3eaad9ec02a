package cluster

import (
	"time"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// counts are the counters of the tasks of a job, wherever they are, as of what
// the workers have told last.
type counts struct {
	of  map[countKey]*task.Stats
	all []engine.VertexStats
}

type countKey struct {
	vertex job.VertexID
	index  int
}

// take takes the counts of a worker's tasks.
func (k *counts) take(told []rpc.Count) {
	for _, c := range told {
		s := k.stats(c.Vertex, c.Index)
		s.RecordsIn.Store(c.In)
		s.RecordsOut.Store(c.Out)
		s.Watermark.Store(int64(c.Watermark))
		s.Idle.Set(time.Duration(c.IdleMillis) * time.Millisecond)
		s.Blocked.Set(time.Duration(c.BlockedMillis) * time.Millisecond)
		s.Spread.Set(c.Split, c.Ahead)
		for name, n := range c.Counters {
			s.Counter(name).Add(n - counterOf(s, name))
		}
	}
}

func counterOf(s *task.Stats, name string) int64 {
	for of, n := range s.Counters {
		if of == name {
			return n
		}
	}
	return 0
}

func (k *counts) stats(v job.VertexID, index int) *task.Stats {
	key := countKey{v, index}
	if s := k.of[key]; s != nil {
		return s
	}
	if k.of == nil {
		k.of = make(map[countKey]*task.Stats)
	}
	s := &task.Stats{}
	s.Watermark.Store(int64(stream.Start))
	k.of[key] = s
	k.all = append(k.all, engine.VertexStats{Vertex: v, Index: index, Stats: s})
	return s
}
