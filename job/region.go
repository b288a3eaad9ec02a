package job

// Regions divides the tasks into pipelined regions: those that rows connect. The
// tasks of a region fail together, and nothing passes between two regions, so that
// one can be started again while others run on. It returns the region of each task,
// by the first vertex of its chain and by index, and how many regions there are; they
// are numbered in the order of their first tasks.
//
// A forward edge connects the tasks of an index, any other edge all tasks of both
// ends:
//
//	source ─ forward ─► sink         as many regions as tasks
//	source ─ hash ─► window ─► sink  one
//	two queries of a statement set   those of either
func (g *Graph) Regions() (of map[VertexID][]int, n int) {
	chains := g.Chains()
	at := make(map[VertexID]int, len(g.Vertices)) // the chain of a vertex
	first := make([]int, len(chains)+1)           // the first task of a chain
	for i, c := range chains {
		for _, v := range c.Vertices {
			at[v] = i
		}
		first[i+1] = first[i] + g.Vertices[c.Head()].Parallelism
	}
	set := newSets(first[len(chains)])
	for _, e := range g.Edges {
		a, b := at[e.From], at[e.To]
		if a == b {
			continue // in one task
		}
		from, to := first[a+1]-first[a], first[b+1]-first[b]
		if e.Partitioning == Forward && from == to {
			for i := range from {
				set.join(first[a]+i, first[b]+i)
			}
			continue
		}
		for i := range from {
			set.join(first[a], first[a]+i)
		}
		for i := range to {
			set.join(first[a], first[b]+i)
		}
	}
	numbers := make(map[int]int)
	of = make(map[VertexID][]int, len(chains))
	for i, c := range chains {
		for t := first[i]; t < first[i+1]; t++ {
			root := set.find(t)
			if _, ok := numbers[root]; !ok {
				numbers[root] = len(numbers)
			}
			of[c.Head()] = append(of[c.Head()], numbers[root])
		}
	}
	return of, len(numbers)
}

// sets are disjoint sets of numbers: each number leads to another of its set, and
// in the end to the one that stands for it.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) find(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(i, j int) { s[s.find(i)] = s.find(j) }
