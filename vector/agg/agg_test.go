package agg_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// The input of the property tests: keys, one column of each class, a filter.
var input = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "n", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
	{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "d", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true},
	{Name: "t", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
}, nil)

// testRow holds small integers that stand for values of each column; nil is NULL.
type testRow []*int

func drawRow(t *rapid.T) testRow {
	r := make(testRow, input.NumFields())
	for i := range r {
		if rapid.IntRange(0, 5).Draw(t, "null") > 0 {
			v := rapid.IntRange(-3, 3).Draw(t, "value")
			r[i] = &v
		}
	}
	return r
}

// text gives strings of both kinds of view, in the order of v.
func text(v int) string {
	return strings.Repeat(string(rune('d'+v)), 1+5*(v+3))
}

func record(alloc memory.Allocator, rows []testRow) arrow.RecordBatch {
	rb := array.NewRecordBuilder(alloc, input)
	defer rb.Release()
	for _, r := range rows {
		for c, v := range r {
			if v == nil {
				rb.Field(c).AppendNull()
				continue
			}
			switch b := rb.Field(c).(type) {
			case *array.Int64Builder:
				b.Append(int64(*v))
			case *array.Int16Builder:
				b.Append(int16(*v))
			case *array.Float64Builder:
				b.Append(float64(*v) / 2)
			case *array.Decimal128Builder:
				b.Append(decimal128.FromI64(int64(*v)))
			case *array.StringViewBuilder:
				b.Append(text(*v))
			case *array.BooleanBuilder:
				b.Append(*v > 0)
			}
		}
	}
	return rb.NewRecordBatch()
}

// slow is the answer by its definition, for the rows of one group, in order.
func slow(s agg.Spec, rows []testRow) string {
	var vals []int
	for _, r := range rows {
		if s.Filter >= 0 && (r[s.Filter] == nil || *r[s.Filter] <= 0) {
			continue
		}
		if len(s.Args) == 0 {
			vals = append(vals, 0)
		} else if v := r[s.Args[0]]; v != nil && (!s.Distinct || !slices.Contains(vals, *v)) {
			vals = append(vals, *v)
		}
	}
	sum := 0
	for _, v := range vals {
		sum += v
	}
	if s.Func == "count" {
		return fmt.Sprint(len(vals))
	}
	if len(vals) == 0 {
		if s.Func == "sum0" {
			return "0"
		}
		return array.NullValueStr
	}
	switch s.Func {
	case "sum", "sum0":
		return slowValue(s, sum, 1)
	case "avg":
		return slowValue(s, sum, len(vals))
	case "min":
		return slowValue(s, slices.Min(vals), 1)
	case "max":
		return slowValue(s, slices.Max(vals), 1)
	case "first_value":
		return slowValue(s, vals[0], 1)
	}
	return slowValue(s, vals[len(vals)-1], 1)
}

// slowValue is v/n as the column of s's argument holds it.
func slowValue(s agg.Spec, v, n int) string {
	switch input.Field(s.Args[0]).Name {
	case "f":
		return fmt.Sprint(float64(v) / 2 / float64(n))
	case "t":
		return text(v)
	case "d":
		scale := int32(2)
		if s.Func == "avg" {
			scale = 6
		}
		q := big.NewRat(int64(v), int64(100*n)).FloatString(int(scale)) // rounds half away from zero
		if q = strings.TrimRight(strings.TrimRight(q, "0"), "."); q == "-0" || q == "" {
			q = "0"
		}
		return q
	}
	return fmt.Sprint(v / n)
}

func drawSpecs(t *rapid.T, retract bool) []agg.Spec {
	specs := []agg.Spec{{Func: "count", Filter: -1}}
	for range rapid.IntRange(0, 6).Draw(t, "functions") {
		s := agg.Spec{Filter: rapid.SampledFrom([]int{-1, -1, 7}).Draw(t, "filter")}
		funcs := []string{"count", "sum", "sum0", "avg", "min", "max"}
		if !retract {
			funcs = append(funcs, "first_value", "last_value")
		}
		s.Func = rapid.SampledFrom(funcs).Draw(t, "func")
		s.Args = []int{rapid.IntRange(2, 6).Draw(t, "arg")}
		if input.Field(s.Args[0]).Name == "t" && slices.Contains([]string{"sum", "sum0", "avg"}, s.Func) {
			s.Args[0] = 2
		}
		s.Distinct = !strings.HasSuffix(s.Func, "_value") && rapid.Bool().Draw(t, "distinct")
		specs = append(specs, s)
	}
	return specs
}

// held is a table beside the rows it should hold.
type held struct {
	table *agg.Table
	rows  []testRow
}

