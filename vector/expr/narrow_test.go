package expr

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestNarrow compares sums and products by words with those of whole decimals,
// for values of every width.
func TestNarrow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	draw := func(of *arrow.Decimal128Type, bits int) arrow.Array {
		b := array.NewDecimal128Builder(memory.DefaultAllocator, of)
		for range 50 {
			b.Append(decimal128.FromI64(r.Int64N(1<<bits) - 1<<(bits-1)))
		}
		return b.NewArray()
	}
	narrowed := 0
	for range 500 {
		ta := &arrow.Decimal128Type{Precision: 18, Scale: int32(r.IntN(6))}
		tb := &arrow.Decimal128Type{Precision: 18, Scale: int32(r.IntN(6))}
		op := []arithOp{opAdd, opSub, opMul}[r.IntN(3)]
		k := decimalKernel{op: op, sa: ta.Scale, sb: tb.Scale, of: &arrow.Decimal128Type{Precision: 38, Scale: max(ta.Scale, tb.Scale)}}
		if op == opMul {
			k.of.Scale = ta.Scale + tb.Scale
		}
		args := []value{{Array: draw(ta, 1+r.IntN(58))}, {Array: draw(tb, 1+r.IntN(58))}}
		f := &frame{alloc: memory.DefaultAllocator, n: 50}
		got, done, err := k.narrow(f, args)
		if err != nil {
			t.Fatal(err)
		}
		if !done {
			continue
		}
		narrowed++
		for i := range 50 {
			a, b := args[0].Array.(*array.Decimal128).Value(i), args[1].Array.(*array.Decimal128).Value(i)
			want, _, err := k.one(a, b)
			if have := got.Array.(*array.Decimal128).Value(i); err != nil || have != want {
				t.Fatalf("%v of %v (scale %d) and %v (%d): %v, want %v (%v)", op, a, ta.Scale, b, tb.Scale, have, want, err)
			}
		}
	}
	if narrowed < 200 {
		t.Errorf("only %d of 500 batches were narrow", narrowed)
	}
}
