package job_test

import (
	"errors"
	"testing"

	"github.com/wadi-engine/wadi/job"
)

// alone is a graph as it is planned for one task: source → keyed → filter → sorted.
func alone() *job.Graph {
	g := &job.Graph{KeyGroups: 128}
	for i, name := range []string{"source", "keyed", "filter", "sorted"} {
		g.Vertices = append(g.Vertices, job.Vertex{ID: job.VertexID(i), UID: name, Name: name, Parallelism: 1})
	}
	g.Edges = []job.Edge{
		{From: 0, To: 1, Partitioning: job.Forward, Wide: job.ByKey, Keys: []int{0}},
		{From: 1, To: 2, Partitioning: job.Forward},
		{From: 2, To: 3, Partitioning: job.Forward, Wide: job.Gather},
	}
	return g
}

func TestScaled(t *testing.T) {
	g := alone()
	wide, err := g.Scaled(map[job.VertexID]int{0: 2, 2: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 4, 4, 1} {
		if n := wide.Vertices[i].Parallelism; n != want {
			t.Errorf("%s has %d tasks, want %d", wide.Vertices[i].Name, n, want)
		}
	}
	for i, want := range []job.Partitioning{job.ByKey, job.Forward, job.Gather} {
		if p := wide.Edges[i].Partitioning; p != want {
			t.Errorf("edge %d is %v, want %v", i, p, want)
		}
	}
	if g.Vertices[0].Parallelism != 1 || g.Edges[0].Partitioning != job.Forward {
		t.Error("the graph itself has changed")
	}
	narrow, err := wide.Scaled(map[job.VertexID]int{1: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []job.Partitioning{job.Gather, job.Forward, job.Forward} {
		if p := narrow.Edges[i].Partitioning; p != want {
			t.Errorf("of two sources and one task behind them, edge %d is %v, want %v", i, p, want)
		}
	}
}

// TestScaledDivides: a sink that divides rows itself does so where it has several
// tasks.
func TestScaledDivides(t *testing.T) {
	g := alone()
	g.Edges[0] = job.Edge{From: 0, To: 1, Partitioning: job.Forward, Wide: job.Custom, How: "hash[day(ts)]"}
	for tasks, want := range map[int]job.Partitioning{1: job.Gather, 4: job.Custom} {
		scaled, err := g.Scaled(map[job.VertexID]int{0: 2, 1: tasks})
		if err != nil {
			t.Fatal(err)
		}
		if e := scaled.Edges[0]; e.Partitioning != want || e.How != "hash[day(ts)]" {
			t.Errorf("to %d tasks: %v by %s, want %v", tasks, e.Partitioning, e.How, want)
		}
	}
}

func TestScaledRefuses(t *testing.T) {
	for name, wishes := range map[string]map[job.VertexID]int{
		"no vertex":                {9: 1},
		"no task":                  {0: 0},
		"more than key groups":     {0: 129},
		"one task takes all":       {3: 2},
		"rows are passed on as is": {1: 2, 2: 3},
	} {
		if _, err := alone().Scaled(wishes); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g := alone(); g.Scales(3) || !g.Scales(1) || !g.Scales(0) {
		t.Error("what may have several tasks is wrong")
	}
}
