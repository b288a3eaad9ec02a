package sort_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/stream"
)

func number(s string, otherwise int64) (int64, error) {
	if s == "" {
		return otherwise, nil
	}
	return strconv.ParseInt(s, 10, 64)
}

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "by", "limit", "offset")
		if err != nil {
			return opstest.Case{}, err
		}
		limit, err := number(set["limit"], -1)
		if err != nil {
			return opstest.Case{}, err
		}
		offset, err := number(set["offset"], 0)
		if err != nil {
			return opstest.Case{}, err
		}
		build, c := sort.New, any(sort.LimitConfig{Offset: offset, Limit: limit})
		if set["by"] == "" {
			build = sort.NewLimit
		} else {
			s := sort.Config{Offset: offset, Limit: limit}
			for _, by := range opstest.Words(set["by"]) {
				words := strings.Fields(by)
				col, err := opstest.Column(in, words[0])
				if err != nil {
					return opstest.Case{}, err
				}
				s.Keys = append(s.Keys, sort.Key{
					Column: col, Desc: slices.Contains(words, "desc"), NullsFirst: slices.Contains(words, "nullsfirst"),
				})
			}
			c = s
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "sort", Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) }}, nil
	})
}

// TestTop feeds many rows, so that what is held is cut, with checkpoints
// between, and compares with all rows sorted.
func TestTop(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.StringView},
	}, nil)
	task := open(t, sort.Config{Keys: []sort.Key{{Column: 0}}, Offset: 3, Limit: 100}, schema, alloc)
	ctx := context.Background()
	var got, all []int64
	task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		defer b.Release()
		got = append(got, b.Rows.Column(0).(*array.Int64).Int64Values()...)
		return nil
	}
	x := uint64(1)
	for e := range stream.Epoch(20) {
		rb := array.NewRecordBuilder(alloc, schema)
		for range 5000 {
			x = x*6364136223846793005 + 1442695040888963407
			all = append(all, int64(x>>20))
			rb.Field(0).(*array.Int64Builder).Append(int64(x >> 20))
			rb.Field(1).(*array.StringViewBuilder).Append("a string of some length")
		}
		b := stream.NewBatch(rb.NewRecordBatch())
		rb.Release()
		if err := errors.Join(task.Batch(ctx, 0, b), task.Barrier(ctx, e+1)); err != nil {
			t.Fatal(err)
		}
		if n := task.StateRows(); n > 2*103+16<<10+5000 {
			t.Fatalf("%d rows in the state", n)
		}
	}
	if err := errors.Join(task.Advance(ctx, stream.End), task.Close()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	if !slices.Equal(got, all[3:103]) {
		t.Fatalf("got %d rows, other than the least", len(got))
	}
}

func TestBudget(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	task := open(t, sort.Config{Keys: []sort.Key{{Column: 0}}, Limit: -1, BudgetBytes: 1000}, schema, alloc)
	rb := array.NewRecordBuilder(alloc, schema)
	rb.Field(0).(*array.Int64Builder).AppendValues(make([]int64, 1000), nil)
	b := stream.NewBatch(rb.NewRecordBatch())
	rb.Release()
	err := task.Batch(context.Background(), 0, b)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "ORDER BY holds 1000 rows") {
		t.Errorf("error %v", err)
	}
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, c sort.Config, schema *arrow.Schema, alloc memory.Allocator) *opstest.Task {
	doc, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	op, err := sort.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
	if err != nil {
		t.Fatal(err)
	}
	task, err := opstest.NewTask(context.Background(), op, alloc)
	if err != nil {
		t.Fatal(err)
	}
	return task
}
