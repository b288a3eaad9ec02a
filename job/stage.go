package job

// Stages gathers the chains that run together where tasks live no longer than an
// epoch: a chain joins the stage from which all of its rows come, task by task, so
// that they need not be stored between the two.
//
//	source ─ forward ─► filter a ─ hash ─► window     source, a and b are a stage, the
//	      └─ forward ─► filter b ─ hash ─► window     windows one each
//
// Stages are in topological order, and so are the chains of each. All chains of a
// stage have as many tasks, and the first has the only source.
func (g *Graph) Stages() [][]Chain {
	at := make(map[VertexID]int, len(g.Vertices)) // the stage of a vertex
	var stages [][]Chain
	for _, c := range g.Chains() {
		s := g.stageBefore(c.Head(), at)
		if s < 0 {
			s, stages = len(stages), append(stages, nil)
		}
		stages[s] = append(stages[s], c)
		for _, v := range c.Vertices {
			at[v] = s
		}
	}
	return stages
}

// stageBefore is the stage from which all rows of v come, each task's from one task;
// -1 if there is none.
func (g *Graph) stageBefore(v VertexID, at map[VertexID]int) int {
	stage := -1
	for _, e := range g.Inputs(v) {
		n := g.Vertices[v].Parallelism
		if g.Vertices[e.From].Parallelism != n || n > 1 && e.Partitioning != Forward {
			return -1
		}
		if stage >= 0 && at[e.From] != stage {
			return -1
		}
		stage = at[e.From]
	}
	return stage
}
