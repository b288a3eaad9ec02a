package agg

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// bagSpec is a bag of a layout: which columns it keeps.
type bagSpec struct {
	index int // in Layout.sides and Table.sides
	name  string
	args  []int
	// keep is how many rows of a group are of use: all, the first or the last.
	keep    keeping
	retract bool
}

type keeping uint8

const (
	keepAll keeping = iota
	keepFirst
	keepLast
)

// bag keeps the values of each group in the order in which they came: what
// ARRAY_AGG and its like need. It is a store of rows (group, values, order), in
// which the rows of a group are a chain, and where rows may be retracted the
// oldest with equal content is found by an index:
//
//	group a ─▶ (a, 9) ⇄ (a, 7) ⇄ (a, 9)      retract (a, 9): the first goes
//	group b ─▶ (b, 5)
//
// A row's order grows from row to row of a table; the state table is keyed by
// it, and it brings the chains back when they are loaded.
type bag struct {
	spec   *bagSpec
	store  *rowstore.Store
	chains *rowstore.Chains
	next   int64
	loaded []uint32 // rows that are in no chain yet
	gone   []uint32 // rows that the state table has to forget

	cols    []arrow.Array
	ids     []uint32
	numbers []uint32
}

// bagExtra is what stands beside a row: its links, then its order and whether
// the state table knows it.
type bagExtra struct {
	_     [rowstore.ChainBytes]byte
	order int64
	known int64
}

func (l *Layout) bag(name string, args []int, keep keeping) *bagSpec {
	s := &bagSpec{index: len(l.sides), name: name, args: args, keep: keep, retract: l.retract}
	l.sides = append(l.sides, s)
	return s
}

func (s *bagSpec) types(l *Layout) []arrow.DataType {
	types := []arrow.DataType{arrow.PrimitiveTypes.Uint32}
	for _, a := range s.args {
		types = append(types, l.in.Field(a).Type)
	}
	return types
}

// open implements sideSpec.
func (s *bagSpec) open(l *Layout) (side, error) {
	store, err := rowstore.New(rowstore.Options{Index: s.retract}, s.types(l), int(unsafe.Sizeof(bagExtra{})))
	if err != nil {
		return nil, fmt.Errorf("values of %s: %w", s.name, err)
	}
	chains, err := rowstore.NewChains(nil, store, 0, []arrow.DataType{arrow.PrimitiveTypes.Uint32}, 0)
	if err != nil {
		store.Release()
		return nil, err
	}
	return &bag{spec: s, store: store, chains: chains}, nil
}

// describe implements sideSpec.
func (s *bagSpec) describe(l *Layout) Set {
	set := Set{Name: "rows of " + s.name, Keys: 1, Fields: []arrow.Field{{Name: "$order", Type: arrow.PrimitiveTypes.Int64}}}
	for _, a := range s.args {
		f := l.in.Field(a)
		f.Name = "value." + f.Name
		f.Nullable = true
		set.Fields = append(set.Fields, f)
	}
	return set
}

func (t *Table) bag(s *bagSpec) *bag { return t.sides[s.index].(*bag) }

func (b *bag) extra(id uint32) *bagExtra { return (*bagExtra)(b.store.Extra(id)) }

// columns are a row's columns in the store; the caller releases the first.
func (b *bag) columns(t *Table, in input) []arrow.Array {
	b.cols = append(b.cols[:0], nil)
	n := 0
	for _, a := range b.spec.args {
		b.cols = append(b.cols, in.rec.Column(a))
		n = in.rec.Column(a).Len()
	}
	b.cols[0] = t.layout.scratch.groupColumn(in, n)
	return b.cols
}

// add appends rows to the chains of their groups.
func (b *bag) add(t *Table, in input) {
	if len(in.gids) == 0 {
		return
	}
	b.settle()
	cols := b.columns(t, in)
	defer cols[0].Release()
	b.append(cols, vector.Sel(in.rows), len(in.gids))
	b.trim(in.gids)
}

// append adds rows and marks them as new.
func (b *bag) append(cols []arrow.Array, sel vector.Sel, n int) {
	b.ids = grown(b.ids, n)
	b.store.Append(cols, sel, b.ids)
	for _, id := range b.ids {
		b.next++
		b.extra(id).order = b.next
	}
	b.chains.Add(cols[:1], sel, b.ids)
	b.store.Mark(b.ids)
}

// trim forgets the rows of groups that are of no use.
func (b *bag) trim(groups []uint32) {
	if b.spec.keep == keepAll || b.spec.retract {
		return
	}
	for _, number := range b.find(groups) {
		if number == rowstore.None {
			continue
		}
		kept := b.chains.Head(number)
		if b.spec.keep == keepLast {
			kept = b.chains.Tail(number)
		}
		for id := b.chains.Head(number); id != rowstore.None; {
			next := b.chains.Next(id)
			if id != kept {
				b.remove(id)
			}
			id = next
		}
	}
}

// find gives the chains of groups, or None.
func (b *bag) find(groups []uint32) []uint32 {
	b.settle()
	buf := memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(groups))
	col := vector.MakeArray(arrow.PrimitiveTypes.Uint32, len(groups), 0, nil, buf)
	defer col.Release()
	b.numbers = grown(b.numbers, len(groups))
	b.chains.Find([]arrow.Array{col}, nil, b.numbers)
	return b.numbers
}