func (h *held) check(t *rapid.T, specs []agg.Spec, keys []int) {
	groups := map[string][]testRow{}
	for _, r := range h.rows {
		groups[slowKey(r, keys)] = append(groups[slowKey(r, keys)], r)
	}
	ids := slices.Clone(h.table.All())
	kc, cols := h.table.Keys(ids), h.table.Results(ids)
	seen := 0
	for i, id := range ids {
		key := make([]string, len(keys))
		for j, c := range kc {
			key[j] = c.ValueStr(i)
		}
		rows := groups[strings.Join(key, "|")]
		if n := h.table.Rows(id); len(rows) == 0 {
			if n != 0 && len(keys) > 0 {
				t.Fatalf("group %v has %d rows, want none", key, n)
			}
		} else {
			seen++
		}
		for j, s := range specs {
			if got, want := cols[j].ValueStr(i), slow(s, rows); got != want && !sameNumber(got, want) {
				t.Fatalf("%+v of group %v = %s, want %s\nrows %v", s, key, got, want, rows)
			}
		}
	}
	if seen != len(groups) {
		t.Fatalf("%d groups, want %d", seen, len(groups))
	}
	for _, c := range append(kc, cols...) {
		c.Release()
	}
}

func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok && ok2 && x.Cmp(y) == 0
}

func slowKey(r testRow, keys []int) string {
	key := make([]string, len(keys))
	for i, k := range keys {
		switch {
		case r[k] == nil:
			key[i] = array.NullValueStr
		case k == 1:
			key[i] = text(*r[k])
		default:
			key[i] = fmt.Sprint(*r[k])
		}
	}
	return strings.Join(key, "|")
}

// apply adds rows, or takes them away, some of them through a selection.
func (h *held) apply(t *rapid.T, alloc memory.Allocator, rows []testRow, retract bool) {
	var all []testRow
	var sel vector.Sel
	if rapid.Bool().Draw(t, "selected") {
		sel = vector.Sel{}
		for _, r := range rows {
			if rapid.Bool().Draw(t, "gap") {
				all = append(all, drawRow(t))
			}
			sel = append(sel, uint32(len(all)))
			all = append(all, r)
		}
	} else {
		all = rows
	}
	rec := record(alloc, all)
	defer rec.Release()
	ids := make([]uint32, len(rows))
	h.table.Groups(rec, sel, ids)
	if retract {
		h.table.Retract(rec, sel, ids)
	} else {
		h.table.Add(rec, sel, ids)
		h.rows = append(h.rows, rows...)
	}
}

// TestTable adds, retracts, merges, stores and loads at random, and compares
// each table with the answer by definition.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		retract := rapid.Bool().Draw(t, "retract")
		keys := rapid.SampledFrom([][]int{{0}, {0, 1}, {1}, {}}).Draw(t, "keys")
		specs := drawSpecs(t, retract)
		l, err := agg.Compile(specs, input, keys, agg.Options{Retract: retract, Alloc: alloc})
		if err != nil {
			t.Fatal(err)
		}
		open := func() *held {
			table, err := l.NewTable()
			if err != nil {
				t.Fatal(err)
			}
			return &held{table: table}
		}
		a, b := open(), open()
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			h := rapid.SampledFrom([]*held{a, b}).Draw(t, "table")
			switch rapid.SampledFrom([]string{"add", "add", "retract", "merge", "reset", "store"}).Draw(t, "step") {
			case "add":
				h.apply(t, alloc, rapid.SliceOfN(rapid.Custom(drawRow), 1, 12).Draw(t, "rows"), false)
			case "retract":
				if retract && len(h.rows) > 0 {
					n := rapid.IntRange(1, len(h.rows)).Draw(t, "n")
					h.apply(t, alloc, h.rows[:n], true)
					h.rows = slices.Clone(h.rows[n:])
				}
			case "merge":
				a.table.Merge(b.table)
				a.rows = append(a.rows, b.rows...)
			case "reset":
				b.table.Reset()
				b.rows = nil
			case "store":
				next := open()
				next.rows = h.rows
				stored(t, h.table, next.table, len(l.Sets()))
				h.table.Release()
				*h = *next
			}
			a.check(t, specs, keys)
			b.check(t, specs, keys)
		}
		a.table.Release()
		b.table.Release()
		alloc.AssertSize(failer{t}, 0)
	})
}

type failer struct{ *rapid.T }

func (failer) Helper() {}

