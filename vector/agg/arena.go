package agg

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// arena holds the bytes behind an accumulator of strings. An accumulator's two
// words are a reference into it:
//
//	lo: offset    hi: length + 1, or 0 when there is no value
//
// A value that replaces a longer one takes its place; otherwise it goes to the
// end, and what it replaced is garbage until compact.
type arena struct {
	data []byte
	live int // bytes that are referenced
}

func (a *arena) get(ref uint128) []byte { return a.data[ref.lo : ref.lo+ref.hi-1] }

func (a *arena) put(ref *uint128, v []byte) {
	old := 0
	if ref.hi > 0 {
		old = int(ref.hi - 1)
	}
	a.live += len(v) - old
	if ref.hi == 0 || len(v) > old {
		ref.lo = uint64(len(a.data))
		a.data = append(a.data, v...)
	} else {
		copy(a.data[ref.lo:], v)
	}
	ref.hi = uint64(len(v)) + 1
}

// compact moves the values together when most of the arena is garbage.
func (a *arena) compact(t *Table, off uintptr) {
	if len(a.data) < 1<<20 || len(a.data) < 4*a.live {
		return
	}
	fresh := make([]byte, 0, 2*a.live)
	s := t.slab()
	for g := range uint32(t.span()) {
		if ref := s.pair(g, off); ref.hi != 0 {
			v := a.get(*ref)
			ref.lo = uint64(len(fresh))
			fresh = append(fresh, v...)
		}
	}
	a.data = fresh
}

// drop forgets the value of ref.
func (a *arena) drop(ref *uint128) {
	if ref.hi != 0 {
		a.live -= int(ref.hi - 1)
	}
	*ref = uint128{}
}

func (a *arena) reset() { a.data, a.live = a.data[:0], 0 }

// emitBytes gives the arena's values of groups as a view array.
func (t *Table) emitBytes(slot int, off uintptr, groups []uint32, of arrow.DataType) arrow.Array {
	s, ar := t.slab(), t.arenaAt(slot)
	b := array.NewBuilder(t.layout.alloc, of)
	defer b.Release()
	type appender interface {
		Append([]byte)
		AppendNull()
	}
	var to appender
	switch b := b.(type) {
	case *array.StringViewBuilder:
		to = b.BinaryViewBuilder
	case *array.BinaryViewBuilder:
		to = b
	}
	for _, g := range groups {
		if ref := s.pair(g, off); ref.hi != 0 {
			to.Append(ar.get(*ref))
		} else {
			to.AppendNull()
		}
	}
	return b.NewArray()
}
