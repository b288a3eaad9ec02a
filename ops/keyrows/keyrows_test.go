package keyrows_test

import (
	"context"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/keyrows"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// lister is an operator that only keeps rows.
type lister struct {
	ops.Operator
	rows *keyrows.Rows
}

func (l *lister) Open(ctx context.Context, rt ops.Runtime) error              { return l.rows.Open(ctx, rt) }
func (l *lister) Flush(context.Context, stream.Epoch, ops.Output) error       { return l.rows.Save() }
func (l *lister) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }
func (l *lister) Close() error                                                { l.rows.Close(); return nil }

// chain are the values of a key, in their order.
func (l *lister) chain(number uint32, alloc memory.Allocator) []string {
	var all []string
	for id := l.rows.Chains.Head(number); id != rowstore.None; id = l.rows.Chains.Next(id) {
		c := l.rows.Store.TakeColumn(alloc, 1, []uint32{id})
		all = append(all, c.ValueStr(0))
		c.Release()
	}
	return all
}

func TestRows(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "v", Type: arrow.BinaryTypes.StringView, Nullable: true},
	}, nil)
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	rows, err := keyrows.New(schema, []int{0}, true)
	if err != nil {
		t.Fatal(err)
	}
	l := &lister{rows: rows}
	task, err := opstest.NewTask(t.Context(), l, alloc)
	if err != nil {
		t.Fatal(err)
	}
	batch := func(keys []int64, values []string) arrow.RecordBatch {
		b := array.NewRecordBuilder(alloc, schema)
		defer b.Release()
		b.Field(0).(*array.Int64Builder).AppendValues(keys, nil)
		b.Field(1).(*array.StringViewBuilder).AppendStringValues(values, nil)
		return b.NewRecordBatch()
	}
	apply := func(rec arrow.RecordBatch, added, taken vector.Sel) {
		rows.Begin(rec)
		rows.Apply(rec, added, taken)
		rows.End()
		rec.Release()
	}
	apply(batch([]int64{1, 2, 1}, []string{"x", "y", "z"}), vector.Sel{0, 1, 2}, nil)
	if len(rows.Touched) != 2 || !slices.Equal(l.chain(rows.Touched[0], alloc), []string{"x", "z"}) {
		t.Errorf("touched %v", rows.Touched)
	}
	if err := task.Barrier(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	apply(batch([]int64{1, 2, 2}, []string{"x", "y", "gone already"}), nil, vector.Sel{0, 1, 2})
	if n := rows.Chains.Keys().Len(); n != 1 || rows.Store.Len() != 3 {
		t.Errorf("%d keys, %d rows, want 1, and 3 until the state table is told", n, rows.Store.Len())
	}
	if err := task.Barrier(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if n := task.StateRows(); n != 1 || rows.Store.Len() != 1 {
		t.Errorf("%d rows in the state table, %d kept, want 1", n, rows.Store.Len())
	}
	keys := batch([]int64{1, 7}, []string{"", ""})
	rows.Forget(keys.Columns()[:1])
	keys.Release()
	if err := task.Barrier(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if n := task.StateRows(); n != 0 || rows.Store.Len() != 0 || rows.Chains.Keys().Len() != 0 {
		t.Errorf("%d rows in the state table, %d kept, want none", n, rows.Store.Len())
	}
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
}
