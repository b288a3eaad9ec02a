package window_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/agg"
)

type event struct{ ts, key, value int64 }

// reference is the answer row by row: each row joins every window that holds
// it and is not complete at the watermark before it.
type reference struct {
	c    window.Config
	sums map[[2]int64]int64 // by window end and key
	out  []string
	late int
	wm   int64
}

func (r *reference) row(e event) {
	kept := false
	step := r.c.SlideMillis
	if r.c.Cumulate {
		step = r.c.SizeMillis
	}
	for start := r.c.OffsetMillis - 100*step; start <= e.ts; start += step {
		end := start + r.c.SizeMillis
		if r.c.Cumulate {
			end = start + r.c.SlideMillis
		}
		for ; end <= start+r.c.SizeMillis; end += r.c.SlideMillis {
			if e.ts < end && end-1 > r.wm {
				r.sums[[2]int64{end, e.key}] += e.value
				kept = true
			}
		}
	}
	if !kept {
		r.late++
	}
}

func (r *reference) advance(wm int64) {
	r.wm = max(r.wm, wm)
	for w, sum := range r.sums {
		if w[0]-1 <= r.wm {
			r.out = append(r.out, fmt.Sprintf("%d %d %d", w[0], w[1], sum))
			delete(r.sums, w)
		}
	}
}

func TestReference(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ts", Type: arrow.FixedWidthTypes.Timestamp_ms},
		{Name: "k", Type: arrow.PrimitiveTypes.Int64},
		{Name: "v", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	rapid.Check(t, func(t *rapid.T) {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		slide := rapid.Int64Range(1, 6).Draw(t, "slide")
		c := window.Config{
			SlideMillis: slide, SizeMillis: slide + rapid.Int64Range(0, 8).Draw(t, "longer"),
			OffsetMillis: rapid.Int64Range(-5, 5).Draw(t, "offset"),
			Keys:         []int{1}, Aggs: []agg.Spec{{Func: "sum", Args: []int{2}, Filter: -1}},
			Properties: []window.Property{window.End},
			OwnPanes:   rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "own"),
		}
		if rapid.Bool().Draw(t, "cumulate") {
			c.Cumulate, c.SizeMillis = true, slide*rapid.Int64Range(1, 4).Draw(t, "steps")
		}
		doc, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		op, err := window.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
		if err != nil {
			t.Fatal(err)
		}
		task, err := opstest.NewTask(context.Background(), op, alloc)
		if err != nil {
			t.Fatal(err)
		}
		want := &reference{c: c, sums: map[[2]int64]int64{}, wm: -1 << 40}
		var got []string
		late := 0
		task.Emitted = func(p ops.Port, b *stream.Batch) error {
			defer b.Release()
			for i := range b.Len() {
				if p == ops.Late {
					late++
					continue
				}
				got = append(got, fmt.Sprintf("%d %d %d", b.Rows.Column(2).(*array.Timestamp).Value(i),
					b.Rows.Column(0).(*array.Int64).Value(i), b.Rows.Column(1).(*array.Int64).Value(i)))
			}
			return nil
		}
		now := int64(0)
		for range rapid.IntRange(1, 8).Draw(t, "batches") {
			rb := array.NewRecordBuilder(alloc, schema)
			var marks []stream.Mark
			rows := rapid.IntRange(0, 12).Draw(t, "rows")
			for i := range rows {
				if rapid.IntRange(0, 3).Draw(t, "mark") == 0 {
					now += rapid.Int64Range(1, 9).Draw(t, "forward")
					marks = append(marks, stream.Mark{Row: int32(i), Time: stream.Timestamp(now)})
					want.advance(now)
				}
				e := event{now + rapid.Int64Range(-9, 9).Draw(t, "ts"), rapid.Int64Range(0, 2).Draw(t, "k"), rapid.Int64Range(0, 99).Draw(t, "v")}
				want.row(e)
				rb.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(e.ts))
				rb.Field(1).(*array.Int64Builder).Append(e.key)
				rb.Field(2).(*array.Int64Builder).Append(e.value)
			}
			b := stream.NewBatch(rb.NewRecordBatch())
			rb.Release()
			b.Marks = marks
			if err := task.Batch(context.Background(), 0, b); err != nil {
				t.Fatal(err)
			}
			if err := task.Advance(context.Background(), stream.Timestamp(now)); err != nil {
				t.Fatal(err)
			}
			want.advance(now)
		}
		if err := task.Advance(context.Background(), stream.End); err != nil {
			t.Fatal(err)
		}
		want.advance(1 << 40)
		if err := task.Close(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want.out)
		if !slices.Equal(got, want.out) || late != want.late {
			t.Fatalf("got %d late, %q\nwant %d late, %q", late, got, want.late, want.out)
		}
		if n := alloc.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes are not released", n)
		}
	})
}
