package vector_test

import (
	"fmt"
	"math"
	"math/big"
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

var arithOps = []vector.ArithOp{vector.Add, vector.Sub, vector.Mul, vector.Div, vector.Mod}

// compute is the slow reference: through big integers, cut to the type's bits.
func compute(op vector.ArithOp, x, y any, bits uint) any {
	if a, ok := x.(float64); ok {
		b := y.(float64)
		var r float64
		switch op {
		case vector.Add:
			r = a + b
		case vector.Sub:
			r = a - b
		case vector.Mul:
			r = a * b
		case vector.Div:
			r = a / b
		case vector.Mod:
			r = math.Mod(a, b)
		}
		if bits == 32 {
			r = float64(float32(r))
		}
		return r
	}
	a, b, r := big.NewInt(x.(int64)), big.NewInt(y.(int64)), new(big.Int)
	switch op {
	case vector.Add:
		r.Add(a, b)
	case vector.Sub:
		r.Sub(a, b)
	case vector.Mul:
		r.Mul(a, b)
	case vector.Div, vector.Mod:
		if b.Sign() == 0 {
			return int64(0)
		}
		if op == vector.Div {
			r.Quo(a, b)
		} else {
			r.Rem(a, b)
		}
	}
	r.And(r, new(big.Int).SetUint64(math.MaxUint64>>(64-bits)))
	return int64(r.Uint64()<<(64-bits)) >> (64 - bits)
}

func same(x, y any) bool {
	a, ok := x.(float64)
	if !ok {
		return x == y
	}
	b := y.(float64)
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

func TestArith(t *testing.T) {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Duration_ms,
	}
	eachType(t, types, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		a, b := arraytest.Draw(t, alloc, dt, n), arraytest.Draw(t, alloc, dt, n)
		defer a.Release()
		defer b.Release()
		one := arraytest.Draw(t, alloc, dt, 1)
		defer one.Release()
		s := scalarAt(one, 0)
		bits := uint(dt.(arrow.FixedWidthDataType).BitWidth())
		op := rapid.SampledFrom(arithOps).Draw(t, "op")
		check := func(got arrow.Array, x, y func(i int) any) {
			defer got.Release()
			for i := range n {
				l, r := x(i), y(i)
				if l == nil || r == nil {
					if got.IsValid(i) {
						t.Fatalf("row %d: NULL gives %s", i, arraytest.Show(got, i))
					}
					continue
				}
				if want := compute(op, l, r, bits); got.IsNull(i) || !same(scalarAt(got, i), want) {
					t.Fatalf("row %d: %v %v %v = %s, want %v", i, l, op, r, arraytest.Show(got, i), want)
				}
			}
			checkNulls(t, got)
		}
		ofA := func(i int) any { return scalarAt(a, i) }
		ofB := func(i int) any { return scalarAt(b, i) }
		ofS := func(int) any { return s }
		check(vector.Arith(alloc, op, a, b), ofA, ofB)
		check(vector.ArithScalar(alloc, op, a, s), ofA, ofS)
		check(vector.ScalarArith(alloc, op, s, b), ofS, ofB)
		if _, isInt := s.(int64); isInt {
			sel := arraytest.DrawSel(t, n)
			want := -1
			rows := sel
			if sel == nil {
				rows = vector.All(nil, n)
			}
			for _, r := range rows {
				if a.IsValid(int(r)) && b.IsValid(int(r)) && scalarAt(b, int(r)) == int64(0) {
					want = int(r)
					break
				}
			}
			if got := vector.ZeroDivisor(a, b, sel); got != want {
				t.Fatalf("zero divisor in row %d, want %d", got, want)
			}
		}
	})
}

