package exchange

import (
	"context"
	"io"
	"sync"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var _ Gate = (*Local)(nil)

// DefaultBudget is how many bytes of batches one channel may hold.
const DefaultBudget = 2 << 20

// Local is a gate in memory: it passes pointers. Each channel has a budget in
// bytes; a sender that finds it used up waits until the receiver has taken
// enough. An empty channel accepts a batch of any size, so that none is stuck.
type Local struct {
	budget int64
	wake   chan struct{} // holds a token when the receiver should look again
	taken  func(channel int, bytes int64)
	timing
	here, elsewhere *Traffic // what was taken, by where it came from

	mu       sync.Mutex
	failed   error
	channels []localChannel
	turn     int // where the next round begins, so that no channel starves
	open     int // how many channels have not delivered EndOfInput
}

type localChannel struct {
	timing
	sent    *Traffic
	gate    *Local
	index   int
	queue   []queued
	bytes   int64
	blocked bool
	credit  chan struct{} // holds a token when the sender should look again
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
	g := &Local{budget: budget, wake: make(chan struct{}, 1), channels: make([]localChannel, n), open: n}
	for i := range g.channels {
		g.channels[i] = localChannel{gate: g, index: i, credit: make(chan struct{}, 1)}
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
	c := &g.channels[channel]
	c.queue = append(c.queue, queued{element: e, credit: bytes})
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
		q, ch, err := g.take()
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
			return q.element, ch, nil
		}
		if g.open == 0 {
			return nil, 0, io.EOF
		}
		g.begin()
		select {
		case <-g.wake:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
		g.end()
	}
}

func (g *Local) take() (queued, int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return queued{}, 0, g.failed
	}
	for k := range g.channels {
		i := (g.turn + k) % len(g.channels)
		c := &g.channels[i]
		if c.blocked || len(c.queue) == 0 {
			continue
		}
		q := c.queue[0]
		c.queue[0] = queued{}
		if c.queue = c.queue[1:]; len(c.queue) == 0 {
			c.queue = c.queue[:0:0]
		}
		c.bytes -= q.bytes
		signal(c.credit)
		if _, end := q.element.(stream.EndOfInput); end {
			g.open--
		}
		g.turn = i + 1
		return q, i, nil
	}
	return queued{}, 0, nil
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
	if q.bytes > 0 && c.bytes > 0 && c.bytes+q.bytes > c.gate.budget {
		return false
	}
	c.queue = append(c.queue, q)
	c.bytes += q.bytes
	return true
}

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
		g.channels[i].queue, g.channels[i].bytes = nil, 0
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
