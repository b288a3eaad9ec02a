package join_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
)

// TestLookup joins rows with a table that is another one after a while.
func TestLookup(t *testing.T) {
	ctx := context.Background()
	long, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.StringView
	left := arrow.NewSchema([]arrow.Field{{Name: "k", Type: long, Nullable: true}}, nil)
	right := arrow.NewSchema([]arrow.Field{{Name: "id", Type: long, Nullable: true}, {Name: "v", Type: text, Nullable: true}}, nil)
	doc, err := json.Marshal(join.LookupConfig{
		Config: join.Config{Type: join.Left, LeftKeys: []int{0}, RightKeys: []int{0}}, Right: job.Schema{Schema: right}, AgainMillis: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	op, err := join.NewLookup(job.Vertex{Name: "lookup", Config: doc}, []*arrow.Schema{left})
	if err != nil {
		t.Fatal(err)
	}
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	task, err := opstest.NewTask(ctx, op, alloc)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		for i := range b.Len() {
			got = append(got, b.Rows.Column(0).ValueStr(i)+" "+b.Rows.Column(2).ValueStr(i))
		}
		b.Release()
		return nil
	}
	load := func(values map[int64]string) {
		b := array.NewRecordBuilder(alloc, right)
		defer b.Release()
		for k, v := range values {
			b.Field(0).(*array.Int64Builder).Append(k)
			b.Field(1).(*array.StringViewBuilder).Append(v)
		}
		b.Field(0).AppendNull()
		b.Field(1).AppendNull()
		rec := b.NewRecordBatch()
		defer rec.Release()
		if err := op.(ops.Loading).Loaded([]arrow.RecordBatch{rec}); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(keys ...int64) {
		b := array.NewRecordBuilder(alloc, left)
		defer b.Release()
		b.Field(0).(*array.Int64Builder).AppendValues(keys, nil)
		b.Field(0).AppendNull()
		if err := task.Batch(ctx, 0, stream.NewBatch(b.NewRecordBatch())); err != nil {
			t.Fatal(err)
		}
	}
	load(map[int64]string{1: "a value that is long", 2: "y"})
	rows(1, 2, 3)
	load(map[int64]string{1: "z", 3: "w"})
	rows(1, 2, 3)
	load(nil)
	rows(1)
	want := []string{
		"1 a value that is long", "2 y", "3 (null)", "(null) (null)", "1 z", "2 (null)", "3 w", "(null) (null)", "1 (null)", "(null) (null)",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
}
