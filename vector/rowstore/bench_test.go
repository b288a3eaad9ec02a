package rowstore_test

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// BenchmarkStore adds a million rows of five columns to a store with chains, in
// batches; probes for the chains; takes rows; and takes rows back by content.
func BenchmarkStore(b *testing.B) {
	const rows, batch = 1 << 20, 16 << 10
	cols := benchColumns(batch)
	dts := make([]arrow.DataType, len(cols))
	for i, c := range cols {
		dts[i] = c.DataType()
	}
	for _, index := range []bool{false, true} {
		b.Run(fmt.Sprintf("append index=%v", index), func(b *testing.B) {
			s, c := benchStore(b, dts, index)
			ids := make([]uint32, batch)
			b.ResetTimer()
			for i := range b.N {
				if i%(rows/batch) == 0 {
					s.Reset()
					c.Reset()
				}
				s.Append(cols, nil, ids)
				c.Add(cols[:1], nil, ids)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
		})
	}
	b.Run("probe", func(b *testing.B) {
		s, c := benchStore(b, dts, false)
		ids := make([]uint32, batch)
		for range rows / batch {
			s.Append(cols, nil, ids)
			c.Add(cols[:1], nil, ids)
		}
		b.ResetTimer()
		for range b.N {
			c.Find(cols[:1], nil, ids)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
	})
	b.Run("take", func(b *testing.B) {
		s, c := benchStore(b, dts, false)
		ids := make([]uint32, batch)
		for range rows / batch {
			s.Append(cols, nil, ids)
			c.Add(cols[:1], nil, ids)
		}
		for i := range ids {
			ids[i] = uint32(i*7919) % rows
		}
		b.ResetTimer()
		for range b.N {
			release(s.Take(mem.Default(), ids))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
	})
	b.Run("claim", func(b *testing.B) {
		s, _ := benchStore(b, dts, true)
		ids := make([]uint32, batch)
		b.ResetTimer()
		for range b.N {
			s.Append(cols, nil, ids)
			s.Claim(cols, nil, ids)
			s.Free(ids)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
	})
}

func benchStore(b *testing.B, dts []arrow.DataType, index bool) (*rowstore.Store, *rowstore.Chains) {
	s, err := rowstore.New(rowstore.Options{Index: index}, dts, rowstore.ChainBytes)
	if err != nil {
		b.Fatal(err)
	}
	c, err := rowstore.NewChains(nil, s, 0, dts[:1], 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.Release()
		c.Release()
	})
	return s, c
}

// benchColumns has a key of 1000 values, two numbers, a short and a long string.
func benchColumns(rows int) []arrow.Array {
	key, price := array.NewInt64Builder(memory.DefaultAllocator), array.NewFloat64Builder(memory.DefaultAllocator)
	at := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Millisecond})
	short, long := array.NewStringViewBuilder(memory.DefaultAllocator), array.NewStringViewBuilder(memory.DefaultAllocator)
	for i := range rows {
		key.Append(int64(i*31) % 1000)
		price.Append(float64(i))
		at.Append(arrow.Timestamp(i))
		short.Append(fmt.Sprint(i))
		long.Append(fmt.Sprintf("https://www.example.com/%d", i))
	}
	return []arrow.Array{key.NewArray(), price.NewArray(), at.NewArray(), short.NewArray(), long.NewArray()}
}
