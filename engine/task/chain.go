package task

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Stage is one vertex of a chain, as a task runs it.
type Stage struct {
	// Op is nil for the source at the head of a chain.
	Op   ops.Operator
	Info ops.TaskInfo
	// Routes are the edges that leave the chain here, by port.
	Routes [ops.Ports][]*exchange.Route
	Stats  *Stats
	// Open opens the table of an ops.Loading.
	Open func(ctx context.Context, scan ops.Scan) (ops.Source, error)
}

// Stats counts what passes one vertex of a task. It is read while the task runs.
type Stats struct {
	RecordsIn, RecordsOut atomic.Int64
	Watermark             atomic.Int64
	// Idle is how long the task has waited for rows, Blocked for room in what it
	// sends to. They are counted at the first vertex of a chain.
	Idle, Blocked exchange.Wait
	// Here and Elsewhere are what the task has taken of senders in its process and
	// in others, Sent what it has sent; at the first vertex of a chain, too.
	Here, Elsewhere, Sent exchange.Traffic
	// Letters is how many rows have gone to the dead letters.
	Letters atomic.Int64
	// Pending is how many rows a source knows of that it has not read.
	Pending Pending
	// Latency is for how long rows were on their way to the task, Sealing how it
	// ended its last epoch; both at the first vertex.
	Latency Latency
	Sealing atomic.Pointer[rpc.Sealing]
	// Queue looks at what waits for the task, at the first vertex; nil at a source.
	Queue atomic.Pointer[func() rpc.Queue]
	// Spread is that of a source's splits; it is kept at the first vertex too.
	Spread Spread

	counters [16]counter
}

type counter struct {
	name string
	n    atomic.Int64
}

func (c *counter) Add(n int64) { c.n.Add(n) }

// Counter finds or makes the counter of this name. It is called by the task's
// goroutine only, when the operator opens.
func (s *Stats) Counter(name string) ops.Counter {
	for i := range s.counters {
		c := &s.counters[i]
		if c.name == "" {
			c.name = name
		}
		if c.name == name {
			return c
		}
	}
	panic(fmt.Sprintf("more than %d counters in one operator, at %s", len(s.counters), name))
}

// Counters yields the counters by name, after the operator has opened.
func (s *Stats) Counters(yield func(name string, n int64) bool) {
	for i := range s.counters {
		if c := &s.counters[i]; c.name != "" && !yield(c.name, c.n.Load()) {
			return
		}
	}
}

// chain is the vertices that one goroutine runs: what one emits, the next
// processes, by a call. What the last emits, and what no next one takes, leaves
// by routes.
//
//	        ┌ stage 0 ┐ Emit  ┌ stage 1 ┐ Emit
//	batch → │ Process │ ────→ │ Process │ ────→ routes (Main)
//	        └─────────┘       └────┬────┘
//	                               └ Late ────→ routes (Late), or counted and dropped
type chain struct {
	links []link
	state state.Backend
	alloc memory.Allocator
	now   stream.Timestamp
	// ticked is the latest tick that was passed on.
	ticked stream.Timestamp
	// epoch is the last that was ended.
	epoch stream.Epoch
}

// link is the output of one stage.
type link struct {
	Stage
	chain *chain
	next  *link // the stage that takes Main, or nil
	// delay is by how much the watermark behind the stage is behind that of the
	// task, in milliseconds.
	delay int64
	// table reads the table of an ops.Loading, or is nil.
	table *loader
	// reached is the event time that the operator was told.
	reached stream.Timestamp
}

func newChain(stages []Stage, s state.Backend, alloc memory.Allocator) *chain {
	c := &chain{links: make([]link, len(stages)), state: s, alloc: alloc, now: stream.Start, ticked: stream.Start}
	for i := range stages {
		c.links[i] = link{Stage: stages[i], chain: c, reached: stream.Start}
		if i+1 < len(stages) {
			c.links[i].next = &c.links[i+1]
		}
		if i > 0 {
			c.links[i].delay = c.links[i-1].delay
		}
		if d, ok := stages[i].Op.(ops.Delayer); ok {
			c.links[i].delay += d.Delay()
		}
	}
	return c
}

// delayed is a watermark of the task as it is behind stage i; with -1, before the
// first.
func (c *chain) delayed(wm stream.Timestamp, i int) stream.Timestamp {
	if i < 0 || wm == stream.End || wm < stream.Start+stream.Timestamp(c.links[i].delay) {
		return wm
	}
	return wm - stream.Timestamp(c.links[i].delay)
}

