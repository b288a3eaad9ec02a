package agg

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// weighed is a value and how often it counts.
type weighed struct {
	value float64
	times int64
}

// percentiles is PERCENTILE(value, percentage [, times]): the value at a share of
// the way through the values in their order, or between the two that are
// nearest. The percentage, one or an array, is that of the group's last row.
func (a *listed) percentiles(t *Table, ids []uint32, counts []int) arrow.Array {
	values := a.values(t, 0, ids)
	defer values.Release()
	shares := a.values(t, 1, ids)
	defer shares.Release()
	var times arrow.Array
	if len(a.spec.Args) > 2 {
		times = a.values(t, 2, ids)
		defer times.Release()
	}
	var sc scratch
	floats := slices.Clone(sc.float64s(values))
	b := array.NewBuilder(t.layout.alloc, a.of)
	defer b.Release()
	var set []weighed
	at := 0
	for _, n := range counts {
		set = set[:0]
		for i := at; i < at+n; i++ {
			if w := weight(times, i); w > 0 {
				set = append(set, weighed{floats[i], w})
			}
		}
		slices.SortFunc(set, func(x, y weighed) int { return cmp.Compare(floatWord(x.value), floatWord(y.value)) })
		if err := appendShares(b, set, shares, at+n-1, n); err != nil {
			t.err = err
		}
		at += n
	}
	return b.NewArray()
}

// weight is how often the value of row i counts.
func weight(times arrow.Array, i int) int64 {
	if times == nil {
		return 1
	}
	if times.IsNull(i) {
		return 0
	}
	var sc scratch
	return sc.int64s(times)[i]
}

// appendShares appends the result of one group, whose percentages are in the
// given row of shares.
func appendShares(b array.Builder, set []weighed, shares arrow.Array, row, n int) error {
	list, ok := b.(*array.ListBuilder)
	if !ok {
		of := b.(*array.Float64Builder)
		if n == 0 || len(set) == 0 || shares.IsNull(row) {
			of.AppendNull()
			return nil
		}
		return appendShare(of, set, shareAt(shares, row))
	}
	if n == 0 || len(set) == 0 || shares.IsNull(row) {
		list.AppendNull()
		return nil
	}
	all := shares.(*array.List)
	from, to := all.ValueOffsets(row)
	if from == to {
		list.AppendNull()
		return nil
	}
	list.Append(true)
	of := list.ValueBuilder().(*array.Float64Builder)
	for i := from; i < to; i++ {
		if all.ListValues().IsNull(int(i)) {
			of.AppendNull()
			continue
		}
		if err := appendShare(of, set, shareAt(all.ListValues(), int(i))); err != nil {
			return err
		}
	}
	return nil
}

func shareAt(col arrow.Array, row int) float64 {
	var sc scratch
	return sc.float64s(col)[row]
}

func appendShare(b *array.Float64Builder, set []weighed, share float64) error {
	if !(share >= 0 && share <= 1) {
		b.AppendNull()
		return fmt.Errorf("the percentage of PERCENTILE is %v, not between 0 and 1", share)
	}
	total := int64(0)
	for _, w := range set {
		total += w.times
	}
	at := float64(total-1) * share
	low, high := math.Floor(at), math.Ceil(at)
	x := valueAt(set, int64(low))
	if high != low {
		if y := valueAt(set, int64(high)); x != y {
			x += (y - x) * (at - low)
		}
	}
	b.Append(x)
	return nil
}

// valueAt is the value at a place among all.
func valueAt(set []weighed, place int64) float64 {
	for _, w := range set {
		if place < w.times {
			return w.value
		}
		place -= w.times
	}
	return set[len(set)-1].value
}
