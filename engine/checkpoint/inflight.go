package checkpoint

import (
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
)

// flows is what was on its way to the vertices of chain c when the tasks that a
// comes from sealed their epoch. It is nil when nothing was.
//
// Where the number of tasks has changed, rows that belong to tasks by key are read
// by every task that has inherited some of their key groups, which takes its own;
// all others go to one task, by the number of the one that they were on their way to.
func (y ancestry) flows(a *Assignment, g *job.Graph, c job.Chain, afresh map[string]bool) error {
	tasks := g.Vertices[c.Head()].Parallelism
	for _, id := range c.Vertices {
		v := g.Vertices[id]
		hs := y.tasks(v.UID)
		if old := y.byUID[v.UID]; old.Head != old.ID || !slices.ContainsFunc(hs, func(h Handle) bool { return h.InFlight != nil }) {
			continue
		}
		same := len(hs) == tasks
		if same {
			hs = hs[a.Task.Index : a.Task.Index+1]
		}
		reached := hs[0].Watermark
		for _, h := range hs {
			reached = min(reached, h.Watermark)
		}
		for _, h := range hs {
			for _, f := range h.onItsWay() {
				e, ok := y.edge(g, id, f)
				if !ok && f.Length > 0 {
					return fmt.Errorf("%w: the checkpoint holds rows on their way from %s to %s, which the query no longer connects: go on once with the old query, and take a savepoint for the new one (nothing is on its way in a savepoint)",
						job.ErrInvalid, y.describe(y.vertices[f.From].UID), y.describe(v.UID))
				}
				if ok && afresh[g.Vertices[e.From].UID] {
					continue
				}
				flow := Flow{InFlight: f, Vertex: id, Reached: reached}
				switch {
				case same || f.Length == 0:
				case e.ByKeys() && !h.Groups.Overlaps(a.Groups):
					continue
				case e.ByKeys():
					flow.Keys = e.Keys
				case h.Task.Index%tasks != a.Task.Index: // another task's; its time counts
					flow.File, flow.Length, flow.Watermark = "", 0, f.Reaches
				}
				a.InFlight = append(a.InFlight, flow)
			}
		}
		a.Watermark = min(a.Watermark, reached)
	}
	if !slices.ContainsFunc(a.InFlight, func(f Flow) bool { return f.Length > 0 }) {
		a.InFlight = nil
	}
	return nil
}

// onItsWay is what was on its way to the task of h; when nothing was, the event
// time of its inputs.
func (h Handle) onItsWay() []InFlight {
	if h.InFlight != nil {
		return h.InFlight
	}
	times := make([]InFlight, len(h.Channels))
	for i, c := range h.Channels {
		times[i] = InFlight{Input: c.Input, Watermark: c.Watermark, Idle: c.Idle, Reaches: c.Watermark}
	}
	return times
}

// edge is the one into a vertex on which f was on its way.
func (y ancestry) edge(g *job.Graph, to job.VertexID, f InFlight) (job.Edge, bool) {
	for _, e := range g.Inputs(to) {
		if e.Port == f.Port && e.Input == f.Input && g.Vertices[e.From].UID == y.vertices[f.From].UID {
			return e, true
		}
	}
	return job.Edge{}, false
}
