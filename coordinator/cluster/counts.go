package cluster

import (
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
		engine.Recount(k.stats(c.Vertex, c.Index), c)
	}
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
