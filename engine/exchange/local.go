package exchange

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var (
	_ Overtaker = (*Local)(nil)
	_ Lender    = (*localChannel)(nil)
)

// DefaultBudget is how many bytes of batches one channel may hold.
const DefaultBudget = 2 << 20

// Local is a gate in memory: it passes pointers. Each channel has a budget in
// bytes; a sender that finds it used up waits until the receiver has taken
// enough. An empty channel accepts a batch of any size, so that none is stuck.
type Local struct {
	budget  atomic.Int64
	debloat *debloater // or nil
	resized func(budget int64)
	wake    chan struct{} // holds a token when the receiver should look again
	taken   func(channel int, bytes int64)
	timing
	here, elsewhere *Traffic // what was taken, by where it came from

	mu       sync.Mutex
	failed   error
	channels []localChannel
	turn     int // where the next round begins, so that no channel starves
	open     int // how many channels have not delivered EndOfInput
	over     overtaking
}

type localChannel struct {
	timing
	sent    *Traffic
	gate    *Local
	index   int
	queue   []queued
	bytes   atomic.Int64 // changed under the gate's lock
	blocked bool
	ended   bool          // EndOfInput was taken
	owes    bool          // a batch with marks was taken, and not the watermark behind it
	passed  stream.Epoch  // the newest whose barrier was taken or has overtaken
	capture *Capture      // what waits for the channel's barrier, or nil
	credit  chan struct{} // holds a token when the sender should look again
	lends   bool          // the sender may go beyond the budget, by as much again
	wake    chan<- struct{}
}

type queued struct {
	element stream.Element
	bytes   int64
	credit  int64 // what its sender elsewhere gets back when it is taken
}

// NewLocal returns a gate with n channels; budget 0 means DefaultBudget.
func NewLocal(n int, budget int64) *Local {
	if budget == 0 {
		budget = DefaultBudget
	}
	g := &Local{wake: make(chan struct{}, 1), channels: make([]localChannel, n), open: n}
	g.budget.Store(budget)
	for i := range g.channels {
		c := &g.channels[i]
		c.gate, c.index, c.credit = g, i, make(chan struct{}, 1)
	}
	return g
}

// Channel is the sending end of channel i. One goroutine sends on it.
func (g *Local) Channel(i int) Channel { return &g.channels[i] }

// OnTaken sets what is called, by the receiver, when it has taken an element
// that Deliver has brought with a size. It is set before anything is delivered.
func (g *Local) OnTaken(f func(channel int, bytes int64)) { g.taken = f }

// Deliver queues e, which takes so many bytes of its sender's credit, and does
// not wait: whoever calls it has seen to it that there is credit.
func (g *Local) Deliver(channel int, e stream.Element, bytes int64) {
	g.mu.Lock()
	g.channels[channel].enqueue(queued{element: e, credit: bytes})
	g.mu.Unlock()
	signal(g.wake)
}

// Fail makes Next return err: something that was to come will not.
func (g *Local) Fail(err error) {
	g.mu.Lock()
	if g.failed == nil {
		g.failed = err
	}
	g.mu.Unlock()
	signal(g.wake)
}

// Next returns the next element of a channel that is not blocked, taking the
// channels in turn.
func (g *Local) Next(ctx context.Context) (stream.Element, int, error) {
	for {
		q, ch, wait, err := g.take()
		if err != nil {
			return nil, 0, err
		}
		if q.element != nil {
			switch {
			case q.credit > 0:
				g.elsewhere.Count(q.credit)
				g.taken(ch, q.credit)
			case q.bytes > 0:
				g.here.Count(q.bytes)
			}
			if budget := g.budget.Load(); g.debloat != nil {
				if b := g.debloat.read(ch, q.bytes+q.credit, budget); b != budget {
					g.resize(b)
				}
			}
			return q.element, ch, nil
		}
		if g.open == 0 {
			return nil, 0, io.EOF
		}
		if err := g.pause(ctx, wait); err != nil {
			return nil, 0, err
		}
	}
}

// pauses are why nothing was taken.
type pauses struct {
	full bool          // there was no room for what it leads to
	due  time.Duration // until a barrier overtakes; 0 means that none does
}

