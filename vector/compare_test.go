package vector_test

import (
	"bytes"
	"cmp"
	"fmt"
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

var compareOps = []vector.CompareOp{vector.Eq, vector.Ne, vector.Lt, vector.Le, vector.Gt, vector.Ge}

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

// holds is the slow reference of a comparison; NULLs are not for it.
func holds(op vector.CompareOp, x, y any) bool {
	var c int
	switch x := x.(type) {
	case bool:
		b := func(v bool) int {
			if v {
				return 1
			}
			return 0
		}
		c = cmp.Compare(b(x), b(y.(bool)))
	case int64:
		c = cmp.Compare(x, y.(int64))
	case uint64:
		c = cmp.Compare(x, y.(uint64))
	case float64:
		y := y.(float64)
		return [...]bool{x == y, x != y, x < y, x <= y, x > y, x >= y}[op]
	case string:
		c = cmp.Compare(x, y.(string))
	case []byte:
		c = bytes.Compare(x, y.([]byte))
	case decimal128.Num:
		c = x.Cmp(y.(decimal128.Num))
	}
	return [...]bool{c == 0, c != 0, c < 0, c <= 0, c > 0, c >= 0}[op]
}

func expectBools(t *rapid.T, got arrow.Array, want func(i int) (value, valid bool)) {
	b := got.(*array.Boolean)
	for i := range b.Len() {
		v, ok := want(i)
		if b.IsValid(i) != ok || ok && b.Value(i) != v {
			t.Fatalf("row %d is %s, want %v, valid %v", i, arraytest.Show(b, i), v, ok)
		}
	}
	checkNulls(t, got)
}

func expectSel(t *rapid.T, got, prefix, sel vector.Sel, n int, want func(i int) (value, valid bool)) {
	if sel == nil {
		sel = vector.All(nil, n)
	}
	all := append(vector.Sel{}, prefix...)
	for _, r := range sel {
		if v, ok := want(int(r)); v && ok {
			all = append(all, r)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(all) {
		t.Fatalf("selected %v, want %v", got, all)
	}
}

func TestCompare(t *testing.T) {
	eachType(t, arraytest.Scalars, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		a, b := arraytest.Draw(t, alloc, dt, n), arraytest.Draw(t, alloc, dt, n)
		defer a.Release()
		defer b.Release()
		op := rapid.SampledFrom(compareOps).Draw(t, "op")
		want := func(i int) (bool, bool) {
			x, y := scalarAt(a, i), scalarAt(b, i)
			if x == nil || y == nil {
				return false, false
			}
			return holds(op, x, y), true
		}
		got := vector.Compare(alloc, op, a, b)
		defer got.Release()
		expectBools(t, got, want)
		sel, prefix := arraytest.DrawSel(t, n), vector.Sel{7}
		expectSel(t, vector.SelectCompare(prefix[:1:1], op, a, b, sel), prefix, sel, n, want)
		expectSel(t, vector.SelectTrue(nil, got, sel), nil, sel, n, want)
		expectSel(t, vector.SelectFalse(nil, got, sel), nil, sel, n, func(i int) (bool, bool) {
			v, ok := want(i)
			return !v, ok
		})
	})
}

func TestCompareScalar(t *testing.T) {
	eachType(t, arraytest.Scalars, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		a := arraytest.Draw(t, alloc, dt, n)
		defer a.Release()
		one := arraytest.Draw(t, alloc, dt, 1)
		defer one.Release()
		s := scalarAt(one, 0)
		if rapid.IntRange(0, 5).Draw(t, "wide") == 0 {
			if _, ok := s.(int64); ok {
				s = rapid.Int64().Draw(t, "any int64")
			}
		}
		if u, ok := s.(uint64); ok {
			s = int64(u >> 1) // constants are int64
		}
		op := rapid.SampledFrom(compareOps).Draw(t, "op")
		want := func(i int) (bool, bool) {
			x := scalarAt(a, i)
			if x == nil || s == nil {
				return false, false
			}
			if u, ok := x.(uint64); ok {
				return holds(op, u, uint64(s.(int64))), true
			}
			return holds(op, x, s), true
		}
		got := vector.CompareScalar(alloc, op, a, s)
		defer got.Release()
		expectBools(t, got, want)
		sel := arraytest.DrawSel(t, n)
		expectSel(t, vector.SelectCompareScalar(nil, op, a, s, sel), nil, sel, n, want)
	})
}

// TestLogic checks the truth tables, and NOT, IS NULL and IS NOT NULL.
func TestLogic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arraytest.Checked(t, func(alloc memory.Allocator) {
			n := arraytest.DrawRows(t)
			a := arraytest.Draw(t, alloc, arrow.FixedWidthTypes.Boolean, n)
			b := arraytest.Draw(t, alloc, arrow.FixedWidthTypes.Boolean, n)
			defer a.Release()
			defer b.Release()
			at := func(x arrow.Array, i int) (isTrue, isFalse bool) {
				v := x.(*array.Boolean)
				return v.IsValid(i) && v.Value(i), v.IsValid(i) && !v.Value(i)
			}
			check := func(got arrow.Array, want func(i int) (bool, bool)) {
				defer got.Release()
				expectBools(t, got, want)
			}
			check(vector.And(alloc, a, b), func(i int) (bool, bool) {
				xt, xf := at(a, i)
				yt, yf := at(b, i)
				return xt && yt, xf || yf || xt && yt
			})
			check(vector.Or(alloc, a, b), func(i int) (bool, bool) {
				xt, xf := at(a, i)
				yt, yf := at(b, i)
				return xt || yt, xt || yt || xf && yf
			})
			check(vector.Not(alloc, a), func(i int) (bool, bool) {
				xt, xf := at(a, i)
				return xf, xt || xf
			})
			check(vector.IsNull(alloc, a), func(i int) (bool, bool) { return a.IsNull(i), true })
			check(vector.IsNotNull(alloc, a), func(i int) (bool, bool) { return a.IsValid(i), true })
			sel := arraytest.DrawSel(t, n)
			expectSel(t, vector.SelectNull(nil, a, sel), nil, sel, n, func(i int) (bool, bool) { return a.IsNull(i), true })
			expectSel(t, vector.SelectNotNull(nil, a, sel), nil, sel, n, func(i int) (bool, bool) { return a.IsValid(i), true })
		})
	})
}

