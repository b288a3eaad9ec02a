package unnest_test

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/unnest"
	"github.com/wadi-engine/wadi/stream"
)

// TestMarks: the watermark moves between the elements of the rows between which
// it moved, and rows without elements move it, too.
func TestMarks(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	in := arrow.NewSchema([]arrow.Field{{Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "items", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true}}, nil)
	rb := array.NewRecordBuilder(alloc, in)
	defer rb.Release()
	rb.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3, 4}, nil)
	items := rb.Field(1).(*array.ListBuilder)
	for _, list := range [][]int64{{7, 8}, {}, {9}, {5, 6}} {
		items.Append(true)
		items.ValueBuilder().(*array.Int64Builder).AppendValues(list, nil)
	}
	op, err := unnest.New(job.Vertex{Name: "unnest", Config: []byte(`{"column": 1, "keep": [0], "ordinality": true}`)}, []*arrow.Schema{in})
	if err != nil {
		t.Fatal(err)
	}
	task, err := opstest.NewTask(context.Background(), op, alloc)
	if err != nil {
		t.Fatal(err)
	}
	task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		defer b.Release()
		want := `[1 1 3 4 4] [7 8 9 5 6] [1 2 1 1 2]`
		if got := b.Rows.Column(0).String() + " " + b.Rows.Column(1).String() + " " + b.Rows.Column(2).String(); got != want {
			t.Errorf("rows %s, want %s", got, want)
		}
		if len(b.Marks) != 2 || b.Marks[0] != (stream.Mark{Row: 2, Time: 20}) || b.Marks[1] != (stream.Mark{Row: 3, Time: 30}) {
			t.Errorf("marks %v", b.Marks)
		}
		return nil
	}
	b := stream.NewBatch(rb.NewRecordBatch())
	b.Marks = []stream.Mark{{Row: 1, Time: 10}, {Row: 2, Time: 20}, {Row: 3, Time: 30}}
	if err := task.Batch(context.Background(), 0, b); err != nil {
		t.Fatal(err)
	}
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
}
