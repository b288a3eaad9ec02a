package vector_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// TestKeyEncoding pins the bytes and their hash: they are in every checkpoint.
func TestKeyEncoding(t *testing.T) {
	build := func(dt arrow.DataType, f func(array.Builder)) arrow.Array {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		f(b)
		return b.NewArray()
	}
	int64s := build(arrow.PrimitiveTypes.Int64, func(b array.Builder) {
		b.(*array.Int64Builder).AppendValues([]int64{1, -2}, nil)
		b.AppendNull()
	})
	int8s := build(arrow.PrimitiveTypes.Int8, func(b array.Builder) { b.(*array.Int8Builder).AppendValues([]int8{1, -2}, nil) })
	floats := build(arrow.PrimitiveTypes.Float32, func(b array.Builder) {
		b.(*array.Float32Builder).AppendValues([]float32{1.5, float32(math.Copysign(0, -1)), float32(math.NaN())}, nil)
	})
	bools := build(arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil) })
	strings := build(arrow.BinaryTypes.StringView, func(b array.Builder) {
		b.(*array.StringViewBuilder).AppendValues([]string{"", "wadi", "a string that is out of line"}, nil)
	})
	utf8 := build(arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).AppendValues([]string{"", "wadi"}, nil) })
	decimals := build(&arrow.Decimal128Type{Precision: 10, Scale: 2}, func(b array.Builder) {
		b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(123), decimal128.FromI64(-1)}, nil)
	})
	for _, c := range []struct {
		cols []arrow.Array
		row  int
		key  string
		hash uint64
	}{
		{[]arrow.Array{int64s}, 0, "010100000000000000", 0xa048b5cb82162577},
		{[]arrow.Array{int64s}, 1, "01feffffffffffffff", 0x723823aa3339fbc},
		{[]arrow.Array{int64s}, 2, "00", 0xc44bdff4074eecdb},
		{[]arrow.Array{int8s}, 1, "01feffffffffffffff", 0x723823aa3339fbc},
		{[]arrow.Array{floats}, 0, "01000000000000f83f", 0x2b68e3d95bc408b8},
		{[]arrow.Array{floats}, 1, "010000000000000000", 0x313c2dd2ec996e80},
		{[]arrow.Array{floats}, 2, "01000000000000f87f", 0x6a33929ce40a04d7},
		{[]arrow.Array{bools}, 0, "0101", 0x70d80d6a76865f3},
		{[]arrow.Array{strings}, 0, "0100", 0xab94ac0ace7276c0},
		{[]arrow.Array{strings}, 1, "010477616469", 0xddd716aaaa1cfec2},
		{[]arrow.Array{strings}, 2, "011c6120737472696e672074686174206973206f7574206f66206c696e65", 0x1e6e3998d322354d},
		{[]arrow.Array{utf8}, 1, "010477616469", 0xddd716aaaa1cfec2},
		{[]arrow.Array{decimals}, 0, "017b000000000000000000000000000000", 0x7aa271782c9e752a},
		{[]arrow.Array{decimals}, 1, "01ffffffffffffffffffffffffffffffff", 0x3192ebced8da1530},
		{[]arrow.Array{int8s, strings, bools}, 1, "01feffffffffffffff0104776164690100", 0x6ffa67b971af1e49},
	} {
		key := vector.AppendKey(nil, c.cols, c.row)
		if hex.EncodeToString(key) != c.key {
			t.Errorf("key of %v row %d is %x, want %s", c.cols, c.row, key, c.key)
		}
		short := make([]arrow.Array, len(c.cols))
		for i := range short {
			short[i] = array.NewSlice(c.cols[i], int64(c.row), int64(c.row+1))
		}
		if h := vector.KeyHash(nil, short)[0]; h != c.hash {
			t.Errorf("{%s, %#x},", c.key, h)
		}
	}
}

