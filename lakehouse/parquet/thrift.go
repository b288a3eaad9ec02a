package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
)

// The types of Thrift's compact protocol.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 13
)

const maxThriftDepth = 32

var errThriftShort = errors.New("metadata ends too early")

// thriftReader reads the compact protocol from memory. The first error sticks
// and empties the input, so that loops end. What it returns shares b.
type thriftReader struct {
	b   []byte
	at  int
	err error
}

func (r *thriftReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.at = len(r.b)
}

func (r *thriftReader) byte() byte {
	if r.at >= len(r.b) {
		r.fail(errThriftShort)
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		if n == 0 {
			r.fail(errThriftShort)
		} else {
			r.fail(errors.New("metadata holds an integer of more than 64 bits"))
		}
		return 0
	}
	r.at += n
	return v
}

func (r *thriftReader) zigzag() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// field reads the next field header. ok is false at the end of the struct;
// *last is the id of the field before and starts at 0.
func (r *thriftReader) field(last *int16) (id int16, typ byte, ok bool) {
	h := r.byte()
	if h&0x0f == thriftStop {
		return 0, 0, false
	}
	if delta := int16(h >> 4); delta != 0 {
		*last += delta
	} else {
		*last = int16(r.zigzag())
	}
	return *last, h & 0x0f, r.err == nil
}

// fields yields the id and the type of each field of the struct that begins here. The
// loop must read the field, or skip it.
func (r *thriftReader) fields() iter.Seq2[int16, byte] {
	return func(yield func(id int16, typ byte) bool) {
		for last := int16(0); ; {
			id, typ, ok := r.field(&last)
			if !ok || !yield(id, typ) {
				return
			}
		}
	}
}

// fieldsOf is fields of a field that holds a struct; there are none if it does not.
func (r *thriftReader) fieldsOf(typ byte) iter.Seq2[int16, byte] {
	if !r.begin(typ) {
		return func(func(int16, byte) bool) {}
	}
	return r.fields()
}

// expect passes over a field whose type is none of want and returns false, as
// Thrift wants it: writers have used spare field ids for things of their own.
func (r *thriftReader) expect(got byte, want ...byte) bool {
	if slices.Contains(want, got) {
		return true
	}
	r.skip(got, 0)
	return false
}

func (r *thriftReader) i64(typ byte) int64 {
	switch typ {
	case thriftI8:
		return int64(int8(r.byte()))
	case thriftI16, thriftI32, thriftI64:
		return r.zigzag()
	}
	r.expect(typ, thriftI64)
	return 0
}

func (r *thriftReader) i32(typ byte) int32 {
	v := r.i64(typ)
	if v != int64(int32(v)) {
		r.fail(fmt.Errorf("metadata holds %d where 32 bits belong", v))
		return 0
	}
	return int32(v)
}

// enum reads an enumeration; values beyond 127 are all 127, known to nobody.
func (r *thriftReader) enum(typ byte) int8 {
	v := r.i32(typ)
	if v < 0 || v > math.MaxInt8 {
		return math.MaxInt8
	}
	return int8(v)
}

func (r *thriftReader) bool(typ byte) bool {
	r.expect(typ, thriftTrue, thriftFalse)
	return typ == thriftTrue
}

func (r *thriftReader) bytes(typ byte) []byte {
	if !r.expect(typ, thriftBinary) {
		return nil
	}
	n := r.uvarint()
	if n > uint64(len(r.b)-r.at) {
		r.fail(errThriftShort)
		return nil
	}
	b := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *thriftReader) string(typ byte) string { return string(r.bytes(typ)) }

// list reads a list's header. Each element takes at least a byte, so n is
// bounded by what is left.
func (r *thriftReader) list(typ byte) (n int, elem byte) {
	if !r.expect(typ, thriftList, thriftSet) {
		return 0, 0
	}
	h := r.byte()
	size := uint64(h >> 4)
	if size == 15 {
		size = r.uvarint()
	}
	if size > uint64(len(r.b)-r.at) {
		r.fail(errThriftShort)
		return 0, 0
	}
	return int(size), h & 0x0f
}

// elements yields the type of the elements for each element of a list, which the loop
// must read.
func (r *thriftReader) elements(typ byte) iter.Seq[byte] {
	return func(yield func(elem byte) bool) {
		n, elem := r.list(typ)
		for i := 0; i < n && r.err == nil; i++ {
			if !yield(elem) {
				return
			}
		}
	}
}

