package remote_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// BenchmarkLoopback sends batches of four columns of numbers through TCP on one
// machine; both ends are counted.
func BenchmarkLoopback(b *testing.B) {
	alloc := mem.Default()
	numbers := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int64},
		{Name: "b", Type: arrow.PrimitiveTypes.Int64},
		{Name: "c", Type: arrow.PrimitiveTypes.Float64},
		{Name: "d", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	r := array.NewRecordBuilder(alloc, numbers)
	for i := range 8192 {
		for k := range 4 {
			if f, ok := r.Field(k).(*array.Float64Builder); ok {
				f.Append(float64(i))
				continue
			}
			r.Field(k).(*array.Int64Builder).Append(int64(i))
		}
	}
	batch := stream.NewBatch(r.NewRecordBatch())
	from, to := pair(b, remote.Options{Alloc: alloc})
	gate := exchange.NewLocal(1, 0)
	to.Receive([]remote.Key{key(0)}, gate)
	ctx := context.Background()
	b.SetBytes(vector.RecordBytes(batch.Rows))
	b.ResetTimer()
	go func() {
		c := from.Channel(to.Addr().String(), key(0))
		for range b.N {
			if err := c.Send(ctx, batch.Share()); err != nil {
				b.Error(err)
			}
		}
		_ = c.Send(ctx, stream.EndOfInput{})
	}()
	for {
		e, _, err := gate.Next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		if rows, ok := e.(*stream.Batch); ok {
			rows.Release()
		}
	}
}
