package engine

import (
	"slices"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// Metrics are those of the tasks that run, with a name of the worker and of its
// machine; r remembers what they did before.
func (w *Worker) Metrics(r *metrics.Rates, worker, host string) []metrics.Group {
	w.mu.Lock()
	running := slices.Clone(w.running)
	w.mu.Unlock()
	if len(running) == 0 {
		return nil
	}
	var groups []metrics.Group
	j := metrics.Job{ID: running[0].rpc.Job, Graph: running[0].rpc.Graph, Counts: w.Counts()}
	chains, now := j.Graph.Chains(), w.o.Clock.Now()
	for _, d := range running {
		for _, a := range d.rpc.Tasks {
			i := slices.IndexFunc(chains, func(c job.Chain) bool { return c.Head() == a.Task.Vertex })
			if a.Ended || i < 0 {
				continue
			}
			task := metrics.Running{Chain: chains[i], Index: a.Task.Index, Attempt: d.rpc.Attempt, Started: d.started}
			groups = append(groups, r.Groups(j, task, worker, host, now)...)
		}
	}
	return groups
}