// TestDivideByConstants tries the divisors and dividends at the edges.
func TestDivideByConstants(t *testing.T) {
	var edges []int64
	for k := range 64 {
		for d := int64(-2); d <= 2; d++ {
			edges = append(edges, int64(1)<<k+d, -(int64(1)<<k)+d)
		}
	}
	for _, d := range []int64{3, 5, 7, 10, 100, 123, 641, 1000, 86_400_000, 1e18} {
		edges = append(edges, d, -d, d*12345+1)
	}
	dst := make([]int64, len(edges))
	for _, d := range edges {
		vector.IntsScalar(dst, vector.Div, edges, d)
		for i, x := range edges {
			if d != 0 && dst[i] != x/d {
				t.Fatalf("%d / %d = %d, want %d", x, d, dst[i], x/d)
			}
		}
		vector.IntsScalar(dst, vector.Mod, edges, d)
		for i, x := range edges {
			if d != 0 && dst[i] != x%d {
				t.Fatalf("%d %% %d = %d, want %d", x, d, dst[i], x%d)
			}
		}
	}
}

// drawDecimal draws a decimal type and a column of it whose values fit.
func drawDecimal(t *rapid.T, alloc memory.Allocator, n int) arrow.Array {
	p := rapid.SampledFrom([]int32{1, 5, 18, 19, 30, 38}).Draw(t, "precision")
	dt := &arrow.Decimal128Type{Precision: p, Scale: rapid.Int32Range(0, p).Draw(t, "scale")}
	rnd := arraytest.NewRand(rapid.Uint64().Draw(t, "seed"))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(1+rnd.N(int(p)))), nil)
	b := array.NewDecimal128Builder(alloc, dt)
	defer b.Release()
	for range n {
		if rnd.N(10) == 0 {
			b.AppendNull()
			continue
		}
		v := new(big.Int).SetBytes(fmt.Append(nil, rnd.Next(), rnd.Next()))
		v.Rem(v, limit)
		if rnd.N(2) == 0 {
			v.Neg(v)
		}
		if rnd.N(8) == 0 {
			v.SetInt64(int64(rnd.N(3)) - 1)
			if v.CmpAbs(limit) >= 0 {
				v.SetInt64(0)
			}
		}
		b.Append(decimal128.FromBigInt(v))
	}
	return b.NewArray()
}

// rational is a row of a decimal or integer column, or nil.
func rational(a arrow.Array, i int) *big.Rat {
	if a.IsNull(i) {
		return nil
	}
	if d, ok := a.(*array.Decimal128); ok {
		den := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.DataType().(*arrow.Decimal128Type).Scale)), nil)
		return new(big.Rat).SetFrac(d.Value(i).BigInt(), den)
	}
	return new(big.Rat).SetInt64(scalarAt(a, i).(int64))
}

// decimalOf is the slow reference: exact, then rounded HALF_UP; nil for NULL.
func decimalOf(op vector.ArithOp, x, y *big.Rat, out *arrow.Decimal128Type) *big.Int {
	if x == nil || y == nil || (op == vector.Div || op == vector.Mod) && y.Sign() == 0 {
		return nil
	}
	r := new(big.Rat)
	switch op {
	case vector.Add:
		r.Add(x, y)
	case vector.Sub:
		r.Sub(x, y)
	case vector.Mul:
		r.Mul(x, y)
	case vector.Div:
		r.Quo(x, y)
	case vector.Mod:
		q := new(big.Rat).Quo(x, y)
		whole := new(big.Int).Quo(q.Num(), q.Denom())
		r.Sub(x, new(big.Rat).Mul(y, new(big.Rat).SetInt(whole)))
	}
	return roundRat(r, out)
}

func roundRat(r *big.Rat, out *arrow.Decimal128Type) *big.Int {
	r = new(big.Rat).Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(out.Scale)), nil)))
	half := big.NewRat(int64(r.Sign()), 2)
	r.Add(r, half)
	v := new(big.Int).Quo(r.Num(), r.Denom())
	if v.CmpAbs(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(out.Precision)), nil)) >= 0 {
		return nil
	}
	return v
}

