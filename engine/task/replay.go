package task

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/stream"
)

// Flow is what was on its way to a stage of the chain, on one channel, when the
// checkpoint that is restored was taken.
type Flow struct {
	Stage, Input int
	// Watermark and Idle are the event time of the channel before it, Reached is
	// that of the task that it was on its way to.
	Watermark stream.Timestamp
	Idle      bool
	Reached   stream.Timestamp
	Elements  []stream.Element
}

// Release gives up what the flows still hold.
func Release(flows []Flow) {
	for _, f := range flows {
		for _, e := range f.Elements {
			if b, ok := e.(*stream.Batch); ok {
				b.Release()
			}
		}
	}
}

// replay takes in what was on its way, before anything is read. What is deeper in
// the chain was sent earlier, and comes first. It returns the event time of the
// inputs of the first stage behind it, or nothing when none was on its way to it.
func (c *chain) replay(ctx context.Context, cfg Config) ([]Flow, clock, error) {
	if cfg.InFlight == nil {
		return nil, clock{}, nil
	}
	flows, err := cfg.InFlight(ctx)
	defer func() { Release(flows) }()
	if err != nil {
		return nil, clock{}, fmt.Errorf("read what was on its way: %w", err)
	}
	if err := c.tick(ctx, stream.Tick{Now: stream.Timestamp(cfg.Clock.Now().UnixMilli())}); err != nil {
		return nil, clock{}, err
	}
	for i := len(c.links) - 1; i >= 0; i-- {
		var here []Flow
		for k := range flows {
			if flows[k].Stage == i {
				here = append(here, flows[k])
				flows[k].Elements = nil
			}
		}
		if len(here) == 0 {
			continue
		}
		at, err := c.replayAt(ctx, i, here)
		Release(here)
		if err != nil || i == 0 {
			return here, at, err
		}
	}
	return nil, clock{}, nil
}

// replayAt takes in flows to one stage, in turn, by a clock of their own: the
// channels that are read afterwards do not hold back their event time.
func (c *chain) replayAt(ctx context.Context, stage int, flows []Flow) (clock, error) {
	at := newClock(len(flows))
	at.now = flows[0].Reached
	for i, f := range flows {
		at.of[i], at.quiet[i] = f.Watermark, f.Idle
	}
	for left := true; left; {
		left = false
		for i := range flows {
			f := &flows[i]
			if len(f.Elements) == 0 {
				continue
			}
			e := f.Elements[0]
			f.Elements, left = f.Elements[1:], true
			if err := c.replayed(ctx, stage, f.Input, &at, i, e); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

func (c *chain) replayed(ctx context.Context, stage, input int, at *clock, i int, e stream.Element) error {
	moved := false
	switch e := e.(type) {
	case *stream.Batch:
		e.Marks = at.judge(i, e.Marks)
		return c.links[stage].process(ctx, input, e)
	case stream.Watermark:
		moved = at.observe(i, e.Time)
	case stream.Idle:
		moved = at.idle(i)
	case stream.Barrier, stream.Tick, stream.EndOfInput:
		return fmt.Errorf("%T was on its way, which belongs to no snapshot", e)
	}
	if !moved || at.now == stream.End { // the end is not on its way: it is said again
		return nil
	}
	return c.advanceFrom(ctx, stage, stream.Watermark{Time: at.now})
}

// catchUp gives the channels the event time behind what was on its way.
func (t *Task) catchUp(flows []Flow, at clock) {
	for ch, input := range t.inputOf {
		low, heard, some := stream.End, false, false
		for i, f := range flows {
			if f.Input != input {
				continue
			}
			some = true
			if !at.quiet[i] {
				low, heard = min(low, at.of[i]), true
			}
		}
		if heard && low != stream.End {
			t.clock.of[ch] = max(t.clock.of[ch], low)
		}
		if some {
			t.clock.quiet[ch] = !heard
		}
	}
	if at.now != stream.End {
		t.clock.now = max(t.clock.now, at.now)
	}
}
