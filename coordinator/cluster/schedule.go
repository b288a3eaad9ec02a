package cluster

import (
	"slices"
	"time"
)

// Jobs that need slots wait for them, each for all of its own. They are looked at
// in the order in which they have come, and one that fits passes those that do
// not: their slots would be of no use to them now. But a job that is always
// passed would never start: one that has waited for half of its time is not
// passed any more, if the workers that there are could hold it. What becomes
// free then is kept for it.

// patience is how long a job lets others pass.
func (o Options) patience() time.Duration { return o.SlotTimeout / 2 }

// schedule places the jobs that wait, while there are slots. The cluster is locked.
func (c *Cluster) schedule() {
	var still []*Tasks
	for i, t := range c.waiting {
		if c.assign(t) {
			t.deploy()
			continue
		}
		still = append(still, t)
		if _, slots := c.slots(); len(t.missing()) <= slots && c.o.Clock.Now().Sub(t.since) >= c.o.patience() {
			still = append(still, c.waiting[i+1:]...)
			break
		}
	}
	c.waiting = still
}

// assign gives t the slots that it waits for, if there are enough. The cluster is locked.
func (c *Cluster) assign(t *Tasks) bool {
	missing := t.missing()
	slots, ok := place(c.rooms(), t.before(missing), len(missing), c.o.Strategy)
	if !ok {
		return false
	}
	for i, k := range slots {
		w := c.workers[k]
		t.slots[missing[i]] = w
		w.used++
		if !slices.Contains(w.jobs, t) {
			w.jobs = append(w.jobs, t)
		}
	}
	return true
}

// slots is how many slots are free, and how many there are. The cluster is locked.
func (c *Cluster) slots() (free, all int) {
	for _, w := range c.workers {
		free, all = free+w.free(), all+w.info.Slots
	}
	return free, all
}

// free is how many slots of the worker can be given away: none while it is away. The
// cluster is locked.
func (w *Member) free() int {
	if w.on(nil) {
		return 0
	}
	return w.info.Slots - w.used
}

// request asks for slots for t, unless it has them. The cluster is locked.
func (c *Cluster) request(t *Tasks) {
	switch {
	case len(t.missing()) == 0:
		t.deploy()
		return
	case !slices.Contains(c.waiting, t):
		t.since = c.o.Clock.Now()
		c.waiting = append(c.waiting, t)
	}
	c.schedule()
}

// unwait takes t out of the queue: it needs no slot any more. The cluster is locked.
func (c *Cluster) unwait(t *Tasks) {
	c.waiting = slices.DeleteFunc(c.waiting, func(o *Tasks) bool { return o == t })
	c.schedule()
}

// release gives back the slots of t, or its place in the queue. The cluster is
// locked.
func (c *Cluster) release(t *Tasks) {
	c.waiting = slices.DeleteFunc(c.waiting, func(o *Tasks) bool { return o == t })
	for _, w := range t.slots {
		if w != nil {
			w.used--
		}
	}
	for _, w := range c.workers {
		w.jobs = slices.DeleteFunc(w.jobs, func(o *Tasks) bool { return o == t })
	}
	if t.slots != nil {
		t.last, t.slots = t.slots, nil
	}
	c.schedule()
}
