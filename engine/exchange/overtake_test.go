package exchange_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
)

// stopped is a clock that somebody moves.
type stopped struct {
	at    time.Time
	after chan time.Time
}

func (c *stopped) Now() time.Time                       { return c.at }
func (c *stopped) After(time.Duration) <-chan time.Time { return c.after }

func release(elements []stream.Element) (times []stream.Timestamp, rows []int64) {
	for _, e := range elements {
		switch e := e.(type) {
		case *stream.Batch:
			rows = append(rows, values(e)...)
			e.Release()
		case stream.Watermark:
			times = append(times, e.Time)
		case stream.Barrier, stream.EndOfInput, stream.Idle, stream.Tick:
		}
	}
	return times, rows
}

// TestOvertake: what is before a barrier that waits too long is captured, on each
// channel, and is read on afterwards; the barrier itself is not.
func TestOvertake(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	clock := &stopped{at: time.UnixMilli(1000), after: make(chan time.Time, 1)}
	g := exchange.NewLocal(4, 0)
	g.AllowOvertaking(exchange.Overtaking{Clock: clock, Ordered: make([]bool, 4)})
	send := func(ch int, elements ...stream.Element) {
		t.Helper()
		for _, e := range elements {
			if err := g.Channel(ch).Send(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	barrier := stream.Barrier{Epoch: 3, Overtake: 2000}
	send(0, batch(alloc, 1), stream.Watermark{Time: 7}, barrier, batch(alloc, 2))
	send(1, barrier)
	send(2, batch(alloc, 3))
	send(3, stream.EndOfInput{})
	read := func() (got []int64, barriers int) {
		t.Helper()
		for {
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			e, ch, err := g.Next(short)
			cancel()
			if err != nil {
				return got, barriers
			}
			switch e := e.(type) {
			case *stream.Batch:
				got = append(got, values(e)...)
				e.Release()
			case stream.Barrier:
				barriers++
				g.Block(ch)
			case stream.Watermark, stream.EndOfInput, stream.Idle, stream.Tick:
			}
		}
	}
	// The end of channel 3, and the barrier of channel 1 come in their turn.
	if e, ch, err := g.Next(ctx); ch != 0 || err != nil {
		t.Fatal(e, ch, err)
	} else if e, ok := e.(*stream.Batch); ok {
		e.Release()
	}
	if _, ch, err := g.Next(ctx); ch != 1 || err != nil {
		t.Fatal(ch, err)
	}
	g.Block(1)
	clock.at = time.UnixMilli(2000)
	if _, _, err := g.Next(ctx); !errors.Is(err, exchange.ErrOvertake) {
		t.Fatalf("error %v, want ErrOvertake", err)
	}
	b, c := g.Overtake()
	if b != barrier {
		t.Fatalf("barrier %v, want %v", b, barrier)
	}
	g.Passed(b.Epoch)
	g.Unblock(1)
	select {
	case <-c.Done():
		t.Fatal("complete without the barrier of channel 2")
	default:
	}
	// The next barrier waits for the capture.
	next := stream.Barrier{Epoch: 4, Overtake: 2000}
	send(0, next)
	if rows, barriers := read(); !slices.Equal(slices.Sorted(slices.Values(rows)), []int64{2, 3}) || barriers != 0 {
		t.Fatalf("rows %v and %d barriers, want 2, 3 and none", rows, barriers)
	}
	send(2, batch(alloc, 4), barrier, batch(alloc, 5))
	<-c.Done()
	channels, err := c.Elements()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int64{nil, nil, {3, 4}, nil}
	for ch, elements := range channels {
		times, rows := release(elements)
		if !slices.Equal(rows, want[ch]) || ch == 0 && !slices.Equal(times, []stream.Timestamp{7}) {
			t.Errorf("channel %d: captured %v and watermarks %v", ch, rows, times)
		}
	}
	if _, _, err := g.Next(ctx); !errors.Is(err, exchange.ErrOvertake) {
		t.Fatalf("error %v, want that the next barrier overtakes", err)
	}
	g.Drain()
}

// TestBarrierOnOrderedChannelWaits: rows of such a channel come before its barrier,
// and a barrier that may not overtake holds those behind it back.
func TestBarrierOnOrderedChannelWaits(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	g := exchange.NewLocal(2, 0)
	g.AllowOvertaking(exchange.Overtaking{Clock: &stopped{at: time.UnixMilli(9)}, Ordered: []bool{true, false}})
	last := stream.Barrier{Epoch: 1}
	over := stream.Barrier{Epoch: 1, Overtake: 1}
	_ = g.Channel(0).Send(ctx, batch(alloc, 1))
	_ = g.Channel(0).Send(ctx, last)
	_ = g.Channel(1).Send(ctx, batch(alloc, 2))
	_ = g.Channel(1).Send(ctx, batch(alloc, 3))
	_ = g.Channel(1).Send(ctx, over)
	for range 2 { // a row of each
		e, _, err := g.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		e.(*stream.Batch).Release()
	}
	if e, ch, err := g.Next(ctx); e != last || ch != 0 || err != nil {
		t.Fatal(e, ch, err)
	}
	g.Block(0)
	if _, _, err := g.Next(ctx); !errors.Is(err, exchange.ErrOvertake) {
		t.Fatalf("error %v, want ErrOvertake", err)
	}
	_, c := g.Overtake()
	channels, err := c.Elements()
	if err != nil {
		t.Fatal(err)
	}
	if _, rows := release(channels[1]); !slices.Equal(rows, []int64{3}) {
		t.Fatalf("captured %v", rows)
	}
	g.Drain()
}

// TestRoomBeforeBatch: a task whose output is full takes barriers and nothing else,
// and what is in hand goes beyond the credit.
func TestRoomBeforeBatch(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	out, in := exchange.NewLocal(1, 64), exchange.NewLocal(1, 0)
	to, _ := out.Channel(0).(exchange.Lender)
	in.AllowOvertaking(exchange.Overtaking{Clock: &stopped{at: time.UnixMilli(9)}, Ordered: []bool{false}, Outputs: []exchange.Lender{to}})
	for range 12 { // 8 bytes each
		if err := out.Channel(0).Send(ctx, batch(alloc, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if to.Room() {
		t.Fatal("there is room beyond the credit")
	}
	_ = in.Channel(0).Send(ctx, batch(alloc, 2))
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if e, _, err := in.Next(short); err == nil {
		t.Fatalf("%v was taken without room for what it leads to", e)
	}
	_ = in.Channel(0).Send(ctx, stream.Barrier{Epoch: 1, Overtake: 1})
	if _, _, err := in.Next(ctx); !errors.Is(err, exchange.ErrOvertake) {
		t.Fatalf("error %v, want ErrOvertake", err)
	}
	_, c := in.Overtake()
	in.Passed(1)
	c.Release()
	go func() {
		for range 8 {
			if e, _, err := out.Next(ctx); err == nil {
				e.(*stream.Batch).Release()
			}
		}
	}()
	e, _, err := in.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	e.(*stream.Batch).Release()
	out.Drain()
}

// TestOwedWatermarkComesFirst: a barrier does not stand between a batch with marks
// and the watermark behind it; a sender that does not send it yet stops nobody else.
func TestOwedWatermarkComesFirst(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	g := exchange.NewLocal(2, 0)
	g.AllowOvertaking(exchange.Overtaking{Clock: &stopped{at: time.UnixMilli(9)}, Ordered: make([]bool, 2)})
	marked := batch(alloc, 1)
	marked.Marks = []stream.Mark{{Row: 0, Time: 5}}
	_ = g.Channel(0).Send(ctx, marked)
	e, _, err := g.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	e.(*stream.Batch).Release()
	_ = g.Channel(1).Send(ctx, batch(alloc, 2))
	_ = g.Channel(1).Send(ctx, stream.Barrier{Epoch: 1, Overtake: 1})
	if e, ch, err := g.Next(ctx); ch != 1 || err != nil {
		t.Fatalf("channel %d, %v: want the row of the channel that owes nothing", ch, err)
	} else {
		e.(*stream.Batch).Release()
	}
	_ = g.Channel(0).Send(ctx, stream.Watermark{Time: 5})
	_ = g.Channel(0).Send(ctx, batch(alloc, 3))
	if e, _, err := g.Next(ctx); e != (stream.Watermark{Time: 5}) || err != nil {
		t.Fatalf("%v, %v: want what is owed", e, err)
	}
	if _, _, err := g.Next(ctx); !errors.Is(err, exchange.ErrOvertake) {
		t.Fatalf("error %v, want ErrOvertake", err)
	}
	_, c := g.Overtake()
	c.Release()
	g.Drain()
}
