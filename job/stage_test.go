package job_test

import (
	"fmt"
	"testing"

	"github.com/wadi-engine/wadi/job"
)

// TestStages: a chain is in the stage of those before it when each of its tasks gets
// rows from the one task of the stage that has its index.
func TestStages(t *testing.T) {
	graph := func(parallelism []int, edges ...job.Edge) *job.Graph {
		g := &job.Graph{}
		for i, p := range parallelism {
			g.Vertices = append(g.Vertices, job.Vertex{ID: job.VertexID(i), Parallelism: p})
		}
		g.Edges = edges
		return g
	}
	edge := func(from, to job.VertexID, p job.Partitioning) job.Edge {
		return job.Edge{From: from, To: to, Partitioning: p}
	}
	for _, c := range []struct {
		name string
		g    *job.Graph
		want string
	}{
		{"nothing", graph(nil), "[]"},
		{"one chain", graph([]int{3, 3}, edge(0, 1, job.Forward)), "[[{[0 1]}]]"},
		{"a shuffle", graph([]int{2, 2}, edge(0, 1, job.ByKey)), "[[{[0]}] [{[1]}]]"},
		{"a shuffle between two tasks", graph([]int{1, 1}, edge(0, 1, job.ByKey)), "[[{[0]} {[1]}]]"},
		{"a gather", graph([]int{2, 1}, edge(0, 1, job.Gather)), "[[{[0]}] [{[1]}]]"},
		{"two readers of one source", graph([]int{2, 2, 2}, edge(0, 1, job.Forward), edge(0, 2, job.Forward)), "[[{[0]} {[1]} {[2]}]]"},
		{
			"and what joins them", graph([]int{2, 2, 2, 2}, edge(0, 1, job.Forward), edge(0, 2, job.Forward), edge(1, 3, job.Forward), edge(2, 3, job.Forward)),
			"[[{[0]} {[1]} {[2]} {[3]}]]",
		},
		{
			"a shuffle of one of them", graph([]int{2, 2, 2, 2}, edge(0, 1, job.Forward), edge(0, 2, job.Forward), edge(1, 3, job.ByKey), edge(2, 3, job.Forward)),
			"[[{[0]} {[1]} {[2]}] [{[3]}]]",
		},
		{"two sources", graph([]int{1, 1, 1}, edge(0, 2, job.Forward), edge(1, 2, job.Forward)), "[[{[0]}] [{[1]}] [{[2]}]]"},
	} {
		if got := fmt.Sprint(c.g.Stages()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
