package parquet

import (
	"encoding/binary"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// loader takes the values of a slice of rows out of an Arrow array, in the
// form of the leaf's class. Strings share the array's memory.
type loader struct {
	sel []int32 // slots to take; nil means the range that values is given

	words   []uint64
	strings []string
	bools   []bool

	selBuf []int32
	wordsB []uint64
	fixed  []byte // memory of strings that were made here
}

// alive selects the slots that are not negative.
func (v *loader) alive(slots []int32) {
	v.selBuf = v.selBuf[:0]
	for _, s := range slots {
		if s >= 0 {
			v.selBuf = append(v.selBuf, s)
		}
	}
	if v.sel = v.selBuf; v.sel == nil {
		v.sel = []int32{}
	}
}

// values loads the selected slots of a, or, without a selection, n from from on.
func (v *loader) values(t *target, a arrow.Array, from, n int) {
	d := a.Data()
	if v.sel != nil {
		from, n = 0, len(v.sel)
	}
	from += d.Offset()
	if n == 0 {
		v.words, v.strings, v.bools = v.words[:0], v.strings[:0], v.bools[:0]
		return
	}
	switch t.class {
	case classBool:
		v.loadBools(d.Buffers()[1].Bytes(), from, n)
	case class32, class64:
		v.loadWords(t, d.Buffers()[1].Bytes(), from, n)
	case classFixed:
		v.loadFixed(t, d.Buffers()[1].Bytes(), from, n)
	case classBytes:
		v.loadStrings(a.DataType().ID(), d.Buffers(), from, n)
	}
}

func (v *loader) loadBools(bits []byte, from, n int) {
	v.bools = v.bools[:0]
	for i := range n {
		at := from + i
		if v.sel != nil {
			at = from + int(v.sel[i])
		}
		v.bools = append(v.bools, bitutil.BitIsSet(bits, at))
	}
}

func (v *loader) loadWords(t *target, b []byte, from, n int) {
	if cap(v.wordsB) < n {
		v.wordsB = make([]uint64, n+n/2)
	}
	to := v.wordsB[:n]
	v.words = to
	switch typ := t.of.(type) {
	case *arrow.Int8Type:
		pick(to, cast[int8](b)[from:], v.sel)
	case *arrow.Int16Type:
		pick(to, cast[int16](b)[from:], v.sel)
	case *arrow.Uint8Type:
		pick(to, b[from:], v.sel)
	case *arrow.Uint16Type:
		pick(to, cast[uint16](b)[from:], v.sel)
	case *arrow.Decimal128Type:
		pick(to, everyOther(cast[uint64](b)[2*from:]), v.sel)
	case *arrow.TimestampType:
		pick(to, cast[uint64](b)[from:], v.sel)
		if typ.Unit == arrow.Second {
			for i := range to {
				to[i] *= 1000
			}
		}
	default:
		switch {
		case t.class == class32:
			pick(to, cast[uint32](b)[from:], v.sel)
		case v.sel == nil:
			v.words = cast[uint64](b)[from : from+n]
		default:
			pick(to, cast[uint64](b)[from:], v.sel)
		}
	}
}

// low is the lower half of a 128-bit number.
type low struct{ word, _ uint64 }

func everyOther(words []uint64) []low {
	return unsafe.Slice((*low)(unsafe.Pointer(&words[0])), len(words)/2)
}

// pick copies the selected values, or the first len(to).
func pick[T int8 | int16 | uint8 | uint16 | uint32 | uint64 | low](to []uint64, from []T, sel []int32) {
	if sel == nil {
		for i, x := range from[:len(to)] {
			to[i] = wordOf(x)
		}
		return
	}
	for i, s := range sel {
		to[i] = wordOf(from[s])
	}
}

func wordOf[T int8 | int16 | uint8 | uint16 | uint32 | uint64 | low](x T) uint64 {
	switch x := any(x).(type) {
	case int8:
		return uint64(uint32(int32(x)))
	case int16:
		return uint64(uint32(int32(x)))
	case uint8:
		return uint64(x)
	case uint16:
		return uint64(x)
	case uint32:
		return uint64(x)
	case uint64:
		return x
	case low:
		return x.word
	}
	panic("unreachable")
}

func (v *loader) loadFixed(t *target, b []byte, from, n int) {
	w := int(t.element.typeLength)
	v.strings = v.strings[:0]
	_, decimal := t.of.(*arrow.Decimal128Type)
	if decimal {
		if len(v.fixed) < n*w {
			v.fixed = make([]byte, 2*n*w)
		}
	}
	for i := range n {
		at := from + i
		if v.sel != nil {
			at = from + int(v.sel[i])
		}
		if !decimal {
			v.strings = append(v.strings, viewString(b[at*w:(at+1)*w]))
			continue
		}
		var big [16]byte
		half := cast[uint64](b[at*16 : (at+1)*16])
		binary.BigEndian.PutUint64(big[:], half[1])
		binary.BigEndian.PutUint64(big[8:], half[0])
		to := v.fixed[i*w : (i+1)*w]
		copy(to, big[16-w:])
		v.strings = append(v.strings, viewString(to))
	}
}

func (v *loader) loadStrings(id arrow.Type, bufs []*memory.Buffer, from, n int) {
	v.strings = v.strings[:0]
	var data []byte
	if id != arrow.STRING_VIEW && id != arrow.BINARY_VIEW && len(bufs) > 2 && bufs[2] != nil {
		data = bufs[2].Bytes()
	}
	b := bufs[1].Bytes()
	for i := range n {
		at := from + i
		if v.sel != nil {
			at = from + int(v.sel[i])
		}
		switch id {
		case arrow.STRING_VIEW, arrow.BINARY_VIEW:
			v.strings = append(v.strings, viewString(cast[view](b)[at].bytes(bufs[2:])))
		case arrow.STRING, arrow.BINARY:
			off := cast[int32](b)
			v.strings = append(v.strings, viewString(data[off[at]:off[at+1]]))
		default:
			off := cast[int64](b)
			v.strings = append(v.strings, viewString(data[off[at]:off[at+1]]))
		}
	}
}

// viewString is b as a string that shares its memory.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
