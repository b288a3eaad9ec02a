package job_test

import (
	"fmt"
	"testing"

	"github.com/wadi-engine/wadi/job"
)

// TestRegions: tasks that rows connect are of one region, and no others.
func TestRegions(t *testing.T) {
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
	late := edge(0, 2, job.Forward)
	late.Port = 1
	for _, c := range []struct {
		name string
		g    *job.Graph
		want string
	}{
		{"nothing", graph(nil), "[] 0"},
		{"one chain", graph([]int{3, 3}, edge(0, 1, job.Forward)), "[[0 1 2]] 3"},
		{"a shuffle", graph([]int{2, 3}, edge(0, 1, job.ByKey)), "[[0 0] [0 0 0]] 1"},
		{"a gather", graph([]int{3, 1}, edge(0, 1, job.Gather)), "[[0 0 0] [0]] 1"},
		{"a broadcast", graph([]int{1, 2}, edge(0, 1, job.Broadcast)), "[[0] [0 0]] 1"},
		{"two readers of one source", graph([]int{2, 2, 2}, edge(0, 1, job.Forward), edge(0, 2, job.Forward)), "[[0 1] [0 1] [0 1]] 2"},
		{"late rows of a chain", graph([]int{2, 2, 2}, edge(0, 1, job.Forward), late), "[[0 1] [0 1]] 2"},
		{"two queries", graph([]int{2, 2, 2, 2}, edge(0, 1, job.ByKey), edge(2, 3, job.Forward)), "[[0 0] [0 0] [1 2]] 3"},
		{"a shuffle behind forward edges", graph([]int{2, 2, 2, 1}, edge(0, 1, job.Forward), edge(0, 2, job.Forward), edge(2, 3, job.Gather)), "[[0 0] [0 0] [0 0] [0]] 1"},
		{"a union", graph([]int{2, 2, 1}, edge(0, 2, job.Rebalance), edge(1, 2, job.Rebalance)), "[[0 0] [0 0] [0]] 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			of, n := c.g.Regions()
			all := [][]int{}
			for _, chain := range c.g.Chains() {
				all = append(all, of[chain.Head()])
			}
			if got := fmt.Sprint(all, n); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
