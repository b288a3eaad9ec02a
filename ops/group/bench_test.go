package group_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/mem"
)

func BenchmarkGroup(b *testing.B) {
	const rows, batches = 16 << 10, 500
	aggs := []agg.Spec{{Func: "count", Filter: -1}, {Func: "sum", Args: []int{2}, Filter: -1}, {Func: "max", Args: []int{2}, Filter: -1}}
	for _, c := range []struct {
		name   string
		config group.Config
	}{
		{"final", group.Config{Keys: []int{1}, Aggs: aggs, FinalOnly: true}},
		{"updates", group.Config{Keys: []int{1}, Aggs: aggs, UpdateBefore: true}},
		{"upserts", group.Config{Keys: []int{1}, Aggs: aggs}},
		{"retractable", group.Config{Keys: []int{1}, Aggs: aggs, Changelog: true}},
		{"distinct", group.Config{Keys: []int{1}, Aggs: []agg.Spec{{Func: "count", Args: []int{2}, Distinct: true, Filter: -1}}, FinalOnly: true}},
		{"global", group.Config{Aggs: aggs, FinalOnly: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			schema, recs := opstest.Bids(rows, batches, 1000)
			doc, err := json.Marshal(c.config)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				op, err := group.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
				if err != nil {
					b.Fatal(err)
				}
				task, err := opstest.NewTask(context.Background(), op, mem.Default())
				if err != nil {
					b.Fatal(err)
				}
				for _, rec := range recs {
					rec.Retain()
					if err := task.Batch(context.Background(), 0, stream.NewBatch(rec)); err != nil {
						b.Fatal(err)
					}
				}
				if err := task.Advance(context.Background(), stream.End); err != nil {
					b.Fatal(err)
				}
				if err := task.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*rows*batches/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkDays groups by a day and a short string, as one does with flights.
func BenchmarkDays(b *testing.B) {
	const rows, batches = 16 << 10, 200
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "origin", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "delay", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}, nil)
	rnd := rand.New(rand.NewPCG(1, 1))
	airports := make([]string, 300)
	for i := range airports {
		airports[i] = fmt.Sprintf("%c%c%c", 'A'+i%26, 'A'+i/26%26, 'A'+i/3%26)
	}
	var recs []arrow.RecordBatch
	for i := range batches {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for range rows {
			rb.Field(0).(*array.Date32Builder).Append(arrow.Date32(12000 + i/2))
			rb.Field(1).(*array.StringViewBuilder).Append(airports[rnd.IntN(300)])
			if rnd.IntN(50) == 0 {
				rb.Field(2).AppendNull()
			} else {
				rb.Field(2).(*array.Int32Builder).Append(int32(rnd.IntN(60)))
			}
		}
		recs = append(recs, rb.NewRecordBatch())
	}
	doc, err := json.Marshal(group.Config{
		Keys: []int{0, 1}, Aggs: []agg.Spec{{Func: "count", Filter: -1}, {Func: "avg", Args: []int{2}, Filter: -1}}, FinalOnly: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		op, err := group.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
		if err != nil {
			b.Fatal(err)
		}
		task, err := opstest.NewTask(context.Background(), op, mem.Default())
		if err != nil {
			b.Fatal(err)
		}
		for _, rec := range recs {
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
