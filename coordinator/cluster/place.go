package cluster

// Strategy says in which order free slots are taken.
type Strategy uint8

const (
	// Fill takes all slots of a worker before those of the next: few rows leave
	// a process.
	Fill Strategy = iota
	// Spread takes them in turn, so that all workers have about the same load
	// (cluster.evenly-spread-out-slots, taskmanager.load-balance.mode: SLOTS).
	Spread
)

// place chooses need slots of workers that have so many free, and so many in
// use. It returns the worker of each slot, or false when there are too few.
func place(free, used []int, need int, s Strategy) ([]int, bool) {
	total := 0
	for _, n := range free {
		total += n
	}
	if total < need {
		return nil, false
	}
	taken := make([]int, len(free))
	slots := make([]int, 0, need)
	for len(slots) < need {
		best := -1
		for w := range free {
			if taken[w] == free[w] {
				continue
			}
			if best < 0 || s == Spread && used[w]+taken[w] < used[best]+taken[best] {
				best = w
			}
		}
		taken[best]++
		slots = append(slots, best)
	}
	if s == Fill {
		return slots, true
	}
	// Neighbours stay together: slots of one worker are of successive tasks.
	slots = slots[:0]
	for w, n := range taken {
		for range n {
			slots = append(slots, w)
		}
	}
	return slots, true
}