func expectDecimals(t *rapid.T, got arrow.Array, want func(i int) *big.Int) {
	defer got.Release()
	for i := range got.Len() {
		w := want(i)
		if w == nil {
			if got.IsValid(i) {
				t.Fatalf("row %d is %s, want NULL", i, arraytest.Show(got, i))
			}
			continue
		}
		if got.IsNull(i) || got.(*array.Decimal128).Value(i).BigInt().Cmp(w) != 0 {
			t.Fatalf("row %d is %s, want %v·10^-scale", i, arraytest.Show(got, i), w)
		}
	}
	checkNulls(t, got)
}

func TestDecimalArith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arraytest.Checked(t, func(alloc memory.Allocator) {
			n := arraytest.DrawRows(t)
			column := func() arrow.Array {
				if rapid.IntRange(0, 3).Draw(t, "integers") == 0 {
					return arraytest.Draw(t, alloc, rapid.SampledFrom([]arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int16}).Draw(t, "type"), n)
				}
				return drawDecimal(t, alloc, n)
			}
			a, b := column(), column()
			defer a.Release()
			defer b.Release()
			op := rapid.SampledFrom(arithOps).Draw(t, "op")
			p := rapid.SampledFrom([]int32{38, 38, 30, 10}).Draw(t, "out precision")
			out := &arrow.Decimal128Type{Precision: p, Scale: rapid.Int32Range(0, min(p, 20)).Draw(t, "out scale")}
			one := drawDecimal(t, alloc, 1)
			defer one.Release()
			expectDecimals(t, vector.DecimalArith(alloc, op, a, b, out), func(i int) *big.Int {
				return decimalOf(op, rational(a, i), rational(b, i), out)
			})
			var s *decimal128.Num
			if one.IsValid(0) {
				v := one.(*array.Decimal128).Value(0)
				s = &v
			}
			st := one.DataType().(*arrow.Decimal128Type)
			if rapid.Bool().Draw(t, "exact product") && s != nil {
				op = vector.Mul
				out = &arrow.Decimal128Type{Precision: 38, Scale: st.Scale}
				if d, ok := a.DataType().(*arrow.Decimal128Type); ok {
					out.Scale += d.Scale
				}
			}
			if out.Scale > 38 {
				return
			}
			expectDecimals(t, vector.DecimalArithScalar(alloc, op, a, s, st.Scale, out), func(i int) *big.Int {
				return decimalOf(op, rational(a, i), rational(one, 0), out)
			})
			expectDecimals(t, vector.ScalarDecimalArith(alloc, op, s, st.Scale, b, out), func(i int) *big.Int {
				return decimalOf(op, rational(one, 0), rational(b, i), out)
			})
		})
	})
}

func BenchmarkArith(b *testing.B) {
	const n = 16384
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	for i := range n {
		ints.Append(int64(i) * 7919)
	}
	col := ints.NewArray()
	run := func(name string, f func() arrow.Array) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f().Release()
			}
			rate(b, n)
		})
	}
	run("add", func() arrow.Array { return vector.Arith(mem.Default(), vector.Add, col, col) })
	run("mod constant", func() arrow.Array { return vector.ArithScalar(mem.Default(), vector.Mod, col, int64(123)) })
	run("div constant", func() arrow.Array { return vector.ArithScalar(mem.Default(), vector.Div, col, int64(1000)) })
	price := decimal128.FromI64(908)
	dec := &arrow.Decimal128Type{Precision: 23, Scale: 3}
	run("decimal times bigint", func() arrow.Array {
		return vector.ScalarDecimalArith(mem.Default(), vector.Mul, &price, 3, col, dec)
	})
	prices := vector.ScalarDecimalArith(mem.Default(), vector.Mul, &price, 3, col, dec)
	run("decimal plus decimal", func() arrow.Array {
		return vector.DecimalArith(mem.Default(), vector.Add, prices, prices, &arrow.Decimal128Type{Precision: 24, Scale: 3})
	})
	run("decimal division", func() arrow.Array {
		return vector.DecimalArithScalar(mem.Default(), vector.Div, prices, &price, 3, &arrow.Decimal128Type{Precision: 38, Scale: 6})
	})
}