func TestNullArrayIsNull(t *testing.T) {
	a := array.NewNull(3)
	if n := len(vector.SelectNull(nil, a, nil)); n != 3 {
		t.Errorf("%d NULLs of 3", n)
	}
	if n := len(vector.SelectNotNull(nil, a, vector.Sel{1})); n != 0 {
		t.Errorf("%d rows are not NULL", n)
	}
	if b := vector.IsNull(memory.DefaultAllocator, a).(*array.Boolean); !b.Value(2) {
		t.Error("IS NULL is false")
	}
}

func BenchmarkSelect(b *testing.B) {
	const n = 16384
	rnd := arraytest.NewRand(1)
	for _, nulls := range []int{0, 10} {
		name := ""
		if nulls > 0 {
			name = "/nulls"
		}
		ints, texts := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringViewBuilder(memory.DefaultAllocator)
		for range n {
			if rnd.N(100) < nulls {
				ints.AppendNull()
				texts.AppendNull()
				continue
			}
			ints.Append(int64(rnd.N(1000)))
			texts.Append(fmt.Sprint("item ", rnd.N(10)))
		}
		col, text := ints.NewArray(), texts.NewArray()
		sel := make(vector.Sel, 0, n)
		b.Run("half"+name, func(b *testing.B) {
			for b.Loop() {
				sel = vector.SelectCompareScalar(sel[:0], vector.Lt, col, int64(500), nil)
			}
			rate(b, n)
		})
		b.Run("few"+name, func(b *testing.B) {
			for b.Loop() {
				sel = vector.SelectCompareScalar(sel[:0], vector.Lt, col, int64(10), nil)
			}
			rate(b, n)
		})
		b.Run("string"+name, func(b *testing.B) {
			for b.Loop() {
				sel = vector.SelectCompareScalar(sel[:0], vector.Eq, text, "item 3", nil)
			}
			rate(b, n)
		})
		half := vector.SelectCompareScalar(nil, vector.Lt, col, int64(500), nil)
		b.Run("narrow"+name, func(b *testing.B) {
			for b.Loop() {
				sel = vector.SelectCompareScalar(sel[:0], vector.Lt, col, int64(250), half)
			}
			rate(b, len(half))
		})
		b.Run("boolean"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				vector.CompareScalar(mem.Default(), vector.Lt, col, int64(500)).Release()
			}
			rate(b, n)
		})
	}
}
