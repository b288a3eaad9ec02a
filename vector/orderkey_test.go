package vector_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// TestOrderKeys compares the order of keys with Sort's.
func TestOrderKeys(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 30, Scale: 2}, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"i": 1, "f": -1.5, "d": "-3.00", "s": "abc", "b": true}, {"i": -1, "f": 0, "d": "3.00", "s": "abcd", "b": false},
		{"i": null, "f": 2.5, "d": "12345678901234567890123.45", "s": "", "b": null}, {"i": 7, "f": null, "d": null, "s": "ab", "b": true},
		{"i": 1, "f": -2.5, "d": "-3.01", "s": null, "b": false}, {"i": 1, "f": 1e300, "d": "0.00", "s": "abcdefghijk", "b": true},
		{"i": -1, "f": -1e300, "d": "1.00", "s": "abcdefghijkl", "b": true}, {"i": 7, "f": null, "d": null, "s": "ab", "b": true}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	orders := []vector.Order{{}, {Desc: true}, {Nulls: vector.NullsLast}, {Desc: true, Nulls: vector.NullsFirst}}
	for a := range schema.NumFields() {
		for b := range schema.NumFields() {
			for _, o := range orders {
				checkOrder(t, rec, []int{a, b}, []vector.Order{o, orders[(a+b)%len(orders)]})
			}
		}
	}
}

func checkOrder(t *testing.T, rec arrow.RecordBatch, cols []int, orders []vector.Order) {
	t.Helper()
	var arrs []arrow.Array
	var fields []arrow.Field
	for _, c := range cols {
		arrs, fields = append(arrs, rec.Column(c)), append(fields, rec.Schema().Field(c))
	}
	n := int(rec.NumRows())
	k := vector.NewOrderKeys(fields, orders)
	tails := k.Tails(arrs, n)
	words := k.Words(nil, arrs, n, tails)
	got := vector.All(nil, n)
	slices.SortStableFunc(got, func(x, y uint32) int {
		w := k.Width()
		if c := slices.Compare(words[int(x)*w:int(x+1)*w], words[int(y)*w:int(y+1)*w]); c != 0 || k.Fixed() {
			return c
		}
		return strings.Compare(tails[x], tails[y])
	})
	want := vector.Sort(memory.DefaultAllocator, arrs, orders)
	if !slices.Equal(got, want) {
		t.Errorf("columns %v by %v: order %v, want %v", cols, orders, got, want)
	}
	buf, ends := k.Append(nil, []uint32{0}, arrs, n)
	got = vector.All(nil, n)
	slices.SortStableFunc(got, func(x, y uint32) int {
		return bytes.Compare(buf[ends[x]:ends[x+1]], buf[ends[y]:ends[y+1]])
	})
	if !slices.Equal(got, want) {
		t.Errorf("columns %v by %v: order %v by encodings, want %v", cols, orders, got, want)
	}
}
