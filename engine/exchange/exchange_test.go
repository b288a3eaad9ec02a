package exchange_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var numbers = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

func batch(alloc memory.Allocator, values ...int64) *stream.Batch {
	b := array.NewInt64Builder(alloc)
	defer b.Release()
	b.AppendValues(values, nil)
	col := b.NewArray()
	defer col.Release()
	return stream.NewBatch(array.NewRecordBatch(numbers, []arrow.Array{col}, int64(len(values))))
}

func values(b *stream.Batch) []int64 { return vector.Values[int64](b.Rows.Column(0)) }

// TestOrderAndEnd: elements of a channel come in order, whatever the budget,
// and the gate ends when every channel has.
func TestOrderAndEnd(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	const channels, each = 3, 200
	g := exchange.NewLocal(channels, 64) // a few batches at most
	ctx := context.Background()
	var senders sync.WaitGroup
	for ch := range channels {
		senders.Go(func() {
			for i := range int64(each) {
				if err := g.Channel(ch).Send(ctx, batch(alloc, i, i)); err != nil {
					t.Error(err)
				}
			}
			_ = g.Channel(ch).Send(ctx, stream.EndOfInput{})
		})
	}
	next := make([]int64, channels)
	for {
		e, ch, err := g.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := e.(*stream.Batch); ok {
			if got := values(b)[0]; got != next[ch] {
				t.Fatalf("channel %d: batch %d, want %d", ch, got, next[ch])
			}
			next[ch]++
			b.Release()
		}
	}
	senders.Wait()
	for ch, n := range next {
		if n != each {
			t.Errorf("channel %d: %d batches, want %d", ch, n, each)
		}
	}
}

func TestBlockedChannelWaits(t *testing.T) {
	ctx := context.Background()
	g := exchange.NewLocal(2, 0)
	for ch := range 2 {
		_ = g.Channel(ch).Send(ctx, stream.Watermark{Time: stream.Timestamp(ch)})
	}
	g.Block(0)
	if e, ch, _ := g.Next(ctx); ch != 1 {
		t.Fatalf("%v from channel %d, which is not the open one", e, ch)
	}
	g.Unblock(0)
	if e, ch, _ := g.Next(ctx); ch != 0 {
		t.Fatalf("%v from channel %d, want 0", e, ch)
	}
}

func TestSenderWithoutCreditStopsWithContext(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	g := exchange.NewLocal(1, 1)
	ctx, cancel := context.WithCancelCause(context.Background())
	if err := g.Channel(0).Send(ctx, batch(alloc, 1)); err != nil {
		t.Fatalf("an empty channel refused a batch: %v", err)
	}
	stop := errors.New("stop")
	cancel(stop)
	if err := g.Channel(0).Send(ctx, batch(alloc, 2)); !errors.Is(err, stop) {
		t.Fatalf("error %v, want the cause", err)
	}
	g.Drain()
}

// TestScatter: every row reaches exactly the task that owns its key group, in
// order, with its kind and the marks before it.
func TestScatter(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	const groups, tasks, rows = 128, 3, 1000
	g := exchange.NewLocal(tasks, 0)
	to := make([]exchange.Channel, tasks)
	for i := range to {
		to[i] = g.Channel(i)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	v := make([]int64, rows)
	kinds := make([]stream.RowKind, rows)
	for i := range v {
		v[i], kinds[i] = rnd.Int64N(500), stream.RowKind(rnd.IntN(4))
	}
	b := batch(alloc, v...)
	b.Kinds = kinds
	b.Marks = []stream.Mark{{Row: 400, Time: 7}, {Row: rows, Time: 9}}
	r := exchange.NewRoute(job.Edge{Partitioning: job.ByKey, Keys: []int{0}}, groups, to, alloc)
	if err := r.Batch(ctx, b); err != nil {
		t.Fatal(err)
	}
	got := make([][]int64, tasks)
	kept := make([][]stream.RowKind, tasks)
	for range tasks {
		e, ch, err := g.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p := e.(*stream.Batch)
		got[ch], kept[ch] = append(got[ch], values(p)...), p.Kinds
		if n := len(p.Marks); n != 2 || p.Marks[1] != (stream.Mark{Row: int32(p.Len()), Time: 9}) {
			t.Errorf("channel %d: marks %v", ch, p.Marks)
		}
		p.Release()
	}
	one := batch(alloc, v...)
	defer one.Release()
	owner := vector.KeyGroups(nil, vector.KeyHash(nil, one.Rows.Columns()), groups)
	at := make([]int, tasks)
	for i, value := range v {
		task := stream.TaskOf(groups, tasks, stream.KeyGroup(owner[i]))
		if !stream.RangeOf(groups, tasks, task).Contains(stream.KeyGroup(owner[i])) {
			t.Fatalf("group %d is not in the range of task %d", owner[i], task)
		}
		k := at[task]
		at[task]++
		if got[task][k] != value || kept[task][k] != kinds[i] {
			t.Fatalf("row %d of task %d: %d %v, want %d %v", k, task, got[task][k], kept[task][k], value, kinds[i])
		}
	}
}

func BenchmarkLocal(b *testing.B) {
	ctx := context.Background()
	g := exchange.NewLocal(1, 0)
	go func() {
		for range b.N {
			_ = g.Channel(0).Send(ctx, stream.Watermark{})
		}
		_ = g.Channel(0).Send(ctx, stream.EndOfInput{})
	}()
	for {
		if _, _, err := g.Next(ctx); err != nil {
			return
		}
	}
}
