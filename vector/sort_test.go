package vector_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// order is the slow reference of the order of two values.
func order(x, y any) int {
	switch x := x.(type) {
	case bool:
		return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)) // "false" < "true"
	case int64:
		return cmp.Compare(x, y.(int64))
	case uint64:
		return cmp.Compare(x, y.(uint64))
	case float64:
		y := y.(float64)
		if xn, yn := math.IsNaN(x), math.IsNaN(y); xn || yn {
			return cmp.Compare(fmt.Sprint(xn), fmt.Sprint(yn))
		}
		return cmp.Compare(x, y)
	case string:
		return cmp.Compare(x, y.(string))
	case []byte:
		return bytes.Compare(x, y.([]byte))
	case decimal128.Num:
		return x.Cmp(y.(decimal128.Num))
	}
	panic("no order")
}

// scalarAt is a row as a constant.
func scalarAt(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return int64(a.Value(i))
	case *array.Uint16:
		return int64(a.Value(i))
	case *array.Uint32:
		return int64(a.Value(i))
	case *array.Uint64:
		return a.Value(i)
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time32:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Duration:
		return int64(a.Value(i))
	case *array.MonthInterval:
		return int64(a.Value(i))
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return a.Value(i)
	case *array.StringView:
		return a.Value(i)
	case *array.BinaryView:
		return a.Value(i)
	}
	panic(fmt.Sprintf("no constant of %T", a))
}

func orderRows(a arrow.Array, o vector.Order, i, j int) int {
	x, y := scalarAt(a, i), scalarAt(a, j)
	first := o.Nulls == vector.NullsFirst || o.Nulls == vector.NullsLowest && !o.Desc
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil && first, y == nil && !first:
		return -1
	case x == nil, y == nil:
		return 1
	case o.Desc:
		return -order(x, y)
	}
	return order(x, y)
}

func TestSort(t *testing.T) {
	eachType(t, arraytest.Scalars, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		types := []arrow.DataType{dt}
		for range rapid.IntRange(0, 2).Draw(t, "more columns") {
			types = append(types, rapid.SampledFrom(arraytest.Scalars).Draw(t, "type"))
		}
		var cols []arrow.Array
		var orders []vector.Order
		for _, dt := range types {
			a := arraytest.Draw(t, alloc, dt, n)
			defer a.Release()
			cols = append(cols, a)
			orders = append(orders, vector.Order{
				Desc:  rapid.Bool().Draw(t, "desc"),
				Nulls: rapid.SampledFrom([]vector.NullOrder{vector.NullsLowest, vector.NullsFirst, vector.NullsLast}).Draw(t, "nulls"),
			})
		}
		want := vector.All(nil, n)
		slices.SortStableFunc(want, func(i, j uint32) int {
			for c, a := range cols {
				if r := orderRows(a, orders[c], int(i), int(j)); r != 0 {
					return r
				}
			}
			return 0
		})
		if got := vector.Sort(alloc, cols, orders); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	})
}

// TestSortLongStrings sorts strings that differ after a megabyte, or only in
// their length, and equal ones by the next column.
func TestSortLongStrings(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	values := []string{long + "b", long, long + "a", long, long + "\x00", long[:1<<20-3], long + "a"}
	texts, ints := array.NewStringViewBuilder(memory.DefaultAllocator), array.NewInt64Builder(memory.DefaultAllocator)
	for i, v := range values {
		texts.Append(v)
		ints.Append(int64(-i))
	}
	got := vector.Sort(mem.Default(), []arrow.Array{texts.NewArray(), ints.NewArray()}, make([]vector.Order, 2))
	if fmt.Sprint(got) != "[5 3 1 4 6 2 0]" {
		t.Fatalf("order %v", got)
	}
}

func BenchmarkSort(b *testing.B) {
	const n = 65536
	rnd := arraytest.NewRand(1)
	ints, texts := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringViewBuilder(memory.DefaultAllocator)
	for range n {
		ints.Append(int64(rnd.N(1_000_000)))
		texts.Append(fmt.Sprint("customer ", rnd.N(10000)))
	}
	for name, a := range map[string]arrow.Array{"int64": ints.NewArray(), "string": texts.NewArray()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				vector.Sort(mem.Default(), []arrow.Array{a}, []vector.Order{{}})
			}
			rate(b, n)
		})
	}
}
