package cluster

import (
	"slices"
	"time"
)

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

// room is what place knows of a worker.
type room struct {
	free, used int // slots
	// shunned says that another worker could not reach it just now: it gets tasks
	// only if there are no slots elsewhere.
	shunned bool
}

// place chooses need slots. A slot is of the worker in which it was before, if that
// has one free: before has the place of that worker in rooms, or -1, of each slot,
// and may be nil. The others are chosen by the strategy. It returns the place of the
// worker of each slot, or false when there are too few.
func place(rooms []room, before []int, need int, s Strategy) ([]int, bool) {
	total := 0
	for _, r := range rooms {
		total += r.free
	}
	if total < need {
		return nil, false
	}
	taken := make([]int, len(rooms))
	slots := make([]int, need)
	var open []int
	for i := range slots {
		if i < len(before) && before[i] >= 0 {
			if w := before[i]; !rooms[w].shunned && taken[w] < rooms[w].free {
				slots[i] = w
				taken[w]++
				continue
			}
		}
		open = append(open, i)
	}
	chosen := make([]int, 0, len(open))
	more := make([]int, len(rooms))
	for range open {
		w := nextRoom(rooms, taken, s)
		taken[w]++
		more[w]++
		chosen = append(chosen, w)
	}
	if s == Spread { // neighbours stay together: slots of one worker are of successive tasks
		chosen = chosen[:0]
		for w, n := range more {
			for range n {
				chosen = append(chosen, w)
			}
		}
	}
	for k, i := range open {
		slots[i] = chosen[k]
	}
	return slots, true
}

// nextRoom is the worker of which the next slot is taken. One has a free slot.
func nextRoom(rooms []room, taken []int, s Strategy) int {
	best := -1
	for w, r := range rooms {
		if taken[w] == r.free {
			continue
		}
		switch {
		case best < 0:
		case r.shunned != rooms[best].shunned:
			if r.shunned {
				continue
			}
		case s == Fill || r.used+taken[w] >= rooms[best].used+taken[best]:
			continue
		}
		best = w
	}
	return best
}

// shunned is for how long a worker that could not be reached gets no tasks which
// have room elsewhere.
const shunned = 10 * time.Second

// shun notes that a worker could not reach another at its address for data.
func (c *Cluster) shun(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		if w.info.Data == address {
			w.shunned = c.o.Clock.Now().Add(shunned)
		}
	}
}

// rooms are the workers, in their order. The cluster is locked.
func (c *Cluster) rooms() []room {
	all, now := make([]room, len(c.workers)), c.o.Clock.Now()
	for i, w := range c.workers {
		all[i] = room{free: w.free(), used: w.used, shunned: now.Before(w.shunned)}
	}
	return all
}

// before says in which of the workers the tasks of t ran that have the key groups
// which each of these slots gets, if they read there what they had. The cluster is locked.
func (t *Tasks) before(slots []int) []int {
	if !t.Local || len(t.last) == 0 {
		return nil
	}
	all := make([]int, len(slots))
	for i, slot := range slots {
		all[i] = slices.Index(t.c.workers, t.last[slot*len(t.last)/len(t.slots)])
	}
	return all
}
