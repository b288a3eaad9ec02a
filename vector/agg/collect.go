package agg

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// multisets is COLLECT: maps of each group's values to how often they are
// there, in the order in which they came first. A group without values has an
// empty one.
func (a *listed) multisets(t *Table, ids []uint32, counts []int) arrow.Array {
	alloc := t.layout.alloc
	values := a.values(t, 0, ids)
	defer values.Release()
	firsts, times, sizes := a.distinctOf(t, values, counts)
	keys := vector.Take(alloc, values, firsts)
	defer keys.Release()
	n := newColumn[int32](alloc, len(times))
	copy(n.values, times)
	how := n.array(arrow.PrimitiveTypes.Int32)
	defer how.Release()
	m := a.of.(*arrow.MapType)
	entries := array.NewData(m.Elem(), len(firsts), []*memory.Buffer{nil}, []arrow.ArrayData{keys.Data(), how.Data()}, 0, 0)
	defer entries.Release()
	return packed(t, a.of, entries, sizes)
}

// distinctOf finds the values of each group that are not equal to one before:
// their rows, how often they are there, and how many each group has.
func (a *listed) distinctOf(t *Table, values arrow.Array, counts []int) (firsts vector.Sel, times []int32, sizes []int) {
	hashed := hashable(values)
	defer hashed.Release()
	groups := newColumn[uint32](t.layout.alloc, values.Len())
	at := 0
	for i, n := range counts {
		for range n {
			groups.values[at] = uint32(i)
			at++
		}
	}
	group := groups.array(arrow.PrimitiveTypes.Uint32)
	defer group.Release()
	table, err := hashtable.New(hashtable.Options{}, []arrow.DataType{group.DataType(), hashed.DataType()}, 0)
	if err != nil {
		t.err = err
		return nil, nil, make([]int, len(counts))
	}
	defer table.Free()
	ids := make([]uint32, values.Len())
	table.FindOrInsert([]arrow.Array{group, hashed}, nil, ids)
	owner := vector.Values[uint32](group)
	sizes = make([]int, len(counts))
	for i, id := range ids { // ids are given out in the order of first rows
		if int(id) == len(firsts) {
			firsts, times = append(firsts, uint32(i)), append(times, 0)
			sizes[owner[i]]++
		}
		times[id]++
	}
	return firsts, times, sizes
}

// hashable is values, or, where the hash table does not take their type, their
// texts.
func hashable(values arrow.Array) arrow.Array {
	if vector.IsKey(values.DataType()) {
		values.Retain()
		return values
	}
	b := array.NewStringViewBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range values.Len() {
		b.Append(values.ValueStr(i))
	}
	return b.NewArray()
}
