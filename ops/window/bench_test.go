package window_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/mem"
)

func BenchmarkWindow(b *testing.B) {
	const rows, batches = 16 << 10, 1000
	for _, c := range []struct {
		name     string
		size     int64
		slide    int64
		aggs     []agg.Spec
		perMilli int
		every    int // batches between two barriers, or 0
	}{
		{"tumble10s/count_sum_max/1M", 10_000, 0, []agg.Spec{{Func: "count", Filter: -1}, {Func: "sum", Args: []int{2}, Filter: -1}, {Func: "max", Args: []int{2}, Filter: -1}}, 1000, 0},
		{"tumble10s/count_sum_max/100K", 10_000, 0, []agg.Spec{{Func: "count", Filter: -1}, {Func: "sum", Args: []int{2}, Filter: -1}, {Func: "max", Args: []int{2}, Filter: -1}}, 100, 0},
		{"hop10s2s/count/1M", 10_000, 2000, []agg.Spec{{Func: "count", Filter: -1}}, 1000, 0},
		{"hop10s2s/count/100K", 10_000, 2000, []agg.Spec{{Func: "count", Filter: -1}}, 100, 0},
		{"tumble10s/count_sum_max/1M/checkpoints", 10_000, 0, []agg.Spec{{Func: "count", Filter: -1}, {Func: "sum", Args: []int{2}, Filter: -1}, {Func: "max", Args: []int{2}, Filter: -1}}, 1000, 60},
		{"hop10s2s/count/1M/checkpoints", 10_000, 2000, []agg.Spec{{Func: "count", Filter: -1}}, 1000, 60},
	} {
		b.Run(c.name, func(b *testing.B) {
			schema, recs := opstest.Bids(rows, batches, c.perMilli)
			doc, err := json.Marshal(window.Config{
				Time: 0, SizeMillis: c.size, SlideMillis: c.slide, Keys: []int{1},
				Aggs: c.aggs, Properties: []window.Property{window.Start, window.End},
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				op, err := window.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
				if err != nil {
					b.Fatal(err)
				}
				task, err := opstest.NewTask(context.Background(), op, mem.Default())
				if err != nil {
					b.Fatal(err)
				}
				task.Discard = true
				for i, rec := range recs {
					rec.Retain()
					if err := task.Batch(context.Background(), 0, stream.NewBatch(rec)); err != nil {
						b.Fatal(err)
					}
					if c.every > 0 && i%c.every == c.every-1 {
						if err := task.Barrier(context.Background(), stream.Epoch(i)); err != nil {
							b.Fatal(err)
						}
					}
					wm := stream.Timestamp((i+1)*rows/c.perMilli - 5)
					if err := task.Advance(context.Background(), wm); err != nil {
						b.Fatal(err)
					}
				}
				if err := task.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*rows*batches/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkManyPanes is a batch job over a long time: 100,000 windows, whose
// rows come in no order.
func BenchmarkManyPanes(b *testing.B) {
	const rows, batches = 16 << 10, 60
	schema, recs := opstest.Bids(rows, batches, 1)
	shuffled := make([]arrow.RecordBatch, batches)
	for i := range recs { // each batch takes rows of all others
		var parts []arrow.RecordBatch
		for j := range recs {
			n := int64(rows / batches)
			parts = append(parts, recs[j].NewSlice(int64(i)*n, int64(i+1)*n))
		}
		shuffled[i] = vector.ConcatRecords(memory.DefaultAllocator, parts)
	}
	doc, err := json.Marshal(window.Config{
		SizeMillis: 10, Keys: []int{1}, Aggs: []agg.Spec{{Func: "count", Filter: -1}}, Properties: []window.Property{window.Start},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op, err := window.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
		if err != nil {
			b.Fatal(err)
		}
		task, err := opstest.NewTask(context.Background(), op, mem.Default())
		if err != nil {
			b.Fatal(err)
		}
		for _, rec := range shuffled {
			rec.Retain()
			if err := task.Batch(context.Background(), 0, stream.NewBatch(rec)); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(task.Advance(context.Background(), stream.End), task.Close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows*batches/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

// TestAllocations holds what a batch costs on the Go heap once the operator
// has warmed up: headers of arrays and records, and nothing that grows with
// the number of rows.
func TestAllocations(t *testing.T) {
	const rows, batches = 8 << 10, 40
	schema, recs := opstest.Bids(rows, batches, 1000)
	doc, err := json.Marshal(window.Config{
		SizeMillis: 10, SlideMillis: 5, Keys: []int{1}, Aggs: []agg.Spec{
			{Func: "count", Filter: -1}, {Func: "sum", Args: []int{2}, Filter: -1}, {Func: "max", Args: []int{2}, Filter: -1},
		},
		Properties: []window.Property{window.End},
	})
	if err != nil {
		t.Fatal(err)
	}
	op, err := window.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
	if err != nil {
		t.Fatal(err)
	}
	task, err := opstest.NewTask(context.Background(), op, mem.Default())
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	step := func() {
		recs[at].Retain()
		wm := stream.Timestamp((at+1)*rows/1000 - 2)
		if err := errors.Join(task.Batch(context.Background(), 0, stream.NewBatch(recs[at])), task.Advance(context.Background(), wm)); err != nil {
			t.Fatal(err)
		}
		at++
	}
	for range 10 {
		step()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for at < batches {
		step()
	}
	runtime.ReadMemStats(&after)
	perBatch := (after.TotalAlloc - before.TotalAlloc) / (batches - 10)
	if perBatch > rows { // a byte per row
		t.Errorf("%d bytes on the Go heap per batch of %d rows", perBatch, rows)
	}
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
}
