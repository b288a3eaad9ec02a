package sim

import (
	"encoding/json"
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// shape is which rows pass between the tasks of a job.
type shape uint8

const (
	// joined is two sources, keyed to a counter with the sink chained to it, which is one
	// region:
	//
	//	source 0 ─┐
	//	          ├─ by key ─► counter ─► sink
	//	source 1 ─┘
	joined shape = iota
	// apart is of many regions: one that counts, and one of each task of the other source,
	// whose rows are copied twice:
	//
	//	source 0 ─ by key ─► counter ─► sink
	//	source 1 ┬ forward ► copier ─► sink4
	//	         └ forward ► copier ─► sink6
	apart
)

// The vertices that are not sources, and how many of these there are.
const (
	sourceVertices = 2
	counterVertex  = 2
	firstCopier    = 4
	secondCopier   = 6
)

// graph is a job of a shape.
func graph(s shape, sources, counters int) *job.Graph {
	g := &job.Graph{Name: "sim", KeyGroups: 4}
	for i := range sourceVertices {
		g.Vertices = append(g.Vertices, job.Vertex{
			ID: job.VertexID(i), UID: fmt.Sprint("source", i), Name: "Source", Kind: job.KindSource, Parallelism: sources,
			Config: config(ops.SourceConfig{Scan: ops.Scan{Table: job.Table{Connector: "sim"}, Limit: int64(i)}}),
		})
	}
	g.Edges = append(g.Edges, job.Edge{From: 0, To: counterVertex, Partitioning: job.ByKey, Keys: []int{0}})
	behind(g, "counter", counters)
	if s == joined {
		g.Edges = append(g.Edges, job.Edge{From: 1, To: counterVertex, Input: 1, Partitioning: job.ByKey, Keys: []int{0}})
		return g
	}
	for range 2 {
		g.Edges = append(g.Edges, job.Edge{From: 1, To: behind(g, "copier", sources), Partitioning: job.Forward})
	}
	return g
}

// behind adds an operator with a sink, behind what there is.
func behind(g *job.Graph, kind string, tasks int) job.VertexID {
	v := job.VertexID(len(g.Vertices))
	sink := job.Vertex{
		ID: v + 1, UID: sinkOf(v), Name: "Sink", Kind: job.KindSink, Parallelism: tasks,
		Config: config(ops.SinkConfig{Table: job.Table{Connector: "sim", Options: map[string]string{"sink": sinkOf(v)}}}),
	}
	g.Vertices = append(g.Vertices, job.Vertex{ID: v, UID: fmt.Sprint(kind, v), Name: kind, Kind: kind, Parallelism: tasks}, sink)
	g.Edges = append(g.Edges, job.Edge{From: v, To: v + 1, Partitioning: job.Forward})
	return v
}

// sinkOf is the UID of the sink behind an operator.
func sinkOf(v job.VertexID) string { return fmt.Sprint("sink", v) }

func config(c any) json.RawMessage {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return data
}

// expected is what an undisturbed run writes. Of rows that are counted the n-th of a
// key is n mod 3, in whatever order the splits are read.
func (s shape) expected() map[result]int {
	want, count := map[result]int{}, map[int64]int64{}
	for sp := range splits {
		for i := range rowsIn(sp) {
			k := keyOf(sp, i)
			if s == apart && sp >= firstOf[1] {
				want[copier{vertex: firstCopier}.copied(k)]++
				want[copier{vertex: secondCopier}.copied(k)]++
				continue
			}
			count[k]++
			want[result{k, (count[k] - 1) % modulus}]++
		}
	}
	return want
}

// tasks is how many a graph has.
func tasks(g *job.Graph) (n int) {
	for _, c := range g.Chains() {
		n += g.Vertices[c.Head()].Parallelism
	}
	return n
}
