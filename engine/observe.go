package engine

import (
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/metrics"
)

// Metrics are those of the tasks that run, with a name of the worker and of its
// machine; r remembers what they did before.
func (w *Worker) Metrics(r *metrics.Rates, worker, host string) []metrics.Group {
	w.mu.Lock()
	d := w.running
	var tasks []checkpoint.TaskID
	var started time.Time
	if d != nil {
		started = d.started
		for _, a := range d.rpc.Tasks {
			if !a.Ended {
				tasks = append(tasks, a.Task)
			}
		}
	}
	w.mu.Unlock()
	if d == nil {
		return nil
	}
	var groups []metrics.Group
	j := metrics.Job{ID: d.rpc.Job, Graph: d.rpc.Graph, Counts: w.Counts()}
	chains, now := j.Graph.Chains(), w.o.Clock.Now()
	for _, t := range tasks {
		for _, c := range chains {
			if c.Head() == t.Vertex {
				running := metrics.Running{Chain: c, Index: t.Index, Attempt: d.rpc.Attempt, Started: started}
				groups = append(groups, r.Groups(j, running, worker, host, now)...)
			}
		}
	}
	return groups
}
