package hashtable_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// BenchmarkAggregate computes count, sum and max by key in three loops over the
// rows: what aggregation does with a table.
func BenchmarkAggregate(b *testing.B) {
	for _, kind := range []string{"int64", "sparse int64", "two int64", "day and code", "string"} {
		for _, distinct := range []int{100, 10_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, distinct), func(b *testing.B) { aggregate(b, kind, distinct) })
		}
	}
}

const batchRows = 16384

func aggregate(b *testing.B, kind string, distinct int) {
	batches := benchBatches(kind, distinct)
	var types []arrow.DataType
	for _, c := range batches[0] {
		types = append(types, c.DataType())
	}
	table, err := hashtable.New(hashtable.Options{}, types, 24)
	if err != nil {
		b.Fatal(err)
	}
	defer table.Free()
	gids := make([]uint32, batchRows)
	step := func(cols []arrow.Array) {
		table.FindOrInsert(cols, nil, gids)
		base, stride := table.Accs(), uintptr(table.Stride())
		v := fixedValues
		if _, ok := cols[0].(*array.Int64); ok {
			v = vector.Values[int64](cols[0])
		}
		for _, g := range gids {
			*(*int64)(unsafe.Add(base, uintptr(g)*stride))++
		}
		for i, g := range gids {
			*(*int64)(unsafe.Add(base, uintptr(g)*stride+8)) += v[i]
		}
		for i, g := range gids {
			p := (*int64)(unsafe.Add(base, uintptr(g)*stride+16))
			*p = max(*p, v[i])
		}
	}
	for _, cols := range batches {
		step(cols)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		step(batches[i%len(batches)])
		i++
	}
	b.ReportMetric(float64(batchRows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

var fixedValues = make([]int64, batchRows)

// benchBatches returns 4 M rows of uniformly random keys.
func benchBatches(kind string, distinct int) [][]arrow.Array {
	rnd := arraytest.NewRand(1)
	var out [][]arrow.Array
	for range 4_000_000 / batchRows {
		days := array.NewDate32Builder(memory.DefaultAllocator)
		ints, texts := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringViewBuilder(memory.DefaultAllocator)
		for range batchRows {
			k := rnd.N(distinct)
			switch kind {
			case "day and code":
				days.Append(arrow.Date32(k % 90))
				texts.Append("ABC"[k/90%3:] + fmt.Sprint(k/270))
			case "string":
				texts.Append(fmt.Sprintf("%08d", k) + "abcdefgh"[:k%9])
			case "sparse int64":
				ints.Append(int64(vector.MixWord(0, uint64(k))))
			default:
				ints.Append(int64(k))
			}
		}
		switch a := ints.NewArray(); kind {
		case "string":
			out = append(out, []arrow.Array{texts.NewArray()})
		case "day and code":
			out = append(out, []arrow.Array{days.NewArray(), texts.NewArray()})
		case "int64", "sparse int64":
			out = append(out, []arrow.Array{a})
		default:
			out = append(out, []arrow.Array{a, a})
		}
	}
	return out
}
