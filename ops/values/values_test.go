package values_test

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/values"
	"github.com/wadi-engine/wadi/vector/expr"
)

type runtime struct {
	ops.Runtime
	alloc memory.Allocator
}

func (r runtime) Allocator() memory.Allocator { return r.alloc }

func TestRowsComeBack(t *testing.T) {
	dec := &arrow.Decimal128Type{Precision: 5, Scale: 2}
	fields := []arrow.Field{
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "d", Type: dec, Nullable: true},
	}
	schema := job.Schema{Schema: arrow.NewSchema(fields, nil)}
	row := func(s, n, d any) []expr.Expr {
		return []expr.Expr{
			&expr.Literal{Value: s, Of: fields[0].Type}, &expr.Literal{Value: n, Of: fields[1].Type}, &expr.Literal{Value: d, Of: dec},
		}
	}
	table, err := values.Table(schema, [][]expr.Expr{
		row("a", int64(1), decimal128.FromI64(150)),
		row("longer than twelve bytes", nil, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	src, err := values.Connector().Source(context.Background(), ops.Scan{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	enum, err := src.Enumerator(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Reader(context.Background(), runtime{alloc: alloc})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	splits := enum.Take(0, 1, 4)
	if err := r.Assign(splits); err != nil {
		t.Fatal(err)
	}
	f, err := r.Fetch(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !f.Done || f.Batch.Len() != 2 {
		t.Fatalf("fetched %d rows, done %v; want 2 rows, done", f.Batch.Len(), f.Done)
	}
	got := ""
	for _, c := range f.Batch.Rows.Columns() {
		got += c.ValueStr(0) + "," + c.ValueStr(1) + ";"
	}
	f.Batch.Release()
	if want := "a,longer than twelve bytes;1,(null);1.5,(null);"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}

	// After a restore the split is read on behind its position: nothing is left.
	state, _ := enum.Snapshot()
	again, _ := src.Enumerator(context.Background(), state)
	if n := len(again.Take(0, 1, 4)); n != 0 {
		t.Errorf("a restored enumerator hands out %d splits", n)
	}
	again.Return([]ops.Split{f.After})
	if err := r.Assign(again.Take(0, 1, 4)); err != nil {
		t.Fatal(err)
	}
	if f, err = r.Fetch(context.Background()); err != nil || !f.Done || f.Batch != nil {
		t.Errorf("behind the position: %+v, %v; want the end", f, err)
	}
}
