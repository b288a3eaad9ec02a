package exchange_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// modulo divides numbers by what is left of them, and has no place for one of them.
type modulo struct{ epochs int }

var errNoPlace = errors.New("no place")

func (m *modulo) KeyGroups(dst []uint16, rows arrow.RecordBatch, groups int) ([]uint16, error) {
	dst = dst[:0]
	for _, v := range rows.Column(0).(*array.Int64).Int64Values() {
		if v < 0 {
			return dst, errNoPlace
		}
		dst = append(dst, uint16(int(v)%groups))
	}
	return dst, nil
}

func (m *modulo) EndEpoch() { m.epochs++ }

// TestDivide: rows go to the task that owns the key group which the sink's divider
// gives them; without one, whole batches go to the tasks in turn.
func TestDivide(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	const groups, tasks = 8, 2
	for _, divided := range []bool{true, false} {
		g := exchange.NewLocal(tasks, 0)
		r := exchange.NewRoute(job.Edge{Partitioning: job.Custom, How: "hash[v]"}, groups, []exchange.Channel{g.Channel(0), g.Channel(1)}, alloc)
		m := &modulo{}
		want := [][]int64{{8, 1, 2, 9}, {4, 15, 7}}
		if divided {
			r.Divide(m)
		} else {
			want = [][]int64{{9, 7}, {8, 4, 15, 1, 2}}
		}
		for _, values := range [][]int64{{8, 4, 15, 1, 2}, {9, 7}} {
			if err := r.Batch(ctx, batch(alloc, values...)); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range []stream.Element{stream.Watermark{}, stream.Barrier{Epoch: 1}} {
			if err := r.All(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		got := make([][]int64, tasks)
		for ended := 0; ended < tasks; {
			e, ch, err := g.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			switch e := e.(type) {
			case *stream.Batch:
				got[ch] = append(got[ch], values(e)...)
				e.Release()
			case stream.Barrier:
				ended++
			}
		}
		if !slices.EqualFunc(got, want, slices.Equal[[]int64]) {
			t.Errorf("divided %v: rows %v, want %v", divided, got, want)
		}
		if divided {
			if err := r.Batch(ctx, batch(alloc, -1)); !errors.Is(err, errNoPlace) {
				t.Errorf("a row that cannot be divided: %v", err)
			}
			if m.epochs != 1 {
				t.Errorf("the divider was told of %d epochs, want 1", m.epochs)
			}
		}
	}
}
