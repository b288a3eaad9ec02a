package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// decoder turns the values of one page into memory. Nulls are not among them.
type decoder interface {
	// decode writes the next n values to dst, n times the leaf's width. What
	// views show goes into s.
	decode(dst []byte, n int, s *sink) error
	skip(n int) error
}

var errValuesShort = errors.New("page ends before its last value")

// plainFixed reads values of one width that stand one after another.
type plainFixed struct {
	b     []byte
	width int
}

func (d *plainFixed) decode(dst []byte, n int, _ *sink) error {
	size := n * d.width
	if size > len(d.b) {
		return errValuesShort
	}
	copy(dst[:size], d.b)
	d.b = d.b[size:]
	return nil
}

func (d *plainFixed) skip(n int) error {
	if n > len(d.b)/d.width {
		return errValuesShort
	}
	d.b = d.b[n*d.width:]
	return nil
}

// plainBool reads bits, the least significant first, into bytes.
type plainBool struct {
	b  []byte
	at int
}

func (d *plainBool) decode(dst []byte, n int, _ *sink) error {
	if d.at+n > 8*len(d.b) {
		return errValuesShort
	}
	for i := range dst[:n] {
		dst[i] = d.b[d.at>>3] >> (d.at & 7) & 1
		d.at++
	}
	return nil
}

func (d *plainBool) skip(n int) error {
	if d.at+n > 8*len(d.b) {
		return errValuesShort
	}
	d.at += n
	return nil
}

// rleBool reads the hybrid of width 1 into bytes.
type rleBool struct{ h hybrid }

func (d *rleBool) decode(dst []byte, n int, _ *sink) error { return d.h.levels(dst[:n], 1) }
func (d *rleBool) skip(n int) error                        { return d.h.skip(n) }

// plainBytes reads byte arrays with their lengths in front. The views show
// the page itself.
type plainBytes struct {
	b   []byte
	at  int
	buf *memory.Buffer // holds b
}

func (d *plainBytes) decode(dst []byte, n int, s *sink) error {
	index := s.index(d.buf)
	b, at := d.b, d.at
	out := cast[view](dst)[:n]
	for i := range out {
		if len(b)-at < 4 {
			return errValuesShort
		}
		size := int(binary.LittleEndian.Uint32(b[at:]))
		at += 4
		if size > len(b)-at {
			return errValuesShort
		}
		out[i] = makeView(b, at, size, index)
		at += size
	}
	d.at = at
	return nil
}

func (d *plainBytes) skip(n int) error {
	for range n {
		if len(d.b)-d.at < 4 {
			return errValuesShort
		}
		size := int(binary.LittleEndian.Uint32(d.b[d.at:]))
		d.at += 4
		if size > len(d.b)-d.at {
			return errValuesShort
		}
		d.at += size
	}
	return nil
}

// dictionary is the values of a chunk's dictionary page. The views of byte
// arrays are made for buffer 0 of each batch.
type dictionary struct {
	values []byte // n times the leaf's width
	n      int
	buf    *memory.Buffer // what views show; nil for other types
	held   *memory.Buffer // holds values
}

func (d *dictionary) release() {
	if d.buf != nil {
		d.buf.Release()
	}
	if d.held != nil {
		d.held.Release()
	}
}

// dictValues reads indices into a dictionary.
type dictValues struct {
	h     hybrid
	dict  *dictionary
	width int
}

func (d *dictValues) decode(dst []byte, n int, _ *sink) error {
	switch d.width {
	case 4:
		return gather(&d.h, cast[uint32](dst)[:n], cast[uint32](d.dict.values))
	case 8:
		return gather(&d.h, cast[uint64](dst)[:n], cast[uint64](d.dict.values))
	case viewBytes:
		return gather(&d.h, cast[view](dst)[:n], cast[view](d.dict.values))
	}
	var block [256]uint32
	for n > 0 {
		v := block[:min(n, len(block))]
		if err := indices(&d.h, v); err != nil {
			return err
		}
		for i, x := range v {
			if uint(x) >= uint(d.dict.n) {
				return errIndex(x, d.dict.n)
			}
			copy(dst[i*d.width:(i+1)*d.width], d.dict.values[int(x)*d.width:])
		}
		dst, n = dst[len(v)*d.width:], n-len(v)
	}
	return nil
}

func (d *dictValues) skip(n int) error { return d.h.skip(n) }

func errIndex(x uint32, n int) error {
	return fmt.Errorf("index %d into a dictionary of %d values", x, n)
}

// gather looks up len(dst) indices in dict.
func gather[T any](h *hybrid, dst, dict []T) error {
	var block [512]uint32
	for len(dst) > 0 {
		repeat, packed, err := h.run(len(dst))
		if err != nil {
			return err
		}
		if repeat > 0 {
			if uint(h.value) >= uint(len(dict)) {
				return errIndex(h.value, len(dict))
			}
			fill(dst[:repeat], dict[h.value])
			dst = dst[repeat:]
			continue
		}
		v := block[:min(packed, len(block))]
		h.take(v)
		out := dst[:len(v)]
		for i, x := range v {
			if uint(x) >= uint(len(dict)) {
				return errIndex(x, len(dict))
			}
			out[i] = dict[x]
		}
		dst = dst[len(v):]
	}
	return nil
}

// indices decodes len(dst) values of h.
func indices(h *hybrid, dst []uint32) error {
	for len(dst) > 0 {
		repeat, packed, err := h.run(len(dst))
		if err != nil {
			return err
		}
		if repeat > 0 {
			fill(dst[:repeat], h.value)
		} else {
			h.take(dst[:packed])
		}
		dst = dst[repeat+packed:]
	}
	return nil
}

// byteStreamSplit reads values whose k'th bytes stand together: n first
// bytes, n second bytes, and so on.
type byteStreamSplit struct {
	b     []byte
	width int
	at    int
}

func (d *byteStreamSplit) decode(dst []byte, n int, _ *sink) error {
	stride := len(d.b) / d.width
	if n > stride-d.at {
		return errValuesShort
	}
	for k := range d.width {
		from := d.b[k*stride+d.at:][:n]
		for i, c := range from {
			dst[i*d.width+k] = c
		}
	}
	d.at += n
	return nil
}

func (d *byteStreamSplit) skip(n int) error {
	if n > len(d.b)/d.width-d.at {
		return errValuesShort
	}
	d.at += n
	return nil
}

// noValues is the decoder of a page that holds nulls only.
type noValues struct{}

func (noValues) decode(_ []byte, n int, _ *sink) error { return noValues{}.skip(n) }

func (noValues) skip(n int) error {
	if n > 0 {
		return errValuesShort
	}
	return nil
}
