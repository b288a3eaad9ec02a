// Package arraytest draws Arrow arrays for property tests: of every type of the
// engine, with and without NULLs, whole and as slices, with values that are
// often equal and often at the edge of their type.
package arraytest

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Scalars are the types of keys and comparisons.
var Scalars = []arrow.DataType{
	arrow.FixedWidthTypes.Boolean,
	arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
	arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
	arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Time32ms,
	arrow.FixedWidthTypes.Timestamp_ms, &arrow.TimestampType{Unit: arrow.Nanosecond},
	arrow.FixedWidthTypes.Duration_ms, arrow.FixedWidthTypes.MonthInterval,
	&arrow.Decimal128Type{Precision: 38, Scale: 4},
	arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView,
}

// Types adds what travels but is not compared.
var Types = append([]arrow.DataType{
	arrow.Null,
	arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.LargeBinary,
	&arrow.FixedSizeBinaryType{ByteWidth: 5},
	arrow.ListOf(arrow.BinaryTypes.StringView),
	arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int64)),
	arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int32),
	arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Int16),
	arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.BinaryTypes.StringView, Nullable: true},
		arrow.Field{Name: "c", Type: arrow.ListOf(arrow.BinaryTypes.StringView), Nullable: true},
	),
	&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String},
}, Scalars...)

// Draw draws an array of n rows of type t, with or without NULLs, often as
// a slice of a longer one.
func Draw(t *rapid.T, alloc memory.Allocator, dt arrow.DataType, n int) arrow.Array {
	before := rapid.SampledFrom([]int{0, 0, 1, 3, 8, 13}).Draw(t, "before")
	after := rapid.SampledFrom([]int{0, 0, 1, 9}).Draw(t, "after")
	nulls := rapid.SampledFrom([]int{0, 0, 20, 100}).Draw(t, "nulls %")
	// One seed for all the rows: drawing each costs too much for thousands.
	rnd := &Rand{rapid.Uint64().Draw(t, "seed")}
	b := array.NewBuilder(alloc, dt)
	defer b.Release()
	for range before + n + after {
		Append(rnd, b, nulls)
	}
	whole := b.NewArray()
	if before+after == 0 {
		return whole
	}
	defer whole.Release()
	return array.NewSlice(whole, int64(before), int64(before+n))
}

// Rand is a tiny random generator with its state in sight.
type Rand struct{ s uint64 }

// NewRand starts a generator.
func NewRand(seed uint64) *Rand { return &Rand{seed} }

// Next is 56 random bits.
func (r *Rand) Next() uint64 {
	r.s = r.s*6364136223846793005 + 1442695040888963407
	x := r.s ^ r.s>>29
	return x * 0x9E3779B97F4A7C15 >> 8
}

// N is a random number below n.
func (r *Rand) N(n int) int { return int(r.Next() % uint64(n)) }

// int64 prefers small values and edges, so that equal ones are frequent.
func (r *Rand) int64() int64 {
	switch r.N(8) {
	case 0:
		return int64(r.Next() << 8)
	case 1:
		return []int64{math.MinInt64, math.MaxInt64, -1, 0, 1, math.MaxInt32, math.MinInt32}[r.N(7)]
	}
	return int64(r.N(9)) - 4
}

func (r *Rand) float64() float64 {
	switch r.N(8) {
	case 0:
		return math.Float64frombits(r.Next()<<8 | r.Next()>>40)
	case 1:
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, -math.NaN()}[r.N(6)]
	}
	return float64(r.N(9)-4) / 2
}

func (r *Rand) bytes() string {
	s := []string{"", "a", "ab", "twelve bytes", "thirteen bytes", "a much longer string, out of line", "a much longer string, out of sight", "\x00", "\xff\xfe", "zebra"}[r.N(10)]
	if r.N(4) == 0 {
		s += fmt.Sprint(r.N(50))
	}
	return s
}

// Append adds a random row, NULL in nulls of 100 cases.
func Append(r *Rand, b array.Builder, nulls int) {
	if r.N(100) < nulls {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(r.N(2) == 0)
	case *array.Int8Builder:
		b.Append(int8(r.int64()))
	case *array.Int16Builder:
		b.Append(int16(r.int64()))
	case *array.Int32Builder:
		b.Append(int32(r.int64()))
	case *array.Int64Builder:
		b.Append(r.int64())
	case *array.Uint8Builder:
		b.Append(uint8(r.int64()))
	case *array.Uint16Builder:
		b.Append(uint16(r.int64()))
	case *array.Uint32Builder:
		b.Append(uint32(r.int64()))
	case *array.Uint64Builder:
		b.Append(uint64(r.int64()))
	case *array.Float32Builder:
		b.Append(float32(r.float64()))
	case *array.Float64Builder:
		b.Append(r.float64())
	case *array.Date32Builder:
		b.Append(arrow.Date32(r.int64()))
	case *array.Time32Builder:
		b.Append(arrow.Time32(r.N(86_400_000)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.int64()))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(r.int64()))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(r.int64()))
	case *array.Decimal128Builder:
		v := decimal128.FromI64(r.int64())
		if r.N(4) == 0 {
			v = decimal128.New(r.int64()>>8, r.Next())
		}
		b.Append(v)
	default:
		appendLarge(r, b, nulls)
	}
}

