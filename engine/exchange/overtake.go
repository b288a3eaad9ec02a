package exchange

import (
	"errors"
	"time"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// A barrier that waits behind rows for too long overtakes them:
//
//	channel 0    rows  rows  B     rows        before B: captured, and read on
//	channel 1    B     (blocked)               nothing: B came in its turn
//	channel 2    rows  rows  …                 captured until B comes, which is then dropped
//
// The task ends its epoch and sends B on, at once. What was before B on its way
// is part of the epoch's snapshot, and is read after it as if it had come later.

// ErrOvertake says that a barrier waits too long: the task calls Overtake.
var ErrOvertake = errors.New("a barrier overtakes")

// Overtaker is a gate on which barriers can overtake rows.
type Overtaker interface {
	Gate
	// AllowOvertaking is called before the first element. From then on Next returns
	// ErrOvertake when it is time; and, unless a barrier is next, it waits for room
	// in all of the task's outputs, so that the task is not in the middle of a batch
	// when that time comes.
	AllowOvertaking(o Overtaking)
	// Overtake gives the barrier, and what it overtakes.
	Overtake() (stream.Barrier, *Capture)
	// Passed says that the task has sent on the barrier of an epoch.
	Passed(e stream.Epoch)
}

// Clock is a wall clock.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Overtaking says how barriers overtake on a gate.
type Overtaking struct {
	Clock Clock
	// Ordered are the channels on which they do not: the others wait for them.
	Ordered []bool
	// Outputs are the channels that the task sends on. Blocked adds up how long it
	// waits for room in them, if it is not nil.
	Outputs []Lender
	Blocked *Wait
}

// Lender is a channel that takes a batch without credit, within a limit, so that
// its sender waits for credit before a batch and not within one.
type Lender interface {
	// Lend is called before the first element. wake gets a token when there may be
	// room again.
	Lend(wake chan<- struct{})
	// Room reports whether there is credit.
	Room() bool
}

// captureLimit is how many bytes a barrier may overtake at a task, at least;
// more than that when the task has many channels.
const captureLimit = 64 << 20

// ErrTooMuch says that a barrier has overtaken more than a snapshot may hold.
var ErrTooMuch = errors.New("too much is on its way")

// Capture is what a barrier has overtaken at one task. It is complete when the
// barrier has come on every channel.
type Capture struct {
	gate     *Local
	epoch    stream.Epoch
	done     chan struct{}
	channels [][]stream.Element // by channel
	open     int                // channels without the barrier
	bytes    int64
	limit    int64
	dropped  bool
}

// Done is closed when the capture is complete.
func (c *Capture) Done() <-chan struct{} { return c.done }

// Elements is what was on its way, by channel: batches, watermarks and idleness.
// It is called once, when the capture is complete; the caller releases it.
func (c *Capture) Elements() ([][]stream.Element, error) {
	if c.bytes > c.limit {
		return nil, ErrTooMuch
	}
	return c.channels, nil
}

// Release gives up a capture, complete or not.
func (c *Capture) Release() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.drop()
}

func (c *Capture) drop() {
	for _, elements := range c.channels {
		for _, e := range elements {
			if b, ok := e.(*stream.Batch); ok {
				b.Release()
			}
		}
	}
	c.channels, c.dropped = nil, true
}

// add takes what has come on a channel, and reports whether it is the last there.
func (c *Capture) add(channel int, e stream.Element) (last bool) {
	switch e := e.(type) {
	case *stream.Batch:
		if c.dropped {
			return false
		}
		if c.bytes += vector.RecordBytes(e.Rows); c.bytes > c.limit {
			c.drop()
			return false
		}
		c.channels[channel] = append(c.channels[channel], e.Share())
	case stream.Watermark, stream.Idle:
		if !c.dropped {
			c.channels[channel] = append(c.channels[channel], e)
		}
	case stream.Barrier, stream.EndOfInput:
		return true
	case stream.Tick: // the time after a restart is another
	}
	return false
}

