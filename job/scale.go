package job

import (
	"fmt"
	"maps"
	"slices"
)

// Scaled is the graph with other parallelisms, by vertex. Vertices that forward
// edges connect have the same, so that a wish for one holds for all of them; those
// without a wish keep what they have. An error is ErrInvalid, and names the vertex.
func (g *Graph) Scaled(wishes map[VertexID]int) (*Graph, error) {
	group := g.forwarded()
	want := make(map[VertexID]int) // by the first vertex of a group
	for _, v := range slices.Sorted(maps.Keys(wishes)) {
		n := wishes[v]
		switch {
		case int(v) < 0 || int(v) >= len(g.Vertices):
			return nil, fmt.Errorf("%w: there is no vertex %d", ErrInvalid, v)
		case n < 1 || n > g.KeyGroups:
			return nil, fmt.Errorf("%w: parallelism %d of %s: want 1 to %d (pipeline.max-parallelism)", ErrInvalid, n, g.Vertices[v].Label(), g.KeyGroups)
		case want[group[v]] != 0 && want[group[v]] != n:
			return nil, fmt.Errorf("%w: parallelism %d of %s: vertices that pass rows on as they are have the same, and one of them is to have %d", ErrInvalid, n, g.Vertices[v].Label(), want[group[v]])
		}
		want[group[v]] = n
	}
	for _, e := range g.Edges {
		if n := want[group[e.To]]; e.gathers() && n > 1 {
			return nil, fmt.Errorf("%w: parallelism %d of %s: one task takes all its rows", ErrInvalid, n, g.Vertices[e.To].Label())
		}
	}
	scaled := *g
	scaled.Vertices = slices.Clone(g.Vertices)
	for i := range scaled.Vertices {
		if n := want[group[VertexID(i)]]; n > 0 {
			scaled.Vertices[i].Parallelism = n
		}
	}
	scaled.Edges = slices.Clone(g.Edges)
	for i := range scaled.Edges {
		scaled.widen(&scaled.Edges[i])
	}
	return &scaled, nil
}

// widen chooses the partitioning of an edge that depends on how many tasks there
// are.
func (g *Graph) widen(e *Edge) {
	from, to := g.Vertices[e.From].Parallelism, g.Vertices[e.To].Parallelism
	switch {
	case e.Wide == Forward:
	case from == 1 && to == 1:
		e.Partitioning = Forward
	case (e.Wide == ByKey || e.Wide == Custom) && to == 1:
		e.Partitioning = Gather
	default:
		e.Partitioning = e.Wide
	}
}

// gathers reports whether a vertex has one task because of e.
func (e Edge) gathers() bool {
	return e.Wide == Gather || e.Wide == Forward && e.Partitioning == Gather
}

// Scales reports whether a vertex may have more than one task.
func (g *Graph) Scales(v VertexID) bool {
	group := g.forwarded()
	for _, e := range g.Edges {
		if e.gathers() && group[e.To] == group[v] {
			return false
		}
	}
	return true
}

// forwarded maps each vertex to the first of those that forward edges connect
// with it.
func (g *Graph) forwarded() map[VertexID]VertexID {
	group := make(map[VertexID]VertexID, len(g.Vertices))
	for _, v := range g.Vertices {
		group[v.ID] = v.ID
	}
	for again := true; again; {
		again = false
		for _, e := range g.Edges {
			if a, b := group[e.From], group[e.To]; e.Partitioning == Forward && e.Wide == Forward && a != b {
				group[e.From], group[e.To], again = min(a, b), min(a, b), true
			}
		}
	}
	return group
}