// TestKeyHash compares with the library's hash of the encoding.
func TestKeyHash(t *testing.T) {
	eachType(t, arraytest.Scalars, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		cols := []arrow.Array{arraytest.Draw(t, alloc, dt, n)}
		if rapid.Bool().Draw(t, "two columns") {
			cols = append(cols, arraytest.Draw(t, alloc, rapid.SampledFrom(arraytest.Scalars).Draw(t, "second"), n))
		}
		for _, c := range cols {
			defer c.Release()
		}
		hashes := vector.KeyHash(make([]uint64, 3), cols)
		if len(hashes) != n {
			t.Fatalf("%d hashes of %d rows", len(hashes), n)
		}
		for i, h := range hashes {
			if key := vector.AppendKey(nil, cols, i); h != xxh3.Hash(key) {
				t.Fatalf("row %d: hash %x, the key %x has %x", i, h, key, xxh3.Hash(key))
			}
		}
		groups := rapid.SampledFrom([]int{1, 2, 128, 100, 32768, 65536}).Draw(t, "groups")
		for i, g := range vector.KeyGroups(nil, hashes, groups) {
			if uint64(g) != hashes[i]%uint64(groups) {
				t.Fatalf("row %d: key group %d of %d", i, g, groups)
			}
		}
	})
}

// TestHashWordSpreads places keys of common patterns in a half-full table by
// the top bits of their hashes: they are not much further from home than random
// ones would be.
func TestHashWordSpreads(t *testing.T) {
	const n, bits = 100_000, 18
	rnd := arraytest.NewRand(1)
	for name, key := range map[string]func(i int) uint64{
		"sequence":     func(i int) uint64 { return uint64(i) },
		"from far":     func(i int) uint64 { return uint64(i) + 1e12 },
		"negative":     func(i int) uint64 { return uint64(-i) },
		"hundreds":     func(i int) uint64 { return uint64(i) * 100 },
		"millions":     func(i int) uint64 { return uint64(i) * 1e6 },
		"minutes":      func(i int) uint64 { return 1_600_000_000_000 + uint64(i)*60_000 },
		"nanoseconds":  func(i int) uint64 { return 1_600_000_000_000_000_000 + uint64(i)*1_000_000_000 },
		"days":         func(i int) uint64 { return uint64(i) * 86_400_000 },
		"bytes high":   func(i int) uint64 { return uint64(i) << 8 },
		"words high":   func(i int) uint64 { return uint64(i) << 32 },
		"top":          func(i int) uint64 { return uint64(i) << 40 },
		"two in one":   func(i int) uint64 { return uint64(i>>10)<<32 | uint64(i&1023) },
		"snowflakes":   func(i int) uint64 { return uint64(i/7)<<22 | uint64(i%7) },
		"floats":       func(i int) uint64 { return math.Float64bits(float64(i)) },
		"cents":        func(i int) uint64 { return math.Float64bits(float64(i) / 100) },
		"squares":      func(i int) uint64 { return uint64(i) * uint64(i) },
		"Fibonacci":    func(i int) uint64 { return uint64(i) * 832_040 },
		"random":       func(int) uint64 { return rnd.Next()<<8 ^ rnd.Next() },
		"with gaps":    func(i int) uint64 { return uint64(3*i + rnd.N(3)) },
		"ten thousand": func(i int) uint64 { return uint64(i) * 10_000 },
	} {
		slots := make([]bool, 1<<bits)
		far := 0
		for i := range n {
			for p := vector.HashWord(key(i)) >> (64 - bits); ; p = (p + 1) % (1 << bits) {
				if !slots[p] {
					slots[p] = true
					break
				}
				far++
			}
		}
		if mean := float64(far) / n; mean > 1 {
			t.Errorf("%s: keys are %.2f slots from home", name, mean)
		}
	}
}

func TestPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 2, 7, 300}).Draw(t, "channels")
		rnd := arraytest.NewRand(rapid.Uint64().Draw(t, "seed"))
		target := make([]uint16, arraytest.DrawRows(t))
		want := make([]vector.Sel, n)
		for i := range target {
			target[i] = uint16(rnd.N(n))
			want[target[i]] = append(want[target[i]], uint32(i))
		}
		got := vector.Partition(make([]vector.Sel, 1), target, n)
		for c := range want {
			if fmt.Sprint(got[c]) != fmt.Sprint(want[c]) {
				t.Fatalf("channel %d: %v, want %v", c, got[c], want[c])
			}
		}
	})
}

func TestScatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arraytest.Checked(t, func(alloc memory.Allocator) {
			n := arraytest.DrawRows(t)
			var fields []arrow.Field
			var cols []arrow.Array
			for i := range rapid.IntRange(0, 3).Draw(t, "columns") {
				dt := rapid.SampledFrom(arraytest.Types).Draw(t, "type")
				fields = append(fields, arrow.Field{Name: fmt.Sprint(i), Type: dt, Nullable: true})
				cols = append(cols, arraytest.Draw(t, alloc, dt, n))
			}
			rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, int64(n))
			defer rec.Release()
			for _, c := range cols {
				c.Release()
			}
			rnd := arraytest.NewRand(rapid.Uint64().Draw(t, "seed"))
			target := make([]uint16, n)
			for i := range target {
				target[i] = uint16(rnd.N(3))
			}
			channels := vector.Partition(nil, target, 4)
			for ch, part := range vector.Scatter(alloc, rec, channels) {
				if part == nil {
					if len(channels[ch]) > 0 {
						t.Fatalf("channel %d has no record", ch)
					}
					continue
				}
				defer part.Release()
				if int(part.NumRows()) != len(channels[ch]) {
					t.Fatalf("channel %d has %d rows, want %d", ch, part.NumRows(), len(channels[ch]))
				}
				for c := range cols {
					for i, r := range channels[ch] {
						if g, w := arraytest.Show(part.Column(c), i), arraytest.Show(rec.Column(c), int(r)); g != w {
							t.Fatalf("channel %d row %d is %s, want %s", ch, i, g, w)
						}
					}
				}
			}
		})
	})
}

func TestMinMax(t *testing.T) {
	v := []int64{3, 1, 4, 1, 5, 9, 2}
	if lo, hi := vector.MinMax(v); lo != 1 || hi != 9 {
		t.Fatalf("%d, %d", lo, hi)
	}
}

func BenchmarkKeyHash(b *testing.B) {
	const n = 16384
	for _, dt := range []arrow.DataType{arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.StringView} {
		rnd := arraytest.NewRand(1)
		bld := array.NewBuilder(memory.DefaultAllocator, dt)
		for range n {
			arraytest.Append(rnd, bld, 0)
		}
		cols := []arrow.Array{bld.NewArray()}
		dst := make([]uint64, n)
		b.Run(dt.Name(), func(b *testing.B) {
			for b.Loop() {
				vector.KeyHash(dst, cols)
			}
			rate(b, n)
		})
	}
}

// BenchmarkScatter splits six columns of int64 by the hash of the first.
func BenchmarkScatter(b *testing.B) {
	const n = 16384
	for _, channels := range []int{2, 8, 64} {
		b.Run(fmt.Sprint(channels), func(b *testing.B) {
			bld := array.NewInt64Builder(memory.DefaultAllocator)
			for i := range n {
				bld.Append(int64(i))
			}
			col := bld.NewArray()
			var fields []arrow.Field
			var cols []arrow.Array
			for i := range 6 {
				fields = append(fields, arrow.Field{Name: fmt.Sprint(i), Type: col.DataType()})
				cols = append(cols, col)
			}
			rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, n)
			var hashes []uint64
			var target []uint16
			var sels []vector.Sel
			b.ReportAllocs()
			for b.Loop() {
				hashes = vector.KeyHash(hashes, cols[:1])
				target = vector.KeyGroups(target, hashes, channels)
				sels = vector.Partition(sels, target, channels)
				for _, r := range vector.Scatter(mem.Default(), rec, sels) {
					r.Release()
				}
			}
			rate(b, n)
		})
	}
}
