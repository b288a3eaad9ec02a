package rowstore

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// canNest reports whether values of a type can be encoded: arrays, maps and
// rows of what a column can be.
func canNest(dt arrow.DataType) bool {
	switch t := dt.(type) {
	case *arrow.ListType:
		return canNest(t.Elem())
	case *arrow.MapType:
		return canNest(t.KeyType()) && canNest(t.ItemType())
	case *arrow.StructType:
		for _, f := range t.Fields() {
			if !canNest(f.Type) {
				return false
			}
		}
		return true
	case *arrow.StringViewType, *arrow.BinaryViewType, *arrow.Decimal128Type, *arrow.NullType:
		return true
	}
	return vector.IsWord(dt)
}

// Encode makes bytes of the values of a nested column, equal for equal values:
// a key for values that cannot be one.
func Encode(alloc memory.Allocator, col arrow.Array) arrow.Array {
	return encode(alloc, col, nil, col.Len())
}

// Decode is the inverse of Encode, for values of type dt.
func Decode(alloc memory.Allocator, dt arrow.DataType, encoded arrow.Array) arrow.Array {
	return decode(alloc, dt, encoded)
}

// encode makes bytes of the selected rows of a nested column:
//
//	NULL    0
//	value   1 and
//	  one word       8 bytes, little-endian; floats as their bits
//	  decimal        16 bytes
//	  string, bytes  length as a varint, the bytes
//	  array          length as a varint, its items
//	  map            length as a varint, its keys and values by turns
//	  row            its fields
func encode(alloc memory.Allocator, col arrow.Array, sel vector.Sel, n int) arrow.Array {
	b := array.NewBinaryViewBuilder(alloc)
	defer b.Release()
	e := encoderOf(col)
	var scratch []byte
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if col.IsNull(r) {
			b.AppendNull()
			continue
		}
		scratch = e.append(scratch[:0], r)
		b.Append(scratch)
	}
	return b.NewArray()
}

// encoder reads single values of an array.
type encoder struct {
	col     arrow.Array
	kind    kind
	bits32  []uint32 // of floats
	bits64  []uint64
	views   vector.Views
	dec     []decimal128.Num
	members []*encoder // items, or keys and values, or fields
}

func encoderOf(col arrow.Array) *encoder {
	e := &encoder{col: col, kind: nestedKind}
	switch c := col.(type) {
	case *array.Map:
		e.members = []*encoder{encoderOf(c.Keys()), encoderOf(c.Items())}
	case *array.List:
		e.members = []*encoder{encoderOf(c.ListValues())}
	case *array.Struct:
		for i := range c.NumField() {
			e.members = append(e.members, encoderOf(c.Field(i)))
		}
	case *array.StringView, *array.BinaryView:
		e.kind, e.views = stringKind, vector.ViewsOf(col)
	case *array.Decimal128:
		e.kind, e.dec = decimalKind, c.Values()
	case *array.Null:
		e.kind = nullKind
	case *array.Float32:
		e.kind, e.bits32 = floatKind, vector.Values[uint32](col)
	case *array.Float64:
		e.kind, e.bits64 = floatKind, vector.Values[uint64](col)
	default:
		e.kind = wordKind
	}
	return e
}

func (e *encoder) append(dst []byte, row int) []byte {
	if e.kind == nullKind || e.col.IsNull(row) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch e.kind {
	case decimalKind:
		dst = binary.LittleEndian.AppendUint64(dst, e.dec[row].LowBits())
		return binary.LittleEndian.AppendUint64(dst, uint64(e.dec[row].HighBits()))
	case stringKind:
		v := e.views.At(row)
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	case nestedKind:
		return e.appendNested(dst, row)
	case floatKind:
		if e.bits32 != nil {
			return binary.LittleEndian.AppendUint64(dst, uint64(e.bits32[row]))
		}
		return binary.LittleEndian.AppendUint64(dst, e.bits64[row])
	case wordKind, nullKind:
	}
	var w [1]uint64
	vector.Words(w[:], e.col, row)
	return binary.LittleEndian.AppendUint64(dst, w[0])
}

func (e *encoder) appendNested(dst []byte, row int) []byte {
	list, ok := e.col.(array.ListLike)
	if !ok {
		for _, m := range e.members {
			dst = m.append(dst, row)
		}
		return dst
	}
	from, to := list.ValueOffsets(row)
	dst = binary.AppendUvarint(dst, uint64(to-from))
	for i := from; i < to; i++ {
		for _, m := range e.members {
			dst = m.append(dst, int(i))
		}
	}
	return dst
}

// decode is the inverse of encode: a column of type dt of a column of bytes.
func decode(alloc memory.Allocator, dt arrow.DataType, encoded arrow.Array) arrow.Array {
	b := array.NewBuilder(alloc, dt)
	defer b.Release()
	v := vector.ViewsOf(encoded)
	for i := range encoded.Len() {
		if encoded.IsNull(i) {
			b.AppendNull()
			continue
		}
		if rest := decodeValue(b, v.At(i)); len(rest) > 0 {
			panic(fmt.Sprintf("rowstore: %d bytes behind a value of %v", len(rest), dt))
		}
	}
	return b.NewArray()
}

// decodeValue appends the value that src begins with and returns what follows.
func decodeValue(b array.Builder, src []byte) []byte {
	valid := src[0] == 1
	src = src[1:]
	if !valid {
		b.AppendNull()
		return src
	}
	switch b := b.(type) {
	case *array.MapBuilder:
		b.Append(true)
		return decodeItems(src, b.KeyBuilder(), b.ItemBuilder())
	case *array.ListBuilder:
		b.Append(true)
		return decodeItems(src, b.ValueBuilder())
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			src = decodeValue(b.FieldBuilder(i), src)
		}
		return src
	case *array.Decimal128Builder:
		b.Append(decimal128.New(int64(binary.LittleEndian.Uint64(src[8:])), binary.LittleEndian.Uint64(src)))
		return src[16:]
	case *array.StringViewBuilder:
		v, rest := decodeBytes(src)
		b.BinaryViewBuilder.Append(v)
		return rest
	case *array.BinaryViewBuilder:
		v, rest := decodeBytes(src)
		b.Append(v)
		return rest
	}
	appendWord(b, binary.LittleEndian.Uint64(src))
	return src[8:]
}

func decodeItems(src []byte, members ...array.Builder) []byte {
	n, k := binary.Uvarint(src)
	src = src[k:]
	for range n {
		for _, m := range members {
			src = decodeValue(m, src)
		}
	}
	return src
}

func decodeBytes(src []byte) (v, rest []byte) {
	n, k := binary.Uvarint(src)
	return src[k : k+int(n)], src[k+int(n):]
}