// take removes, for each row, the oldest that is equal.
func (b *bag) take(t *Table, in input) {
	if len(in.gids) == 0 {
		return
	}
	b.settle()
	cols := b.columns(t, in)
	defer cols[0].Release()
	b.ids = grown(b.ids, len(in.gids))
	b.store.Claim(cols, vector.Sel(in.rows), b.ids)
	for _, id := range b.ids {
		if id != rowstore.None {
			b.remove(id)
		}
	}
}

// remove takes a row out of its chain. It is freed, unless the state table has
// to be told first.
func (b *bag) remove(id uint32) {
	one := [1]uint32{id}
	b.chains.Remove(one[:])
	if b.extra(id).known != 0 {
		b.gone = append(b.gone, id)
		return
	}
	b.store.Free(one[:])
}

// rows are the ids of the rows of groups, in order, and how many each has.
func (b *bag) rows(groups []uint32) (ids []uint32, counts []int) {
	counts = make([]int, len(groups))
	for i, number := range b.find(groups) {
		if number == rowstore.None {
			continue
		}
		for id := b.chains.Head(number); id != rowstore.None; id = b.chains.Next(id) {
			ids = append(ids, id)
			counts[i]++
		}
	}
	return ids, counts
}

// merge appends the rows of from's groups src to the groups dst.
func (b *bag) merge(t *Table, from *bag, dst, src []uint32) {
	ids, counts := from.rows(src)
	if len(ids) == 0 {
		return
	}
	cols := from.store.Take(t.layout.alloc, ids)
	defer release(cols)
	into := make([]uint32, 0, len(ids))
	for i, n := range counts {
		for range n {
			into = append(into, dst[i])
		}
	}
	cols[0].Release()
	buf := memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(into))
	cols[0] = vector.MakeArray(arrow.PrimitiveTypes.Uint32, len(into), 0, nil, buf)
	b.settle()
	b.append(cols, nil, len(ids))
	b.trim(dst)
}

// drop implements side.
func (b *bag) drop(_ *Table, groups []uint32) {
	for _, number := range slices.Clone(b.find(groups)) {
		if number == rowstore.None {
			continue
		}
		for id := b.chains.Head(number); id != rowstore.None; {
			next := b.chains.Next(id)
			b.remove(id)
			id = next
		}
	}
}

// dirty implements side.
func (b *bag) dirty(t *Table, write func(keys, cols []arrow.Array, gone bool) error) error {
	b.settle()
	there := b.store.Dirty(nil)
	there = slices.DeleteFunc(there, func(id uint32) bool { return b.extra(id).known != 0 })
	for _, id := range there {
		b.extra(id).known = 1
	}
	b.store.ClearDirty()
	if err := b.write(t, there, false, write); err != nil {
		return err
	}
	if err := b.write(t, b.gone, true, write); err != nil {
		return err
	}
	b.store.Free(b.gone)
	b.gone = b.gone[:0]
	return nil
}

func (b *bag) write(t *Table, ids []uint32, gone bool, write func(keys, cols []arrow.Array, gone bool) error) error {
	if len(ids) == 0 {
		return nil
	}
	orders := newColumn[int64](t.layout.alloc, len(ids))
	for i, id := range ids {
		orders.values[i] = b.extra(id).order
	}
	cols := b.store.Take(t.layout.alloc, ids)
	groups := slices.Clone(vector.Values[uint32](cols[0]))
	cols[0].Release()
	cols[0] = orders.array(arrow.PrimitiveTypes.Int64)
	defer release(cols)
	keys := t.Keys(groups)
	defer release(keys)
	if gone {
		return write(keys, cols[:1], true)
	}
	return write(keys, cols, false)
}

// load implements side.
func (b *bag) load(_ *Table, groups []uint32, cols []arrow.Array) {
	buf := memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(groups))
	col := vector.MakeArray(arrow.PrimitiveTypes.Uint32, len(groups), 0, nil, buf)
	defer col.Release()
	ids := make([]uint32, len(groups))
	b.store.Append(append([]arrow.Array{col}, cols[1:]...), nil, ids)
	for i, order := range vector.Values[int64](cols[0]) {
		x := b.extra(ids[i])
		x.order, x.known = order, 1
		b.next = max(b.next, order)
	}
	b.loaded = append(b.loaded, ids...)
}

// settle makes chains of the rows that were loaded, in any order.
func (b *bag) settle() {
	if len(b.loaded) == 0 {
		return
	}
	slices.SortFunc(b.loaded, func(x, y uint32) int { return int(b.extra(x).order - b.extra(y).order) })
	groups := b.store.TakeColumn(memory.DefaultAllocator, 0, b.loaded)
	b.chains.Add([]arrow.Array{groups}, nil, b.loaded)
	groups.Release()
	b.loaded = nil
}

func (b *bag) littered() bool { return false }
func (b *bag) sweep(*Table)   {}
func (b *bag) bytes() int     { return b.store.Bytes() }

func (b *bag) reset() {
	b.chains.Reset()
	b.store.Reset()
	b.loaded, b.gone = nil, b.gone[:0]
}

func (b *bag) release() {
	b.chains.Release()
	b.store.Release()
}

// grown is s with room for n.
func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}