// overtaking is the part of a gate that lets barriers overtake.
type overtaking struct {
	Overtaking
	// expected are the barriers that have come on some channel and are not passed
	// on, in the order of their epochs.
	expected []stream.Barrier
	capture  *Capture // not complete, or nil
}

// AllowOvertaking implements Overtaker.
func (g *Local) AllowOvertaking(o Overtaking) {
	g.over.Overtaking = o
	for _, out := range o.Outputs {
		out.Lend(g.wake)
	}
}

// announce notes a barrier that has come.
func (o *overtaking) announce(b stream.Barrier) {
	if o.Clock == nil {
		return
	}
	if n := len(o.expected); n == 0 || o.expected[n-1].Epoch < b.Epoch {
		o.expected = append(o.expected, b)
		return
	}
	for i := range o.expected {
		if o.expected[i].Epoch == b.Epoch {
			o.expected[i].Overtake = max(o.expected[i].Overtake, b.Overtake)
		}
	}
}

// due is how long it is until a barrier overtakes; false means that none will as
// things are.
func (g *Local) due() (time.Duration, bool) {
	o := &g.over
	if len(o.expected) == 0 || o.capture != nil || o.expected[0].Overtake == 0 {
		return 0, false
	}
	for i := range g.channels {
		if c := &g.channels[i]; o.Ordered[i] && !c.ended && c.passed < o.expected[0].Epoch {
			return 0, false
		}
	}
	return time.UnixMilli(int64(o.expected[0].Overtake)).Sub(o.Clock.Now()), true
}

// owing reports whether operators may know, by the marks of a batch, of event time
// that the task does not: the watermark behind it is to come first.
func (g *Local) owing() bool {
	for i := range g.channels {
		if g.channels[i].owes {
			return true
		}
	}
	return false
}

// room reports whether the task may take a batch.
func (o *overtaking) room() bool {
	for _, out := range o.Outputs {
		if !out.Room() {
			return false
		}
	}
	return true
}

// Overtake implements Overtaker.
func (g *Local) Overtake() (stream.Barrier, *Capture) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.over.expected[0]
	n := len(g.channels)
	c := &Capture{
		gate: g, epoch: b.Epoch, done: make(chan struct{}), channels: make([][]stream.Element, n),
		limit: max(captureLimit, 4*g.budget.Load()*int64(n)),
	}
	for i := range g.channels {
		ch := &g.channels[i]
		if ch.ended || ch.passed >= b.Epoch {
			continue
		}
		if !ch.overtake(c) {
			ch.capture = c
			c.open++
		}
	}
	if c.open == 0 {
		close(c.done)
	} else {
		g.over.capture = c
	}
	return b, c
}

// overtake captures what is before the barrier in the channel's queue, and takes
// the barrier out of it. It reports whether there was one.
func (c *localChannel) overtake(into *Capture) bool {
	for k, q := range c.queue {
		if !into.add(c.index, q.element) {
			continue
		}
		if _, barrier := q.element.(stream.Barrier); barrier {
			c.passed = into.epoch
			c.queue = append(c.queue[:k:k], c.queue[k+1:]...)
		}
		return true
	}
	return false
}

// captured gives e to a capture that waits for the channel. It reports whether e
// was the barrier, which is not queued.
func (c *localChannel) captured(e stream.Element) bool {
	into := c.capture
	if into == nil || !into.add(c.index, e) {
		return false
	}
	c.capture = nil
	if into.open--; into.open == 0 {
		c.gate.over.capture = nil
		close(into.done)
	}
	_, barrier := e.(stream.Barrier)
	if barrier {
		c.passed = into.epoch
	}
	return barrier
}

// Passed implements Overtaker.
func (g *Local) Passed(e stream.Epoch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := &g.over
	for len(o.expected) > 0 && o.expected[0].Epoch <= e {
		o.expected = o.expected[1:]
	}
}
