package agg

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// listed is a function of all values of a group in their order; see bag. What
// it keeps is in the bag, so it has no words in the groups' rows.
type listed struct {
	base
	bag    *bagSpec
	finish func(a *listed, t *Table, ids []uint32, counts []int) arrow.Array
}

// finishers compute the results of the functions: ids are the rows of all
// groups, counts how many each has.
var finishers = map[string]func(a *listed, t *Table, ids []uint32, counts []int) arrow.Array{
	"array_agg": (*listed).arrays, "collect": (*listed).multisets, "listagg": (*listed).joined,
	"first_value": (*listed).edges, "last_value": (*listed).edges, "single_value": (*listed).edges,
	"json_arrayagg": (*listed).jsonArrays, "json_objectagg": (*listed).jsonObjects, "percentile": (*listed).percentiles,
}

func (l *Layout) newBag(b base) (acc, error) {
	if len(b.spec.Args) == 0 {
		return nil, fmt.Errorf("%s needs an argument", b.spec.Func)
	}
	if b.spec.Func == "single_value" {
		b.nullable = true
	}
	keep := keepAll
	switch {
	case len(b.spec.Order) > 0:
	case b.spec.Func == "first_value":
		keep = keepFirst
	case b.spec.Func == "last_value":
		keep = keepLast
	}
	return &listed{base: b, bag: l.bag(b.name, b.spec.Args, keep), finish: finishers[b.spec.Func]}, nil
}

func (a *listed) place(off uintptr, bit uint64) int { a.at(off, bit); return 0 }
func (a *listed) retract(t *Table, in input)        { t.bag(a.bag).take(t, in) }
func (a *listed) columns() []arrow.Field            { return nil }

func (a *listed) fold(t *Table, in input) {
	t.bag(a.bag).add(t, in)
	a.keepEdge(t, in.gids)
}

func (a *listed) export(*Table, []uint32) []arrow.Array { return nil }

func (a *listed) load(*Table, []uint32, []arrow.Array) {}

func (a *listed) merge(t, from *Table, dst, src []uint32) {
	t.bag(a.bag).merge(t, from.bag(a.bag), dst, src)
	a.keepEdge(t, dst)
}

func (a *listed) emit(t *Table, groups []uint32) arrow.Array {
	ids, counts := t.bag(a.bag).rows(groups)
	return a.finish(a, t, a.sorted(t, ids, counts), counts)
}

// values is column i of the arguments of rows.
func (a *listed) values(t *Table, i int, ids []uint32) arrow.Array {
	return t.bag(a.bag).store.TakeColumn(t.layout.alloc, i+1, ids)
}

// packed makes lists or maps of the items of all groups, of which each has as
// many as sizes says, or NULL where that is negative.
func packed(t *Table, of arrow.DataType, items arrow.ArrayData, sizes []int) arrow.Array {
	offsets := newColumn[int32](t.layout.alloc, len(sizes)+1)
	valid := newColumn[int8](t.layout.alloc, len(sizes))
	at := int32(0)
	for i, n := range sizes {
		offsets.values[i] = at
		at += int32(max(n, 0))
		if n < 0 {
			valid.null(i)
		}
	}
	offsets.values[len(sizes)] = at
	buffers := []*memory.Buffer{valid.nul, offsets.buf}
	if valid.nulls == 0 {
		buffers[0] = nil
	}
	d := array.NewData(of, len(sizes), buffers, []arrow.ArrayData{items}, valid.nulls, 0)
	defer d.Release()
	for _, b := range []*memory.Buffer{valid.nul, valid.buf, offsets.nul, offsets.buf} {
		b.Release()
	}
	return array.MakeFromData(d)
}

// arrays is ARRAY_AGG; without values it is NULL.
func (a *listed) arrays(t *Table, ids []uint32, counts []int) arrow.Array {
	items := a.values(t, 0, ids)
	defer items.Release()
	sizes := slices.Clone(counts)
	for i, n := range sizes {
		if n == 0 {
			sizes[i] = -1
		}
	}
	return packed(t, a.of, items.Data(), sizes)
}

// edges are the first or the last rows of the groups; a group that has more
// than a single one is an error of SINGLE_VALUE.
func (a *listed) edges(t *Table, ids []uint32, counts []int) arrow.Array {
	picked := make([]uint32, len(counts))
	at := 0
	for i, n := range counts {
		picked[i] = rowstore.None
		if n > 0 {
			picked[i] = ids[at]
			if a.spec.Func == "last_value" {
				picked[i] = ids[at+n-1]
			}
		}
		if at += n; n > 1 && a.spec.Func == "single_value" {
			t.err = fmt.Errorf("a query that stands for one value has %d rows", n)
		}
	}
	return a.values(t, 0, picked)
}

// joined is LISTAGG.
func (a *listed) joined(t *Table, ids []uint32, counts []int) arrow.Array {
	items := a.values(t, 0, ids)
	defer items.Release()
	v := vector.ViewsOf(items)
	var text []byte
	return a.texts(t, counts, func(_, from, to int) ([]byte, bool) {
		text = text[:0]
		for i := from; i < to; i++ {
			if i > from {
				text = append(text, a.spec.Separator...)
			}
			text = append(text, v.At(i)...)
		}
		return text, to > from
	})
}

// texts builds a column of strings: of gives that of group i, whose rows are
// [from, to), until the next call; ok is false for NULL.
func (a *listed) texts(t *Table, counts []int, of func(i, from, to int) (text []byte, ok bool)) arrow.Array {
	b := array.NewStringViewBuilder(t.layout.alloc)
	defer b.Release()
	at := 0
	for i, n := range counts {
		if text, ok := of(i, at, at+n); ok {
			b.BinaryViewBuilder.Append(text)
		} else {
			b.AppendNull()
		}
		at += n
	}
	return b.NewArray()
}
