package exchange

// Queue is what waits at a gate to be taken: elements, the bytes of their batches,
// and how many bytes there may be.
type Queue struct {
	Elements    int
	Bytes, Room int64
}

// Queue looks at what waits.
func (g *Local) Queue() Queue {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := Queue{Room: g.budget.Load() * int64(len(g.channels))}
	for i := range g.channels {
		for _, e := range g.channels[i].queue {
			q.Elements++
			q.Bytes += e.bytes + e.credit
		}
	}
	return q
}