// pause waits until there may be something to take.
func (g *Local) pause(ctx context.Context, why pauses) error {
	t := g.timing
	if why.full {
		t.wait = g.over.Blocked
	}
	var overtake <-chan time.Time
	if why.due > 0 {
		overtake = g.over.Clock.After(why.due)
	}
	t.begin()
	defer t.end()
	if g.debloat != nil && !why.full {
		defer g.debloat.waited(g.debloat.Clock.Now())
	}
	select {
	case <-g.wake:
	case <-overtake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// take takes an element out of its queue, or says what to wait for.
func (g *Local) take() (queued, int, pauses, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var why pauses
	if g.failed != nil {
		return queued{}, 0, why, g.failed
	}
	d, waits := g.due()
	owing := waits && d <= 0 && g.owing()
	switch {
	case waits && d > 0:
		why.due = d
	case waits && !owing:
		return queued{}, 0, why, ErrOvertake
	}
	if owing {
		if q, i := g.nextOf(true, true, &why); q.element != nil {
			return q, i, why, nil
		}
	}
	q, i := g.nextOf(false, g.over.room(), &why)
	return q, i, why, nil
}

// nextOf takes the next element of a channel, or of one that owes a watermark:
// what it owes comes first, but nothing waits for it, because its sender may wait
// for what is behind another channel.
func (g *Local) nextOf(owing, room bool, why *pauses) (queued, int) {
	for k := range g.channels {
		i := (g.turn + k) % len(g.channels)
		c := &g.channels[i]
		if c.blocked || len(c.queue) == 0 || owing && !c.owes {
			continue
		}
		if _, barrier := c.queue[0].element.(stream.Barrier); barrier && g.over.capture != nil {
			continue // one after the other
		} else if !barrier && !room {
			why.full = true
			continue
		}
		g.turn = i + 1
		return c.dequeue(), i
	}
	return queued{}, 0
}

// enqueue puts q into the queue, unless it is a barrier that has overtaken what
// is there.
func (c *localChannel) enqueue(q queued) {
	if c.captured(q.element) {
		return
	}
	if b, ok := q.element.(stream.Barrier); ok {
		c.gate.over.announce(b)
	}
	c.queue = append(c.queue, q)
	c.bytes.Add(q.bytes)
}

// told tells the sender to look again.
func (c *localChannel) told() {
	signal(c.credit)
	if c.wake != nil {
		signal(c.wake)
	}
}

func (c *localChannel) dequeue() queued {
	q := c.queue[0]
	c.queue[0] = queued{}
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = c.queue[:0:0]
	}
	c.bytes.Add(-q.bytes)
	c.told()
	switch e := q.element.(type) {
	case *stream.Batch:
		c.owes = c.owes || len(e.Marks) > 0
	case stream.Barrier:
		c.passed, c.owes = e.Epoch, false
	case stream.EndOfInput:
		c.ended, c.owes = true, false
		c.gate.open--
	case stream.Watermark, stream.Idle:
		c.owes = false
	case stream.Tick:
	}
	return q
}

// Block stops a channel.
func (g *Local) Block(channel int) { g.channels[channel].blocked = true }

// Unblock resumes a channel.
func (g *Local) Unblock(channel int) { g.channels[channel].blocked = false }

// Send queues e, waiting for credit when e is a batch.
func (c *localChannel) Send(ctx context.Context, e stream.Element) error {
	var size int64
	if b, ok := e.(*stream.Batch); ok {
		size = vector.RecordBytes(b.Rows)
	}
	for !c.offer(queued{element: e, bytes: size}) {
		c.begin()
		select {
		case <-c.credit:
		case <-ctx.Done():
			if b, ok := e.(*stream.Batch); ok {
				b.Release()
			}
			return context.Cause(ctx)
		}
		c.end()
	}
	if size > 0 {
		c.sent.Count(size)
	}
	signal(c.gate.wake)
	return nil
}

func (c *localChannel) offer(q queued) bool {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	limit := c.gate.budget.Load()
	if c.lends {
		limit *= 2
	}
	if held := c.bytes.Load(); q.bytes > 0 && held > 0 && held+q.bytes > limit {
		return false
	}
	c.enqueue(q)
	return true
}

// Lend implements Lender.
func (c *localChannel) Lend(wake chan<- struct{}) { c.lends, c.wake = true, wake }

// Room implements Lender.
func (c *localChannel) Room() bool { return c.bytes.Load() < c.gate.budget.Load() }

// Drain releases what is queued, after both ends have stopped.
func (g *Local) Drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.channels {
		for _, q := range g.channels[i].queue {
			if b, ok := q.element.(*stream.Batch); ok {
				b.Release()
			}
		}
		g.channels[i].queue = nil
		g.channels[i].bytes.Store(0)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