// elemBool reads a boolean inside a list, where it is a byte of its own.
func (r *thriftReader) elemBool() bool { return r.byte() == thriftTrue }

// begin checks that a field holds a struct.
func (r *thriftReader) begin(typ byte) bool { return r.expect(typ, thriftStruct) }

// skip passes over a field that nobody wants.
func (r *thriftReader) skip(typ byte, depth int) {
	if depth > maxThriftDepth {
		r.fail(fmt.Errorf("metadata is nested deeper than %d", maxThriftDepth))
		return
	}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftI8:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		r.drop(8)
	case thriftUUID:
		r.drop(16)
	case thriftBinary:
		r.bytes(typ)
	case thriftList, thriftSet:
		n, elem := r.list(typ)
		for i := 0; i < n && r.err == nil; i++ {
			r.skipElem(elem, depth)
		}
	case thriftMap:
		n := r.uvarint()
		if n > uint64(len(r.b)-r.at) {
			r.fail(errThriftShort)
		}
		if n == 0 || r.err != nil {
			return
		}
		kv := r.byte()
		for i := uint64(0); i < n && r.err == nil; i++ {
			r.skipElem(kv>>4, depth)
			r.skipElem(kv&0x0f, depth)
		}
	case thriftStruct:
		for _, t := range r.fields() {
			r.skip(t, depth+1)
		}
	default:
		r.fail(fmt.Errorf("metadata field of unknown type %d", typ))
	}
}

func (r *thriftReader) skipElem(typ byte, depth int) {
	if typ == thriftTrue || typ == thriftFalse {
		r.byte()
		return
	}
	r.skip(typ, depth+1)
}

func (r *thriftReader) drop(n int) {
	if n > len(r.b)-r.at {
		r.fail(errThriftShort)
		return
	}
	r.at += n
}

// thriftWriter writes the compact protocol. Structs nest by begin and end.
type thriftWriter struct {
	b    []byte
	last []int16 // ids of the last field of each open struct
}

func (w *thriftWriter) field(id int16, typ byte) {
	last := &w.last[len(w.last)-1]
	if d := id - *last; d > 0 && d < 16 {
		w.b = append(w.b, byte(d)<<4|typ)
	} else {
		w.b = append(w.b, typ)
		w.zigzag(int64(id))
	}
	*last = id
}

func (w *thriftWriter) zigzag(v int64) {
	w.b = binary.AppendUvarint(w.b, uint64(v)<<1^uint64(v>>63))
}

func (w *thriftWriter) i32(id int16, v int32) { w.field(id, thriftI32); w.zigzag(int64(v)) }
func (w *thriftWriter) i64(id int16, v int64) { w.field(id, thriftI64); w.zigzag(v) }

func (w *thriftWriter) i8(id int16, v int8) { w.field(id, thriftI8); w.b = append(w.b, byte(v)) }

func (w *thriftWriter) bool(id int16, v bool) {
	if v {
		w.field(id, thriftTrue)
	} else {
		w.field(id, thriftFalse)
	}
}

func (w *thriftWriter) bytes(id int16, v []byte) {
	w.field(id, thriftBinary)
	w.elemBytes(v)
}

func (w *thriftWriter) string(id int16, v string) {
	w.field(id, thriftBinary)
	w.b = binary.AppendUvarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *thriftWriter) elemBytes(v []byte) {
	w.b = binary.AppendUvarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *thriftWriter) list(id int16, elem byte, n int) {
	w.field(id, thriftList)
	if n < 15 {
		w.b = append(w.b, byte(n)<<4|elem)
		return
	}
	w.b = append(w.b, 15<<4|elem)
	w.b = binary.AppendUvarint(w.b, uint64(n))
}

// begin opens a struct: the document itself or a list's element; beginField
// one that is a field.
func (w *thriftWriter) begin() { w.last = append(w.last, 0) }

func (w *thriftWriter) beginField(id int16) {
	w.field(id, thriftStruct)
	w.begin()
}

func (w *thriftWriter) end() {
	w.b = append(w.b, thriftStop)
	w.last = w.last[:len(w.last)-1]
}

// empty writes a struct without fields, as Thrift's unions of marker types have.
func (w *thriftWriter) empty(id int16) {
	w.beginField(id)
	w.end()
}
