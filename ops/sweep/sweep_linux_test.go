package sweep_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/ops/sweep"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/mem"
)

// cold makes the process one whose state does not fit memory.
func cold(t *testing.T) {
	pool := mem.Default()
	if err := pool.SetPaging(mem.Paging{Resident: 1, Eager: true, Sweep: 1 << 20, Dirs: []string{t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	r := pool.Reserve(0)
	r.Grow(2 << 20)
	if !pool.Cold() {
		t.Fatal("state is not cold")
	}
	t.Cleanup(func() {
		r.Free()
		if err := pool.SetPaging(mem.Paging{}); err != nil {
			t.Error(err)
		}
	})
}

var rows = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "v", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// made are n rows with keys below m, of which every fifth takes the one before
// back.
func made(alloc memory.Allocator, from, n, m int) *stream.Batch {
	rb := array.NewRecordBuilder(alloc, rows)
	defer rb.Release()
	kinds := make([]stream.RowKind, n)
	for i := range n {
		x := from + i
		if x%5 == 4 {
			kinds[i] = stream.Delete
			x--
		}
		rb.Field(0).(*array.Int64Builder).Append(int64(x * 7919 % m))
		rb.Field(1).(*array.Int64Builder).Append(int64(x % 100))
	}
	b := stream.NewBatch(rb.NewRecordBatch())
	b.Kinds = kinds
	return b
}

// tally adds the rows of a changelog up: what is left is what it says.
type tally map[string]int

func (t tally) add(b *stream.Batch) {
	for i := range b.Len() {
		by := 1
		if b.Kinds != nil && b.Kinds[i].Retracts() {
			by = -1
		}
		key := ""
		for _, c := range b.Rows.Columns() {
			key += c.ValueStr(i) + " "
		}
		if t[key] += by; t[key] == 0 {
			delete(t, key)
		}
	}
}

// TestSame compares what an operator says with what it says when it sees its rows
// in sweeps.
func TestSame(t *testing.T) {
	for name, c := range map[string]struct {
		kind   string
		build  ops.NewOperator
		config any
		inputs int
	}{
		"group": {group.Kind, group.New, group.Config{
			Keys: []int{0}, Aggs: []agg.Spec{{Func: "count", Filter: -1}, {Func: "sum", Args: []int{1}, Filter: -1}}, UpdateBefore: true, Changelog: true,
		}, 1},
		"final group": {group.Kind, group.New, group.Config{
			Keys: []int{0}, Aggs: []agg.Spec{{Func: "max", Args: []int{1}, Filter: -1}}, FinalOnly: true, Changelog: true,
		}, 1},
		"top": {rank.Kind, rank.New, rank.Config{
			Function: rank.RowNumber, Partition: []int{0}, Order: []rank.Key{{Column: 1, Desc: true}}, From: 1, To: 2, Changelog: true, UpdateBefore: true,
		}, 1},
		"join":       {join.Kind, join.New, join.Config{Type: join.Full, LeftKeys: []int{0}, RightKeys: []int{0}, LeftChanges: true, RightChanges: true}, 2},
		"final join": {join.Kind, join.New, join.Config{Type: join.Left, LeftKeys: []int{0}, RightKeys: []int{0}, LeftChanges: true, RightChanges: true, FinalOnly: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := json.Marshal(c.config)
			if err != nil {
				t.Fatal(err)
			}
			v, in := job.Vertex{Name: name, Kind: c.kind, Config: doc}, []*arrow.Schema{rows, rows}[:c.inputs]
			want := run(t, c.build, v, in)
			cold(t)
			got := run(t, sweep.Around(c.build), v, in)
			if fmt.Sprint(got) != fmt.Sprint(want) || len(got) == 0 {
				t.Errorf("in sweeps %d rows, or others, than the %d as they come", len(got), len(want))
			}
		})
	}
}

func run(t *testing.T, build ops.NewOperator, v job.Vertex, in []*arrow.Schema) tally {
	alloc := memory.NewCheckedAllocator(mem.Default())
	defer alloc.AssertSize(t, 0)
	op, err := build(v, in)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	task, err := opstest.NewTask(ctx, op, alloc)
	if err != nil {
		t.Fatal(err)
	}
	got := tally{}
	task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		defer b.Release()
		got.add(b)
		return nil
	}
	for i := range 60 {
		if err := task.Batch(ctx, i%len(in), made(alloc, i*1000, 1000, 5000)); err != nil {
			t.Fatal(err)
		}
		if i%25 == 24 {
			if err := task.Barrier(ctx, stream.Epoch(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(task.Advance(ctx, stream.End), task.Barrier(ctx, 100), task.Close()); err != nil {
		t.Fatal(err)
	}
	return got
}
