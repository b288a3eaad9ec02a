// Package task runs one parallel instance of a chain of vertices: the loop at
// the heart of the engine. Everything that a running job does happens in
// Task.Run or, at the head of the graph, in Source.Run: in one goroutine, in
// the order in which the elements arrive.
//
// Invariants:
//
//	T1  An operator sees no row of epoch e+1 before the state of epoch e is frozen;
//	    what it sees of epoch e only afterwards is part of the snapshot.
//	T2  A watermark is sent on after every row that it completes.
//	T3  Elements leave in the order in which the operators emit them.
//	T4  No row follows the last barrier: EndOfInput comes right behind it.
package task

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Config is what both kinds of task need.
type Config struct {
	Stages []Stage
	State  state.Backend
	Report Reporter
	Alloc  memory.Allocator
	// Watermark is the restored event time, or stream.Start.
	Watermark stream.Timestamp
	// Epoch is that of the checkpoint that was restored, or 0.
	Epoch stream.Epoch
	// InFlight reads what was on its way in it, for the caller to release; nil when
	// nothing was.
	InFlight func(ctx context.Context) ([]Flow, error)
	Clock    Clock
}

// Reporter speaks for a task.
type Reporter interface {
	// Running says that the task has its state.
	Running()
	// Sealed takes a sealed epoch off the task's hands: it uploads and acknowledges
	// beside the task. It owns frozen.
	Sealed(s Snapshot, frozen state.Frozen)
}

// Snapshot is what a task holds at the end of an epoch, besides its tables.
type Snapshot struct {
	Barrier      stream.Barrier
	Splits       []ops.Split
	Channels     []checkpoint.ChannelTime
	Committables map[string][]ops.Committable
	Watermark    stream.Timestamp
	Ended        bool
	// InFlight is what the barrier has overtaken, or nil; ChannelsBefore is the
	// event time of the gate's channels before it.
	InFlight       *exchange.Capture
	ChannelsBefore []checkpoint.ChannelTime
	How            rpc.Sealing
}

// Task is one parallel instance of a chain that has inputs.
type Task struct {
	config  Config
	in      exchange.Gate
	inputOf []int // channel → input of the first operator
	chain   *chain
	report  Reporter

	clock clock
	align alignment
	ended []bool // by input: the first operator knows that it has ended
}

// New returns a task that reads len(inputOf) channels; restored is the event
// time of each input, or empty at a fresh start.
func New(c Config, in exchange.Gate, inputOf []int, restored []checkpoint.ChannelTime) *Task {
	t := &Task{
		config: c, in: in, inputOf: inputOf, report: c.Report,
		chain: newChain(c.Stages, c.State, c.Alloc),
		clock: newClock(len(inputOf)),
		align: alignment{waiting: make([]bool, len(inputOf)), open: len(inputOf)},
	}
	for ch, input := range inputOf {
		for _, r := range restored {
			if r.Input == input {
				t.clock.of[ch], t.clock.quiet[ch] = r.Watermark, r.Idle
			}
		}
	}
	t.clock.now, t.chain.epoch = c.Watermark, c.Epoch
	t.chain.now = c.Watermark
	return t
}

// Run processes elements until every channel has ended, ctx is done, or, with
// exchange.ErrSealed, the epoch of a staged task is.
func (t *Task) Run(ctx context.Context) (err error) {
	defer closeChain(t.chain, &err)
	if err := t.chain.open(ctx); err != nil {
		return err
	}
	t.report.Running()
	for ch := range t.inputOf {
		if err := t.endInput(ctx, ch); err != nil {
			return err
		}
	}
	if flows, at, err := t.chain.replay(ctx, t.config); err != nil {
		return err
	} else if flows != nil {
		t.catchUp(flows, at)
	}
	for {
		element, ch, err := t.in.Next(ctx)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return t.chain.broadcast(ctx, stream.EndOfInput{}) // T4
		case errors.Is(err, exchange.ErrSealed):
			return err
		case errors.Is(err, exchange.ErrOvertake):
			if err := t.overtake(ctx); err != nil {
				return err
			}
			continue
		default:
			return fmt.Errorf("read input: %w", err)
		}
		switch e := element.(type) {
		case *stream.Batch:
			e.Marks = t.clock.judge(ch, e.Marks)
			if t.align.arrived > 0 {
				t.align.processed += vector.RecordBytes(e.Rows)
			}
			err = t.chain.links[0].process(ctx, t.inputOf[ch], e)
		case stream.Watermark:
			err = t.watermark(ctx, ch, e.Time)
		case stream.Idle:
			err = t.idle(ctx, ch)
		case stream.Barrier:
			t.in.Block(ch) // T1
			if t.align.arrived == 0 {
				t.align.began = t.config.Clock.Now()
			}
			if t.align.arrive(ch, e) {
				err = t.seal(ctx, t.align.barrier, nil)
			}
		case stream.Tick:
			t.chain.links[0].Stats.Latency.arrived(e, t.config.Clock)
			err = t.chain.tick(ctx, e)
		case stream.EndOfInput:
			err = t.end(ctx, ch)
		}
		if err != nil {
			return err
		}
	}
}

