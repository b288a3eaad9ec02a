package sort_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

type pair struct {
	a int64
	s string
	n int64 // number of the row
}

// TestSpill sorts rows of which few fit memory, by numbers and by texts, with
// many that are equal, with checkpoints between, and a limit or none.
func TestSpill(t *testing.T) {
	if err := mem.Default().SetPaging(mem.Paging{Resident: 1 << 20, Sweep: 64 << 10, Dirs: []string{t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := mem.Default().SetPaging(mem.Paging{}); err != nil {
			t.Error(err)
		}
	}()
	byNumber := func(x, y pair) int { return cmp.Or(cmp.Compare(y.a, x.a), cmp.Compare(x.n, y.n)) }
	byText := func(x, y pair) int {
		return cmp.Or(cmp.Compare(x.s, y.s), cmp.Compare(x.a, y.a), cmp.Compare(x.n, y.n))
	}
	for name, c := range map[string]struct {
		config sort.Config
		less   func(x, y pair) int
	}{
		"numbers":   {sort.Config{Keys: []sort.Key{{Column: 0, Desc: true}}, Limit: -1}, byNumber},
		"texts":     {sort.Config{Keys: []sort.Key{{Column: 1}, {Column: 0}}, Limit: -1, Offset: 7}, byText},
		"many rows": {sort.Config{Keys: []sort.Key{{Column: 0, Desc: true}}, Limit: 30_000, Offset: 1000}, byNumber},
	} {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(mem.Default())
			defer alloc.AssertSize(t, 0)
			got, all := spilled(t, c.config, alloc)
			slices.SortFunc(all, c.less)
			all = all[c.config.Offset:]
			if c.config.Limit >= 0 {
				all = all[:c.config.Limit]
			}
			if !slices.Equal(got, all) {
				t.Fatalf("%d rows, or in another order, want %d", len(got), len(all))
			}
		})
	}
}

// spilled gives many rows to a Sort, and returns what it emits and what it got.
func spilled(t *testing.T, c sort.Config, alloc memory.Allocator) (got, all []pair) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.StringView}, {Name: "n", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	task := open(t, c, schema, alloc)
	ctx := context.Background()
	task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		defer b.Release()
		for i := range b.Len() {
			got = append(got, pair{
				b.Rows.Column(0).(*array.Int64).Value(i), strings.Clone(b.Rows.Column(1).(*array.StringView).Value(i)), b.Rows.Column(2).(*array.Int64).Value(i),
			})
		}
		return nil
	}
	x := uint64(1)
	for e := range stream.Epoch(20) {
		rb := array.NewRecordBuilder(alloc, schema)
		for range 2500 {
			x = x*6364136223846793005 + 1442695040888963407
			p := pair{int64(x >> 50), fmt.Sprintf("a text that is not short, %d", x>>55), int64(len(all))}
			all = append(all, p)
			rb.Field(0).(*array.Int64Builder).Append(p.a)
			rb.Field(1).(*array.StringViewBuilder).Append(p.s)
			rb.Field(2).(*array.Int64Builder).Append(p.n)
		}
		b := stream.NewBatch(rb.NewRecordBatch())
		rb.Release()
		if err := errors.Join(task.Batch(ctx, 0, b), task.Barrier(ctx, e+1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := task.StateRows(); n < len(all) && c.Limit < 0 {
		t.Errorf("%d of %d rows are in the state", n, len(all))
	}
	if err := errors.Join(task.Advance(ctx, stream.End), task.Close()); err != nil {
		t.Fatal(err)
	}
	return got, all
}