// open opens the operators, the last first, so that each finds the next ready.
func (c *chain) open(ctx context.Context) error {
	for i := len(c.links) - 1; i >= 0; i-- {
		if l := &c.links[i]; l.Op != nil {
			if err := l.Op.Open(ctx, &runtime{l}); err != nil {
				return fmt.Errorf("open %s: %w", l.Info.UID, err)
			}
			if err := l.load(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// load reads the table of an ops.Loading for the first time.
func (l *link) load(ctx context.Context) error {
	op, ok := l.Op.(ops.Loading)
	if !ok {
		return nil
	}
	scan, again := op.Loads()
	open := func(ctx context.Context) (ops.Source, error) { return l.Open(ctx, scan) }
	l.table = &loader{op: op, open: open, info: l.Info, again: again}
	return l.table.first(ctx)
}

// close closes every operator and returns the first error.
func (c *chain) close() (first error) {
	for i := range c.links {
		if l := &c.links[i]; l.Op != nil {
			if l.table != nil {
				l.table.close()
			}
			if err := l.Op.Close(); err != nil && first == nil {
				first = fmt.Errorf("close %s: %w", l.Info.UID, err)
			}
		}
	}
	if err := c.state.Close(); err != nil && first == nil {
		first = fmt.Errorf("close state: %w", err)
	}
	return first
}

func (l *link) process(ctx context.Context, input int, b *stream.Batch) error {
	l.Stats.RecordsIn.Add(int64(b.Len()))
	return l.Op.Process(ctx, input, b, l)
}

// Emit passes b on. It owns b.
func (l *link) Emit(ctx context.Context, p ops.Port, b *stream.Batch) error {
	if b.Len() == 0 {
		b.Release()
		return nil
	}
	if p == ops.Errors {
		l.Stats.Letters.Add(int64(b.Len()))
		if len(l.Routes[p]) > 0 {
			b = l.letters(b)
		}
	}
	if p == ops.Main {
		l.Stats.RecordsOut.Add(int64(b.Len()))
		if l.next != nil {
			return l.next.process(ctx, 0, b)
		}
	}
	routes := l.Routes[p]
	if len(routes) == 0 {
		b.Release()
		return nil
	}
	for _, r := range routes[1:] {
		if err := r.Batch(ctx, b.Share()); err != nil {
			b.Release()
			return err
		}
	}
	return routes[0].Batch(ctx, b)
}

// advance tells every operator, and then the world, that event time has moved.
func (c *chain) advance(ctx context.Context, wm stream.Watermark) error {
	return c.advanceFrom(ctx, 0, wm)
}

// advanceFrom is advance from stage first on; an operator that has been told more
// already is told nothing.
func (c *chain) advanceFrom(ctx context.Context, first int, wm stream.Watermark) error {
	c.now = max(c.now, wm.Time)
	for i := first; i < len(c.links); i++ {
		l := &c.links[i]
		at := c.delayed(wm.Time, i-1)
		if at <= l.reached {
			continue
		}
		l.reached = at
		l.Stats.Watermark.Store(int64(at))
		if l.Op == nil {
			continue
		}
		if err := l.Op.Advance(ctx, stream.Watermark{Time: at}, l); err != nil {
			return fmt.Errorf("advance %s to %v: %w", l.Info.UID, at, err)
		}
	}
	return c.broadcast(ctx, wm)
}

// tick passes processing time on, and to the operators that want it. Each
// channel brings the same ticks: but for the first one they are dropped, or
// tasks behind several others would multiply them.
func (c *chain) tick(ctx context.Context, now stream.Tick) error {
	if now.Now <= c.ticked {
		return nil
	}
	c.ticked = now.Now
	for i := range c.links {
		l := &c.links[i]
		if l.table != nil {
			if err := l.table.tick(ctx, now.Now); err != nil {
				return err
			}
		}
		if t, ok := l.Op.(ops.Ticker); ok {
			if err := t.Tick(ctx, now, l); err != nil {
				return fmt.Errorf("tick %s: %w", l.Info.UID, err)
			}
		}
	}
	return c.broadcast(ctx, now)
}

// freeze ends an epoch: operators empty themselves, then the state is fixed.
func (c *chain) freeze(ctx context.Context, e stream.Epoch) (state.Frozen, error) {
	for i := range c.links {
		if l := &c.links[i]; l.Op != nil {
			if err := l.Op.Flush(ctx, e, l); err != nil {
				return nil, fmt.Errorf("flush %s: %w", l.Info.UID, err)
			}
		}
	}
	c.epoch = e
	f, err := c.state.Freeze(e)
	if err != nil {
		return nil, fmt.Errorf("freeze epoch %d: %w", e, err)
	}
	return f, nil
}

// broadcast sends e, which is not a batch, along every route.
func (c *chain) broadcast(ctx context.Context, e stream.Element) error {
	wm, isTime := e.(stream.Watermark)
	for i := range c.links {
		if isTime {
			e = stream.Watermark{Time: c.delayed(wm.Time, i)}
		}
		for _, routes := range c.links[i].Routes {
			for _, r := range routes {
				if err := r.All(ctx, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// committables takes what the chain's sinks prepared in this epoch, by UID.
func (c *chain) committables() map[string][]ops.Committable {
	var m map[string][]ops.Committable
	for i := range c.links {
		if s, ok := c.links[i].Op.(*Sink); ok && len(s.prepared) > 0 {
			if m == nil {
				m = make(map[string][]ops.Committable)
			}
			m[c.links[i].Info.UID] = s.prepared
			s.prepared = nil
		}
	}
	return m
}

// runtime is what a stage's operator sees of the engine.
type runtime struct{ *link }

var _ ops.Runtime = (*runtime)(nil)

func (r *runtime) Task() ops.TaskInfo              { return r.Info }
func (r *runtime) Durable() bool                   { return r.chain.state.Durable() }
func (r *runtime) Watermark() stream.Timestamp     { return r.chain.delayed(r.chain.now, r.before()) }
func (r *runtime) Allocator() memory.Allocator     { return r.chain.alloc }
func (r *runtime) Counter(name string) ops.Counter { return r.Stats.Counter(name) }

// before is the number of the stage before this one, or -1.
func (r *runtime) before() int {
	for i := range r.chain.links {
		if &r.chain.links[i] == r.link {
			return i - 1
		}
	}
	return -1
}

func (r *runtime) Table(spec ops.TableSpec) (ops.Table, error) {
	return r.chain.state.Table(r.Info.UID, spec)
}
