package job

import "strings"

// Chain is a run of vertices that one task executes in one goroutine: each
// calls the next. Its tasks are named by the first vertex.
type Chain struct {
	Vertices []VertexID
}

// Head is the vertex by which the chain's tasks are named.
func (c Chain) Head() VertexID { return c.Vertices[0] }

// Tail is the vertex whose output leaves the chain.
func (c Chain) Tail() VertexID { return c.Vertices[len(c.Vertices)-1] }

// ChainName is the name of a chain's tasks: those of its vertices.
func (g *Graph) ChainName(c Chain) string {
	names := make([]string, len(c.Vertices))
	for i, id := range c.Vertices {
		names[i] = g.Vertices[id].Name
	}
	return strings.Join(names, " -> ")
}

// Chains cuts the graph into chains, in topological order. A vertex joins the
// chain of its producer when it is the only consumer of the producer's main
// output, has no other input, the edge is Forward and both have the same
// parallelism.
func (g *Graph) Chains() []Chain {
	at := make(map[VertexID]int, len(g.Vertices))
	var chains []Chain
	for _, v := range g.Vertices {
		if in := g.Inputs(v.ID); len(in) == 1 && g.chains(in[0]) {
			c := at[in[0].From]
			chains[c].Vertices = append(chains[c].Vertices, v.ID)
			at[v.ID] = c
			continue
		}
		at[v.ID] = len(chains)
		chains = append(chains, Chain{Vertices: []VertexID{v.ID}})
	}
	return chains
}

// chains reports whether the ends of e, the only input of its consumer, belong
// to one chain.
func (g *Graph) chains(e Edge) bool {
	consumers := 0
	for _, o := range g.Outputs(e.From) {
		if o.Port == 0 {
			consumers++
		}
	}
	return e.Partitioning == Forward && e.Port == 0 && consumers == 1 &&
		g.Vertices[e.From].Parallelism == g.Vertices[e.To].Parallelism
}
