package window_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/stream"
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