// stored moves all groups of from to the empty table to through their columns, the
// first few first.
func stored(t *rapid.T, from, to *agg.Table, sets int) {
	all := from.Dirty(nil)
	first := rapid.IntRange(0, len(all)).Draw(t, "first")
	for _, ids := range [][]uint32{all[:first], all[first:]} {
		kc, cols := from.Keys(ids), from.Export(ids)
		to.Load(kc, cols, len(ids))
		for _, c := range append(kc, cols...) {
			c.Release()
		}
		to.Expect(len(all), 1<<10)
	}
	for i := range sets {
		err := from.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			if !gone {
				to.LoadSet(i, keys, cols, cols[0].Len())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(to.Dirty(nil)); n != 0 {
		t.Fatalf("%d groups are dirty after loading", n)
	}
	to.TouchAll() // so that a second store writes them again
}

func TestOverflow(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "i", Type: arrow.PrimitiveTypes.Int64},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 38, Scale: 0}},
		{Name: "b", Type: arrow.PrimitiveTypes.Int8},
	}, nil)
	specs := []agg.Spec{
		{Func: "sum", Args: []int{0}, Filter: -1},
		{Func: "sum", Args: []int{1}, Filter: -1},
		{Func: "avg", Args: []int{1}, Filter: -1, Of: &arrow.Decimal128Type{Precision: 38, Scale: 0}},
		{Func: "sum", Args: []int{2}, Filter: -1},
	}
	l, err := agg.Compile(specs, schema, nil, agg.Options{Alloc: alloc})
	if err != nil {
		t.Fatal(err)
	}
	table, err := l.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rb := array.NewRecordBuilder(alloc, schema)
	defer rb.Release()
	nines := decimal128.GetMaxValue(38)
	for range 3 {
		rb.Field(0).(*array.Int64Builder).Append(1 << 62)
		rb.Field(1).(*array.Decimal128Builder).Append(nines)
		rb.Field(2).(*array.Int8Builder).Append(100)
	}
	rec := rb.NewRecordBatch()
	defer rec.Release()
	ids := make([]uint32, 3)
	table.Groups(rec, nil, ids)
	table.Add(rec, nil, ids)
	var got []string
	for _, c := range table.Results([]uint32{0}) {
		got = append(got, c.ValueStr(0))
		c.Release()
	}
	// 3·2^62 wraps around, a DECIMAL beyond 38 digits is NULL, its average is
	// not, 300 wraps around in a TINYINT.
	want := []string{"-4611686018427387904", "(null)", strings.Repeat("9", 38), "44"}
	if slices.Compare(got, want) != 0 {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// TestMoments checks the cases of Flink's tests: integers are truncated.
func TestMoments(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "b", Type: arrow.PrimitiveTypes.Int8},
		{Name: "l", Type: arrow.PrimitiveTypes.Int64},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 10, Scale: 1}},
	}, nil)
	var specs []agg.Spec
	for arg := range 3 {
		for _, f := range []string{"stddev_pop", "stddev_samp", "var_pop", "var_samp"} {
			specs = append(specs, agg.Spec{Func: f, Args: []int{arg}, Filter: -1})
		}
	}
	l, err := agg.Compile(specs, schema, nil, agg.Options{Alloc: alloc})
	if err != nil {
		t.Fatal(err)
	}
	table, err := l.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rb := array.NewRecordBuilder(alloc, schema)
	defer rb.Release()
	for _, v := range []int64{1, 2, 3} {
		rb.Field(0).(*array.Int8Builder).Append(int8(v))
		rb.Field(1).(*array.Int64Builder).Append(v * 4096)
		rb.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(v * 10))
	}
	rec := rb.NewRecordBatch()
	defer rec.Release()
	ids := make([]uint32, 3)
	table.Groups(rec, nil, ids)
	table.Add(rec, nil, ids)
	var got []string
	for _, c := range table.Results([]uint32{0}) {
		got = append(got, c.ValueStr(0))
		c.Release()
	}
	want := []string{"0", "1", "0", "1", "3344", "4096", "11184810", "16777216", "0.816497", "1", "0.666667", "1"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		spec agg.Spec
		want string
	}{
		{agg.Spec{Func: "sum", Args: []int{6}, Filter: -1}, "sum does not take string_view"},
		{agg.Spec{Func: "sum", Args: []int{9}, Filter: -1}, "no column 9 in an input of 8"},
		{agg.Spec{Func: "median", Args: []int{2}, Filter: -1}, `no aggregate function "median"`},
		{agg.Spec{Func: "sum", Args: []int{2, 3}, Filter: -1}, "sum takes one argument, not 2"},
		{agg.Spec{Func: "count", Filter: 2}, "filter of count() where i is int64, not BOOLEAN"},
		{agg.Spec{Func: "count", Distinct: true, Filter: -1}, "count(DISTINCT) needs an argument"},
	} {
		_, err := agg.Compile([]agg.Spec{c.spec}, input, nil, agg.Options{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.spec, err, c.want)
		}
	}
}

// TestNoColumns counts rows of which no column is read.
func TestNoColumns(t *testing.T) {
	schema := arrow.NewSchema(nil, nil)
	l, err := agg.Compile([]agg.Spec{{Func: "count", Filter: -1}}, schema, nil, agg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := l.NewTable()
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rec := array.NewRecordBatch(schema, nil, 5)
	ids := make([]uint32, 5)
	table.Groups(rec, nil, ids)
	table.Add(rec, nil, ids)
	got := table.Results([]uint32{0})[0]
	defer got.Release()
	if got.ValueStr(0) != "5" {
		t.Errorf("counted %s rows, want 5", got.ValueStr(0))
	}
}
