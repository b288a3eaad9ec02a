package exchange

import "time"

// Debloat makes what may be on its way to a task follow how fast it reads: as many
// bytes as it reads in Target, shared by the channels that bring some. A slow task
// then has few rows before a barrier, and a fast one as many as before.
type Debloat struct {
	Clock  Clock
	Target time.Duration
	// Period is how often the budget of channels is looked at, and Samples of how
	// many periods the speed is the (exponential) average.
	Period  time.Duration
	Samples int
	// Threshold is by how many percent it must be wrong to be changed.
	Threshold int64
}

// leastBudget is how little a debloated channel may hold; one batch is always let in.
const leastBudget = 16 << 10

// debloater is the state of it; its gate's receiver owns it.
type debloater struct {
	Debloat
	most int64 // the budget without it

	from   time.Time // of the period
	idle   time.Duration
	bytes  int64
	active []bool // channels that have brought something in the period
	speed  float64
}

// Debloat begins to adapt the budget of the channels, before the first element.
func (g *Local) Debloat(d Debloat) {
	g.debloat = &debloater{Debloat: d, most: g.budget.Load(), from: d.Clock.Now(), active: make([]bool, len(g.channels))}
}

// OnBudget sets what is told, by the receiver, when the budget of the channels has
// changed.
func (g *Local) OnBudget(f func(bytes int64)) { g.resized = f }

// waited counts the time in which the receiver had nothing to read.
func (d *debloater) waited(since time.Time) { d.idle += d.Clock.Now().Sub(since) }

// read counts what was taken, and returns the budget that is right from now on.
func (d *debloater) read(channel int, bytes, budget int64) int64 {
	if bytes == 0 {
		return budget
	}
	d.bytes += bytes
	d.active[channel] = true
	now := d.Clock.Now()
	elapsed := now.Sub(d.from)
	if elapsed < d.Period {
		return budget
	}
	var channels int64
	for i, a := range d.active {
		if a {
			channels++
			d.active[i] = false
		}
	}
	sample := float64(d.bytes) / max(elapsed-d.idle, time.Microsecond).Seconds()
	weight := 2 / float64(d.Samples+1)
	if d.speed == 0 {
		weight = 1
	}
	d.speed += weight * (sample - d.speed)
	d.from, d.idle, d.bytes = now, 0, 0
	want := min(int64(d.speed*d.Target.Seconds())/channels, d.most)
	least := min(leastBudget, d.most)
	want = max(want, least)
	if off := want - budget; max(off, -off)*100 < d.Threshold*budget && want != d.most && want != least {
		return budget
	}
	return want
}

// resize gives the channels another budget.
func (g *Local) resize(budget int64) {
	was := g.budget.Swap(budget)
	if g.resized != nil {
		g.resized(budget)
	}
	if budget < was {
		return
	}
	for i := range g.channels {
		g.channels[i].told()
	}
}
