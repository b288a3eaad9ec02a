package hashtable

import (
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// Keys returns the key columns of rows, in the order of gids, which may repeat.
// The arrays own their data and one reference each.
func (t *Table) Keys(alloc memory.Allocator, gids vector.Sel) []arrow.Array {
	out := make([]arrow.Array, len(t.types))
	for i := range out {
		out[i] = t.key(alloc, i, gids)
	}
	return out
}

func (t *Table) key(alloc memory.Allocator, i int, gids vector.Sel) arrow.Array {
	b := array.NewBuilder(alloc, t.types[i])
	defer b.Release()
	b.Reserve(len(gids))
	c := t.keys[i]
	for _, g := range gids {
		if t.isNull(g, i) {
			b.AppendNull()
			continue
		}
		switch c.kind {
		case decimalKind:
			b.(*array.Decimal128Builder).Append(decimal128.New(int64(*t.wordOf(g, c.at+1)), *t.wordOf(g, c.at)))
		case stringKind:
			appendBytes(b, t.stringOf(g, c.at))
		case wordKind:
			appendWord(b, *t.wordOf(g, c.at))
		case nullKind:
		}
	}
	return b.NewArray()
}

func (t *Table) isNull(g uint32, column int) bool {
	if t.word {
		return g == t.nullRow
	}
	return *t.wordOf(g, 0)>>column&1 == 1
}

// stringOf returns the bytes of the string at a word of a row.
func (t *Table) stringOf(g uint32, at int) []byte {
	n := uint32(*t.wordOf(g, at))
	if n <= vector.Inline {
		return unsafe.Slice((*byte)(unsafe.Add(t.Row(g), 8*at+4)), n)
	}
	return unsafe.Slice((*byte)(address(t.arena.Base(), *t.wordOf(g, at+1))), n)
}

func appendBytes(b array.Builder, v []byte) {
	switch b := b.(type) {
	case *array.StringViewBuilder:
		b.BinaryViewBuilder.Append(v)
	case *array.BinaryViewBuilder:
		b.Append(v)
	}
}

func appendWord(b array.Builder, w uint64) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(w != 0)
	case *array.Int8Builder:
		b.Append(int8(w))
	case *array.Int16Builder:
		b.Append(int16(w))
	case *array.Int32Builder:
		b.Append(int32(w))
	case *array.Int64Builder:
		b.Append(int64(w))
	case *array.Uint8Builder:
		b.Append(uint8(w))
	case *array.Uint16Builder:
		b.Append(uint16(w))
	case *array.Uint32Builder:
		b.Append(uint32(w))
	case *array.Uint64Builder:
		b.Append(w)
	case *array.Float32Builder:
		b.Append(float32(math.Float64frombits(w)))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(w))
	case *array.Date32Builder:
		b.Append(arrow.Date32(w))
	case *array.Date64Builder:
		b.Append(arrow.Date64(w))
	case *array.Time32Builder:
		b.Append(arrow.Time32(w))
	case *array.Time64Builder:
		b.Append(arrow.Time64(w))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(w))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(w))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(w))
	}
}
