package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// maxBound is how long the bounds of byte arrays may be.
const maxBound = 64

// extremes are the least and the greatest of some values. Words are kept in a
// form that compares as unsigned: see ordered.
type extremes struct {
	some     bool
	lo, hi   uint64
	min, max []byte // of byte strings
}

// ordered maps a word to one whose unsigned order is that of the values.
func ordered(t *target, w uint64) uint64 {
	switch t.order {
	case orderUnsigned:
		return w
	case orderFloat:
		if t.class == class32 {
			w = math.Float64bits(float64(math.Float32frombits(uint32(w))))
		}
		return w ^ (uint64(int64(w)>>63) | 1<<63)
	default:
	}
	if t.class == class32 {
		w = uint64(int64(int32(w)))
	}
	return w ^ 1<<63
}

// plainWord is the inverse of ordered, in PLAIN encoding.
func plainWord(t *target, w uint64) []byte {
	switch t.order {
	case orderUnsigned:
	case orderFloat:
		if w>>63 != 0 {
			w ^= 1 << 63
		} else {
			w = ^w
		}
		if t.class == class32 {
			w = uint64(math.Float32bits(float32(math.Float64frombits(w))))
		}
	default:
		w ^= 1 << 63
	}
	if t.class == class32 {
		return binary.LittleEndian.AppendUint32(nil, uint32(w))
	}
	return binary.LittleEndian.AppendUint64(nil, w)
}

func isNaN(c valueClass, w uint64) bool {
	if c == class32 {
		f := math.Float32frombits(uint32(w))
		return f != f
	}
	f := math.Float64frombits(w)
	return f != f
}

// words takes in words and returns how many of them are NaN, which count for nothing.
func (e *extremes) words(t *target, words []uint64) (nans int64) {
	lo, hi := ^uint64(0), uint64(0)
	if e.some {
		lo, hi = e.lo, e.hi
	}
	switch {
	case t.order == orderFloat:
		for _, w := range words {
			if isNaN(t.class, w) {
				nans++
				continue
			}
			x := ordered(t, w)
			lo, hi = min(lo, x), max(hi, x)
		}
	case t.order == orderSigned && t.class == class64:
		for _, w := range words {
			lo, hi = min(lo, w^1<<63), max(hi, w^1<<63)
		}
	default:
		for _, w := range words {
			x := ordered(t, w)
			lo, hi = min(lo, x), max(hi, x)
		}
	}
	if e.some = e.some || nans < int64(len(words)); e.some {
		e.lo, e.hi = lo, hi
	}
	return nans
}

func (e *extremes) bool(b bool) {
	w := uint64(b2i(b))
	if !e.some {
		e.some, e.lo, e.hi = true, w, w
	}
	e.lo, e.hi = min(e.lo, w), max(e.hi, w)
}

// strings takes in byte strings.
func (e *extremes) strings(t *target, v []string) {
	for _, s := range v {
		if !e.some {
			e.some = true
			e.min, e.max = append(e.min[:0], s...), append(e.max[:0], s...)
			continue
		}
		if less(t.order, s, viewString(e.min)) {
			e.min = append(e.min[:0], s...)
		} else if less(t.order, viewString(e.max), s) {
			e.max = append(e.max[:0], s...)
		}
	}
}

// less orders byte strings; two's complement numbers of one length compare
// as bytes once their sign is turned.
func less(o order, a, b string) bool {
	if o == orderBigEndian && a != "" && b != "" && (a[0]^b[0])&0x80 != 0 {
		return a[0]&0x80 != 0
	}
	return a < b
}

// merge takes in o.
func (e *extremes) merge(t *target, o *extremes) {
	switch {
	case !o.some:
	case !e.some:
		*e = extremes{some: true, lo: o.lo, hi: o.hi, min: bytes.Clone(o.min), max: bytes.Clone(o.max)}
	case t.class == classBytes || t.class == classFixed:
		e.strings(t, []string{string(o.min), string(o.max)})
	default:
		e.lo, e.hi = min(e.lo, o.lo), max(e.hi, o.hi)
	}
}

// bounds returns the extremes as a file writes them, nil where there are none.
// Zeros are signed so that both zeros lie between them.
func (e *extremes) bounds(t *target) (lo, hi []byte) {
	if !e.some {
		return nil, nil
	}
	switch t.class {
	case classBool:
		return []byte{byte(e.lo)}, []byte{byte(e.hi)}
	case classBytes:
		return cutMin(e.min), cutMax(e.max, t.element.logical.kind == logString)
	case classFixed:
		return bytes.Clone(e.min), bytes.Clone(e.max)
	default:
	}
	a, b := e.lo, e.hi
	if t.order == orderFloat {
		if a == 1<<63 { // +0, and -0 is right below it
			a--
		}
		if b == 1<<63-1 {
			b++
		}
	}
	return plainWord(t, a), plainWord(t, b)
}

func cutMin(b []byte) []byte {
	return append([]byte{}, b[:min(len(b), maxBound)]...)
}

// cutMax shortens an upper bound and raises its last byte, or character of
// text, so that it stays one. Nil means that there is no short one.
func cutMax(b []byte, text bool) []byte {
	if len(b) <= maxBound {
		return append([]byte{}, b...)
	}
	out := append([]byte{}, b[:maxBound]...)
	for len(out) > 0 {
		if !text {
			if out[len(out)-1]++; out[len(out)-1] != 0 {
				return out
			}
			out = out[:len(out)-1]
			continue
		}
		r, n := utf8.DecodeLastRune(out)
		out = out[:len(out)-n]
		if r != utf8.RuneError && r < utf8.MaxRune && utf8.ValidRune(r+1) {
			return utf8.AppendRune(out, r+1)
		}
	}
	return nil
}

// widen returns the wider of two bounds, nil when one of them is not known;
// sign is 1 for upper bounds.
func widen(t *target, a, b []byte, sign int) []byte {
	if a == nil || b == nil {
		return nil
	}
	if compareBounds(t, b, a)*sign > 0 {
		return b
	}
	return a
}

func compareBounds(t *target, a, b []byte) int {
	switch t.class {
	case classBool:
		return bytes.Compare(a, b)
	case classBytes, classFixed:
		switch {
		case less(t.order, string(a), string(b)):
			return -1
		case less(t.order, string(b), string(a)):
			return 1
		}
		return 0
	default:
	}
	word := func(p []byte) uint64 {
		if t.class == class32 {
			return ordered(t, uint64(binary.LittleEndian.Uint32(p)))
		}
		return ordered(t, binary.LittleEndian.Uint64(p))
	}
	x, y := word(a), word(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
