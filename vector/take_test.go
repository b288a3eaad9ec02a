package vector_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

func TestTake(t *testing.T) {
	eachType(t, arraytest.Types, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		a := arraytest.Draw(t, alloc, dt, arraytest.DrawRows(t))
		defer a.Release()
		idx := arraytest.DrawIndex(t, a.Len())
		got := vector.Take(alloc, a, idx)
		defer got.Release()
		if got.Len() != len(idx) || !arrow.TypeEqual(got.DataType(), dt) {
			t.Fatalf("%d rows of %v, want %d", got.Len(), got.DataType(), len(idx))
		}
		for i, r := range idx {
			if g, w := arraytest.Show(got, i), arraytest.Show(a, int(r)); g != w {
				t.Fatalf("row %d is %s, want %s", i, g, w)
			}
		}
		checkNulls(t, got)
	})
}

// checkNulls tells a wrong null count from a bitmap that says nothing.
func checkNulls(t *rapid.T, a arrow.Array) {
	if a.DataType().ID() == arrow.NULL {
		return
	}
	if n := arraytest.NullCount(a); n != a.NullN() {
		t.Fatalf("null count %d, want %d", a.NullN(), n)
	}
	if a.NullN() == 0 && a.Data().Buffers()[0] != nil && a.Data().Offset() == 0 && a.Len() > 0 {
		t.Fatalf("a validity bitmap without NULLs")
	}
}

func TestConcat(t *testing.T) {
	eachType(t, arraytest.Types, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		arrs := make([]arrow.Array, rapid.IntRange(1, 4).Draw(t, "arrays"))
		var want []string
		for i := range arrs {
			if i > 0 && rapid.Bool().Draw(t, "again") {
				arrs[i] = arrs[i-1]
				arrs[i].Retain()
			} else {
				arrs[i] = arraytest.Draw(t, alloc, dt, rapid.IntRange(0, 100).Draw(t, "rows"))
			}
			defer arrs[i].Release()
			for r := range arrs[i].Len() {
				want = append(want, arraytest.Show(arrs[i], r))
			}
		}
		got := vector.Concat(alloc, arrs)
		defer got.Release()
		if got.Len() != len(want) {
			t.Fatalf("%d rows, want %d", got.Len(), len(want))
		}
		for i := range want {
			if g := arraytest.Show(got, i); g != want[i] {
				t.Fatalf("row %d is %s, want %s", i, g, want[i])
			}
		}
	})
}

func TestRecords(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.StringView}}, nil)
	b := array.NewRecordBuilder(alloc, schema)
	defer b.Release()
	for i := range 10 {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringViewBuilder).Append("a string that is out of line")
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	odd := vector.TakeRecord(alloc, rec, vector.Sel{1, 3, 5})
	defer odd.Release()
	all := vector.ConcatRecords(alloc, []arrow.RecordBatch{odd, rec, odd})
	defer all.Release()
	if all.NumRows() != 16 || all.Column(0).(*array.Int64).Value(15) != 5 || all.Column(1).(*array.StringView).Value(15) != "a string that is out of line" {
		t.Fatalf("got %v", all)
	}
	same := vector.TakeRecord(alloc, rec, nil)
	if same.NumRows() != 10 {
		t.Fatal("a nil selection is every row")
	}
	same.Release()
}

func BenchmarkTake(b *testing.B) {
	const n = 16384
	for _, dt := range []arrow.DataType{arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.StringView} {
		for _, nulls := range []int{0, 10} {
			rnd := arraytest.NewRand(1)
			bld := array.NewBuilder(memory.DefaultAllocator, dt)
			for range n {
				arraytest.Append(rnd, bld, nulls)
			}
			a := bld.NewArray()
			var sel vector.Sel
			for i := range n {
				if rnd.N(2) == 0 {
					sel = append(sel, uint32(i))
				}
			}
			name := dt.Name()
			if nulls > 0 {
				name += "/nulls"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					vector.Take(mem.Default(), a, sel).Release()
				}
				rate(b, len(sel))
			})
		}
	}
}

// rate reports millions of rows per second.
func rate(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
