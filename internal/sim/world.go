package sim

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// world schedules coroutines. Code under test is ordinary blocking Go; whatever
// would block parks instead.
type world struct {
	rnd  *rand.Rand
	now  time.Time
	live []*coroutine
	cur  *coroutine

	steps  int
	limit  int   // of the steps: far more than any run needs
	broken error // the first violation
}

// coroutine is a goroutine that runs only when the world says so. It belongs to
// a process, with which it dies.
type coroutine struct {
	of    *process
	next  func() (parked, bool)
	stop  func()
	yield func(parked) bool
	parked
	slow int // larger is scheduled more rarely: uneven speeds find more than fair ones
}

// parked is what a coroutine waits for: ready (nil is always), or a time (zero
// is never).
type parked struct {
	ready func() bool
	until time.Time
}

// process is a unit of failure.
type process struct {
	name string
	dead bool
	// asleep until: a process that the operating system has stopped for a while.
	asleep time.Time
	// in is what it is a part of, and shares the fate of; or nil.
	in *process
}

// gone reports whether it is dead.
func (p *process) gone() bool { return p.dead || p.in != nil && p.in.gone() }

// wakes is until when it is asleep.
func (p *process) wakes() time.Time {
	if p.in != nil && p.in.wakes().After(p.asleep) {
		return p.in.wakes()
	}
	return p.asleep
}

// killed unwinds the coroutines of a world that has ended.
type killed struct{}

func newWorld(seed uint64) *world {
	return &world{rnd: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1_700_000_000_000), limit: 60_000}
}

// spawn starts a coroutine in a process.
func (w *world) spawn(of *process, body func()) {
	c := &coroutine{of: of, slow: 1 << w.rnd.IntN(5)}
	c.next, c.stop = iter.Pull(func(yield func(parked) bool) {
		c.yield = yield
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(killed); !ok {
					w.violate("%s panics: %v", of.name, p)
				}
			}
		}()
		body()
	})
	w.live = append(w.live, c)
}

// park hands control to others until ready reports true (nil: at once), or,
// with a time, until then.
func (w *world) park(ready func() bool, until time.Time) {
	if !w.cur.yield(parked{ready, until}) {
		panic(killed{})
	}
}

// parkFor parks until ready reports true, however long that takes.
func (w *world) parkFor(ready func() bool) { w.park(ready, time.Time{}) }

// pause lets others run.
func (w *world) pause() { w.park(nil, time.Time{}) }

func (w *world) sleep(d time.Duration) {
	at := w.now.Add(d)
	w.park(func() bool { return !w.now.Before(at) }, at)
}

// chance is true with probability 1/n.
func (w *world) chance(n int) bool { return w.rnd.IntN(n) == 0 }

func (w *world) violate(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
	}
}

// runnable reports whether c may be scheduled now.
func (w *world) runnable(c *coroutine) bool {
	return !c.of.gone() && !w.now.Before(c.of.wakes()) && (c.ready == nil || c.ready())
}

// run schedules until over reports true, something is violated, or nothing can
// run any more.
func (w *world) run(over func() bool) {
	defer w.end()
	can := make([]int, 0, 64)
	for !over() && w.broken == nil {
		can = can[:0]
		w.bury()
		for i, c := range w.live {
			if w.runnable(c) {
				can = append(can, i)
			}
		}
		if w.steps++; w.steps > w.limit {
			w.violate("the job does not end")
			return
		}
		if len(can) == 0 {
			if !w.tick(0) {
				w.violate("deadlock")
				return
			}
			continue
		}
		if w.chance(200) {
			w.tick(time.Duration(w.rnd.IntN(200)) * time.Millisecond) // everybody is slow
		}
		w.resume(w.pick(can))
	}
}

// bury unwinds the coroutines of processes that have died.
func (w *world) bury() {
	for i := 0; i < len(w.live); i++ {
		if c := w.live[i]; c.of.gone() {
			w.live = append(w.live[:i], w.live[i+1:]...)
			w.cur = c
			c.stop()
			i--
		}
	}
}

// tick moves the clock to the next time that somebody waits for, unless that is
// further away than a limit; 0 is none.
func (w *world) tick(limit time.Duration) bool {
	var next time.Time
	for _, c := range w.live {
		if c.of.gone() {
			continue
		}
		at, wakes := c.until, c.of.wakes()
		if !at.IsZero() && at.Before(wakes) || (at.IsZero() && w.now.Before(wakes)) {
			at = wakes
		}
		if at.After(w.now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if next.IsZero() || (limit > 0 && next.Sub(w.now) > limit) {
		return false
	}
	w.now = next
	return true
}

// pick chooses among the runnable coroutines, the slow ones rarely.
func (w *world) pick(can []int) int {
	for {
		i := can[w.rnd.IntN(len(can))]
		if w.rnd.IntN(w.live[i].slow) == 0 {
			return i
		}
	}
}

func (w *world) resume(i int) {
	w.cur = w.live[i]
	p, ok := w.cur.next()
	w.cur.parked = p
	if !ok {
		for j, c := range w.live {
			if c == w.cur {
				w.live = append(w.live[:j], w.live[j+1:]...)
				break
			}
		}
	}
}

// end unwinds what is left.
func (w *world) end() {
	for len(w.live) > 0 {
		c := w.live[0]
		w.live = w.live[1:]
		w.cur = c
		c.stop()
	}
}