// watermark handles the watermark of a channel.
func (t *Task) watermark(ctx context.Context, ch int, at stream.Timestamp) error {
	moved := t.clock.observe(ch, at)
	if err := t.endInput(ctx, ch); err != nil {
		return err
	}
	if moved {
		return t.advance(ctx)
	}
	return nil
}

// endInput tells the first operator, once, that the input of a channel has ended:
// that all channels of it have.
func (t *Task) endInput(ctx context.Context, ch int) error {
	first, input := &t.chain.links[0], t.inputOf[ch]
	op, ok := first.Op.(ops.InputEnder)
	if !ok || t.clock.of[ch] != stream.End {
		return nil
	}
	for c, in := range t.inputOf {
		if in == input && t.clock.of[c] != stream.End {
			return nil
		}
	}
	for len(t.ended) <= input {
		t.ended = append(t.ended, false)
	}
	if t.ended[input] {
		return nil
	}
	t.ended[input] = true
	if err := op.EndInput(ctx, input, first); err != nil {
		return fmt.Errorf("end input %d of %s: %w", input, first.Info.UID, err)
	}
	return nil
}

func (t *Task) advance(ctx context.Context) error {
	return t.chain.advance(ctx, stream.Watermark{Time: t.clock.now}) // T2
}

// idle stops channel ch from holding back event time. A task none of whose
// channels has anything to say is itself idle.
func (t *Task) idle(ctx context.Context, ch int) error {
	if t.clock.idle(ch) {
		if err := t.advance(ctx); err != nil {
			return err
		}
	}
	if t.clock.allIdle() {
		return t.chain.broadcast(ctx, stream.Idle{})
	}
	return nil
}

// overtake ends the epoch of a barrier that is not to wait any longer for what is
// before it.
func (t *Task) overtake(ctx context.Context) error {
	gate, ok := t.in.(exchange.Overtaker)
	if !ok {
		panic("a barrier overtakes on a gate that does not let it")
	}
	b, captured := gate.Overtake()
	err := t.seal(ctx, b, captured)
	if err != nil {
		captured.Release()
	}
	return err
}

// seal ends the epoch of b: every channel has delivered b or has ended, or b has
// overtaken what was captured.
func (t *Task) seal(ctx context.Context, b stream.Barrier, captured *exchange.Capture) error {
	began := t.config.Clock.Now()
	how := t.align.how(b, began)
	frozen, err := t.chain.freeze(ctx, b.Epoch)
	if err != nil {
		return err
	}
	s := Snapshot{
		Barrier: b, Channels: t.channelTimes(), Committables: t.chain.committables(),
		Watermark: t.clock.now, Ended: t.clock.now == stream.End, InFlight: captured, How: how,
	}
	s.How.Unaligned = captured != nil
	if captured != nil {
		for ch, input := range t.inputOf {
			s.ChannelsBefore = append(s.ChannelsBefore, checkpoint.ChannelTime{Input: input, Watermark: t.clock.of[ch], Idle: t.clock.quiet[ch]})
		}
	}
	if err := t.chain.broadcast(ctx, b); err != nil {
		frozen.Release()
		return err
	}
	s.How.SyncMillis = t.config.Clock.Now().Sub(began).Milliseconds()
	t.report.Sealed(s, frozen)
	if gate, ok := t.in.(exchange.Overtaker); ok {
		gate.Passed(b.Epoch)
	}
	for _, ch := range t.align.reset() {
		t.in.Unblock(ch)
	}
	return nil
}

// channelTimes is the event time of each input: the least of its channels that
// are not idle.
func (t *Task) channelTimes() []checkpoint.ChannelTime {
	var times []checkpoint.ChannelTime
	for ch, input := range t.inputOf {
		for len(times) <= input {
			times = append(times, checkpoint.ChannelTime{Input: len(times), Watermark: stream.End, Idle: true})
		}
		if in := &times[input]; !t.clock.quiet[ch] {
			in.Watermark, in.Idle = min(in.Watermark, t.clock.of[ch]), false
		}
	}
	for i := range times {
		if times[i].Idle {
			times[i].Watermark = t.clock.now
		}
	}
	return times
}

// end handles the last element of a channel. A channel that has ended holds
// back neither event time nor a barrier.
func (t *Task) end(ctx context.Context, ch int) error {
	if err := t.watermark(ctx, ch, stream.End); err != nil {
		return err
	}
	if b, complete := t.align.end(ch); complete {
		return t.seal(ctx, b, nil)
	}
	return nil
}

// closeChain closes c and keeps the first error.
func closeChain(c *chain, err *error) {
	if cerr := c.close(); *err == nil {
		*err = cerr
	}
}

// End says for a task that had ended before the checkpoint that it has: its
// event time is at its end and no rows follow. Its operators are not opened.
func End(ctx context.Context, c Config) (err error) {
	ch := newChain(c.Stages, c.State, c.Alloc)
	defer func() {
		if cerr := c.State.Close(); err == nil {
			err = cerr
		}
	}()
	if err := ch.broadcast(ctx, stream.Watermark{Time: stream.End}); err != nil {
		return err
	}
	return ch.broadcast(ctx, stream.EndOfInput{})
}
