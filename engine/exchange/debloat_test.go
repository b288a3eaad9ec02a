package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
)

// TestDebloat: what a channel may hold follows the speed of the task behind it, down
// and up again, within its bounds.
func TestDebloat(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	clock := &stopped{at: time.UnixMilli(0)}
	g := exchange.NewLocal(2, 1<<20)
	told := int64(1 << 20)
	g.OnBudget(func(bytes int64) { told = bytes })
	g.Debloat(exchange.Debloat{Clock: clock, Target: time.Second, Period: 200 * time.Millisecond, Samples: 3, Threshold: 25})
	values := make([]int64, 1<<10) // 8 KiB
	read := func(batches int, each time.Duration, channels int) {
		t.Helper()
		for i := range batches {
			if err := g.Channel(i%channels).Send(ctx, batch(alloc, values...)); err != nil {
				t.Fatal(err)
			}
			e, _, err := g.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			e.(*stream.Batch).Release()
			clock.at = clock.at.Add(each)
		}
	}
	read(100, 50*time.Millisecond, 1) // 160 KiB/s
	if told < 130<<10 || told > 200<<10 {
		t.Fatalf("at 160 KiB/s a channel may hold %d KiB", told>>10)
	}
	read(100, 50*time.Millisecond, 2)
	if told < 65<<10 || told > 100<<10 {
		t.Fatalf("at 80 KiB/s each, two channels may hold %d KiB", told>>10)
	}
	read(20, 10*time.Second, 1)
	if told != 16<<10 {
		t.Fatalf("a task that hardly reads gets %d KiB on its way", told>>10)
	}
	held := 0
	for short, cancel := context.WithTimeout(ctx, 20*time.Millisecond); ; held++ {
		if err := g.Channel(0).Send(short, batch(alloc, values...)); err != nil {
			cancel()
			break
		}
	}
	if held != 2 {
		t.Fatalf("%d batches of 8 KiB are let into a channel of 16 KiB", held)
	}
	g.Drain()
	read(1000, time.Millisecond, 1)
	if told != 1<<20 {
		t.Fatalf("a fast task gets %d KiB on its way, want all", told>>10)
	}
}