// appendLarge adds a random string or nested value.
func appendLarge(r *Rand, b array.Builder, nulls int) {
	switch b := b.(type) {
	case *array.StringViewBuilder:
		b.Append(r.bytes())
	case *array.BinaryViewBuilder:
		b.Append([]byte(r.bytes()))
	case *array.StringBuilder:
		b.Append(r.bytes())
	case *array.LargeStringBuilder:
		b.Append(r.bytes())
	case *array.BinaryBuilder:
		b.Append([]byte(r.bytes()))
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte(fmt.Sprintf("%05d", r.N(100))))
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(r.bytes()); err != nil {
			panic(err)
		}
	case *array.ListBuilder:
		b.Append(true)
		for range r.N(4) {
			Append(r, b.ValueBuilder(), nulls)
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		for range 3 {
			Append(r, b.ValueBuilder(), nulls)
		}
	case *array.MapBuilder:
		b.Append(true)
		for range r.N(4) {
			Append(r, b.KeyBuilder(), 0)
			Append(r, b.ItemBuilder(), nulls)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			Append(r, b.FieldBuilder(i), nulls)
		}
	default:
		panic(fmt.Sprintf("no random values for %T", b))
	}
}

// DrawRows draws a number of rows, often around the edge of a loop.
func DrawRows(t *rapid.T) int {
	return rapid.OneOf(rapid.SampledFrom([]int{0, 1, 7, 8, 64, 65, 512, 513}), rapid.IntRange(0, 1500)).Draw(t, "rows")
}

// DrawIndex draws n row indices below rows, in any order and repeated.
func DrawIndex(t *rapid.T, rows int) vector.Sel {
	idx := vector.Sel{}
	if rows == 0 {
		return idx
	}
	rnd := &Rand{rapid.Uint64().Draw(t, "index seed")}
	for range rapid.IntRange(0, 2*rows).Draw(t, "index rows") {
		idx = append(idx, uint32(rnd.N(rows)))
	}
	return idx
}

// DrawSel draws an ascending selection, or nil.
func DrawSel(t *rapid.T, rows int) vector.Sel {
	share := rapid.SampledFrom([]int{-1, 0, 10, 50, 100}).Draw(t, "selected %")
	if share < 0 {
		return nil
	}
	rnd := &Rand{rapid.Uint64().Draw(t, "selection seed")}
	sel := vector.Sel{}
	for i := range rows {
		if rnd.N(100) < share {
			sel = append(sel, uint32(i))
		}
	}
	return sel
}

// Show is a row as text: the reference that all layouts share.
func Show(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Float64:
		return fmt.Sprintf("%x", math.Float64bits(a.Value(i)))
	case *array.Float32:
		return fmt.Sprintf("%x", math.Float32bits(a.Value(i)))
	case *array.StringView:
		return "'" + a.Value(i) + "'"
	case *array.String:
		return "'" + a.Value(i) + "'"
	case *array.Dictionary:
		return Show(a.Dictionary(), a.GetValueIndex(i))
	case array.ListLike:
		s := "["
		from, to := a.ValueOffsets(i)
		for j := from; j < to; j++ {
			s += Show(a.ListValues(), int(j)) + " "
		}
		return s + "]"
	case *array.Struct:
		s := "{"
		for j := range a.NumField() {
			s += Show(a.Field(j), i) + " "
		}
		return s + "}"
	}
	return a.ValueStr(i)
}

var poisoned = mem.New(mem.Options{Poison: true})

// Checked runs f with an allocator over a pool that poisons what is released,
// and fails when it does not end at zero.
func Checked(t *rapid.T, f func(alloc memory.Allocator)) {
	alloc := memory.NewCheckedAllocator(poisoned)
	f(alloc)
	if alloc.CurrentAlloc() != 0 {
		t.Fatalf("%d bytes leaked", alloc.CurrentAlloc())
	}
}

// NullCount counts the NULLs of a row by row.
func NullCount(a arrow.Array) int {
	n := 0
	for i := range a.Len() {
		if a.IsNull(i) {
			n++
		}
	}
	return n
}
