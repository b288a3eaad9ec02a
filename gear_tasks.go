package wadi

import (
	"slices"
	"sync"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// longTasks runs tasks that live as long as their job.
type longTasks interface {
	coordinator.Worker
	Stats() []engine.VertexStats
	Close() error
}

// gearTasks are the tasks of a job, in whichever gear they are.
type gearTasks struct {
	run    *Run
	first  job.Gear // until the job has begun
	long   longTasks
	counts stageCounts
}

func newGearTasks(r *Run, long longTasks, first job.Gear) *gearTasks {
	return &gearTasks{run: r, first: first, long: long}
}

// gear is in which gear the tasks are.
func (t *gearTasks) gear() job.Gear {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	if g := t.run.progress.Gear; g != "" {
		return g
	}
	return t.first
}

// Stats are what they have counted: in the pipelined gear since they were started,
// otherwise in all epochs.
func (t *gearTasks) Stats() []engine.VertexStats {
	if t.gear().Brief() {
		return t.counts.Stats()
	}
	return t.long.Stats()
}

// place is the worker on which a task runs, and its address; "" when it is none of
// the cluster's.
func (t *gearTasks) place(id checkpoint.TaskID) (worker, address string) {
	if c, ok := t.long.(*cluster.Tasks); ok && !t.gear().Brief() {
		return c.Place(id)
	}
	return "", ""
}

// elsewhere reports whether tasks are on the workers of a cluster.
func (t *gearTasks) elsewhere() bool {
	_, ok := t.long.(*cluster.Tasks)
	return ok && !t.gear().Brief()
}

// stageCounts are what stages have counted, in all epochs.
type stageCounts struct {
	mu  sync.Mutex
	all []engine.VertexStats
}

func (c *stageCounts) add(counts []stage.Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range counts {
		s := c.at(k.Vertex, k.Index)
		s.RecordsIn.Add(k.In)
		s.RecordsOut.Add(k.Out)
		if k.Watermark != stream.Start {
			s.Watermark.Store(int64(k.Watermark))
		}
		if k.Pending != nil {
			s.Pending.Set(*k.Pending)
		}
		for name, n := range k.Counters {
			s.Counter(name).Add(n)
		}
	}
}

func (c *stageCounts) at(v job.VertexID, index int) *task.Stats {
	for _, s := range c.all {
		if s.Vertex == v && s.Index == index {
			return s.Stats
		}
	}
	s := &task.Stats{}
	s.Watermark.Store(int64(stream.Start))
	c.all = append(c.all, engine.VertexStats{Vertex: v, Index: index, Stats: s})
	return s
}

// Stats are the sums.
func (c *stageCounts) Stats() []engine.VertexStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}
