package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// deltaBinary decodes DELTA_BINARY_PACKED:
//
//	block size, miniblocks per block, number of values, first value
//	block:  least delta, a width per miniblock, the miniblocks
//	value = the one before + least delta + packed
//
// Arithmetic wraps, so one decoder serves INT32 and INT64.
type deltaBinary struct {
	b        []byte
	per      int // values in a miniblock
	left     int // values not decoded yet
	last     uint64
	started  bool // the first value was taken
	least    uint64
	widths   []byte // of the miniblocks that remain in the block
	minis    int
	packed   []byte // the rest of the current miniblock
	bit      uint
	width    uint
	miniLeft int
}

var errDelta = errors.New("malformed delta header")

// maxDeltaBlock bounds a block's values; writers use 128 or 256.
const maxDeltaBlock = 1 << 20

func newDeltaBinary(b []byte) (deltaBinary, error) {
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return deltaBinary{}, errDelta
		}
		head[i], b = v, b[n:]
	}
	first, n := binary.Varint(b)
	if n <= 0 {
		return deltaBinary{}, errDelta
	}
	block, minis, values := head[0], head[1], head[2]
	if block == 0 || block > maxDeltaBlock || minis == 0 || minis > block || block%minis != 0 ||
		block/minis%8 != 0 || values > 1<<31 {
		return deltaBinary{}, errDelta
	}
	return deltaBinary{
		b: b[n:], per: int(block / minis), minis: int(minis), left: int(values), last: uint64(first),
	}, nil
}

// mini moves to the next miniblock.
func (d *deltaBinary) mini() error {
	if len(d.widths) == 0 {
		least, n := binary.Varint(d.b)
		if n <= 0 || len(d.b)-n < d.minis {
			return errValuesShort
		}
		d.least = uint64(least)
		d.widths, d.b = d.b[n:n+d.minis], d.b[n+d.minis:]
	}
	d.width = uint(d.widths[0])
	d.widths = d.widths[1:]
	if d.width > 64 {
		return fmt.Errorf("delta of %d bits", d.width)
	}
	size := d.per / 8 * int(d.width)
	if size > len(d.b) {
		// The last miniblock may lack its padding.
		if need := (min(d.left, d.per)*int(d.width) + 7) / 8; need > len(d.b) {
			return errValuesShort
		}
		size = len(d.b)
	}
	d.packed, d.b, d.bit, d.miniLeft = d.b[:size], d.b[size:], 0, d.per
	return nil
}

// take decodes up to len(dst) values; fewer come only at the end.
func (d *deltaBinary) take(dst []int64) (int, error) {
	n := 0
	if !d.started && d.left > 0 && len(dst) > 0 {
		d.started = true
		dst[0] = int64(d.last)
		d.left--
		n = 1
	}
	for n < len(dst) && d.left > 0 {
		if d.miniLeft == 0 {
			if err := d.mini(); err != nil {
				return n, err
			}
		}
		k := min(len(dst)-n, d.left, d.miniLeft)
		d.unpack(dst[n : n+k])
		n += k
		d.left -= k
		d.miniLeft -= k
	}
	return n, nil
}

func (d *deltaBinary) unpack(dst []int64) {
	last, least, bit, width := d.last, d.least, d.bit, d.width
	if width == 0 {
		for i := range dst {
			last += least
			dst[i] = int64(last)
		}
		d.last = last
		return
	}
	mask := ^uint64(0) >> (64 - width)
	for i := range dst {
		at, shift := bit/8, bit&7
		v := load64(d.packed, at) >> shift
		if shift+width > 64 {
			v |= uint64(d.packed[at+8]) << (64 - shift)
		}
		last += least + v&mask
		dst[i] = int64(last)
		bit += width
	}
	d.last, d.bit = last, bit
}

// end passes over the rest of d, decoding nothing, and returns what follows.
func (d deltaBinary) end() ([]byte, error) {
	for left := d.left - 1; left > 0; left -= d.per {
		d.left = left
		if err := d.mini(); err != nil {
			return nil, err
		}
	}
	return d.b, nil
}

// deltaInts is the decoder of integer columns.
type deltaInts struct {
	d     deltaBinary
	width int
}

func (d *deltaInts) decode(dst []byte, n int, _ *sink) error {
	if d.width == 8 {
		return full(n, &d.d, cast[int64](dst)[:n])
	}
	var block [256]int64
	out := cast[int32](dst)[:n]
	for len(out) > 0 {
		v := block[:min(len(out), len(block))]
		if err := full(len(v), &d.d, v); err != nil {
			return err
		}
		for i, x := range v {
			out[i] = int32(x)
		}
		out = out[len(v):]
	}
	return nil
}

func full(n int, d *deltaBinary, dst []int64) error {
	got, err := d.take(dst)
	if err == nil && got < n {
		err = errValuesShort
	}
	return err
}

func (d *deltaInts) skip(n int) error { return skipDelta(&d.d, n, nil) }

// skipDelta passes over n values and adds them up.
func skipDelta(d *deltaBinary, n int, sum *int) error {
	var block [256]int64
	for n > 0 {
		v := block[:min(n, len(block))]
		if err := full(len(v), d, v); err != nil {
			return err
		}
		if sum != nil {
			for _, x := range v {
				if x < 0 || x > maxPageBytes {
					return fmt.Errorf("length of %d", x)
				}
				*sum += int(x)
			}
		}
		n -= len(v)
	}
	return nil
}

// deltaLengths decodes DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
// The views show the page.
type deltaLengths struct {
	lengths deltaBinary
	b       []byte
	at      int
	buf     *memory.Buffer // holds b
}

// newDeltaLengths reads the header; b is the end of whole, the bytes of buf.
func newDeltaLengths(b []byte, whole []byte, buf *memory.Buffer) (deltaLengths, error) {
	lengths, err := newDeltaBinary(b)
	if err != nil {
		return deltaLengths{}, err
	}
	rest, err := lengths.end()
	if err != nil {
		return deltaLengths{}, err
	}
	return deltaLengths{lengths: lengths, b: whole, at: len(whole) - len(rest), buf: buf}, nil
}

func (d *deltaLengths) decode(dst []byte, n int, s *sink) error {
	index := s.index(d.buf)
	var block [256]int64
	out := cast[view](dst)[:n]
	for len(out) > 0 {
		v := block[:min(len(out), len(block))]
		if err := full(len(v), &d.lengths, v); err != nil {
			return err
		}
		for i, size := range v {
			if size < 0 || size > int64(len(d.b)-d.at) {
				return errValuesShort
			}
			out[i] = makeView(d.b, d.at, int(size), index)
			d.at += int(size)
		}
		out = out[len(v):]
	}
	return nil
}

func (d *deltaLengths) skip(n int) error {
	sum := 0
	if err := skipDelta(&d.lengths, n, &sum); err != nil {
		return err
	}
	if sum > len(d.b)-d.at {
		return errValuesShort
	}
	d.at += sum
	return nil
}

// deltaBytes decodes DELTA_BYTE_ARRAY: how many bytes each value shares with
// the one before, then the other bytes as DELTA_LENGTH_BYTE_ARRAY. Values are
// put together in fresh memory. width is 0 for byte arrays, else the length
// that each value must have.
type deltaBytes struct {
	prefixes deltaBinary
	suffixes deltaLengths
	width    int
	last     []byte // owned
}

func newDeltaBytes(b []byte, whole []byte, buf *memory.Buffer, width int) (deltaBytes, error) {
	prefixes, err := newDeltaBinary(b)
	if err != nil {
		return deltaBytes{}, err
	}
	rest, err := prefixes.end()
	if err != nil {
		return deltaBytes{}, err
	}
	suffixes, err := newDeltaLengths(rest, whole, buf)
	return deltaBytes{prefixes: prefixes, suffixes: suffixes, width: width}, err
}

// next reads the lengths of up to len(prefix) values and how many bytes the
// values have together.
func (d *deltaBytes) next(prefix, suffix []int64) (total int, err error) {
	if err := full(len(prefix), &d.prefixes, prefix); err != nil {
		return 0, err
	}
	if err := full(len(suffix), &d.suffixes.lengths, suffix); err != nil {
		return 0, err
	}
	last, rest := int64(len(d.last)), int64(len(d.suffixes.b)-d.suffixes.at)
	for i, p := range prefix {
		if p < 0 || p > last || suffix[i] < 0 || suffix[i] > rest {
			return 0, errValuesShort
		}
		rest -= suffix[i]
		last = p + suffix[i]
		if d.width > 0 && last != int64(d.width) {
			return 0, fmt.Errorf("value of %d bytes where %d belong", last, d.width)
		}
		total += int(last)
		if total > maxPageBytes {
			return 0, fmt.Errorf("values of more than %d bytes in one page", maxPageBytes)
		}
	}
	return total, nil
}

func (d *deltaBytes) decode(dst []byte, n int, s *sink) error {
	var prefix, suffix [256]int64
	for n > 0 {
		k := min(n, len(prefix))
		total, err := d.next(prefix[:k], suffix[:k])
		if err != nil {
			return err
		}
		out, index := dst, uint32(0)
		if d.width == 0 {
			var buf *memory.Buffer
			buf, index = s.fresh(total)
			out = buf.Bytes()
		}
		at := 0
		last := d.last
		for i := range k {
			p, q := int(prefix[i]), int(suffix[i])
			v := out[at : at+p+q]
			copy(v, last[:p])
			copy(v[p:], d.suffixes.b[d.suffixes.at:][:q])
			d.suffixes.at += q
			last = v
			if d.width == 0 {
				cast[view](dst)[i] = makeView(out, at, p+q, index)
			}
			at += p + q
		}
		d.last = append(d.last[:0], last...)
		dst = dst[k*max(d.width, viewBytes*b2i(d.width == 0)):]
		n -= k
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *deltaBytes) skip(n int) error {
	var prefix, suffix [256]int64
	for n > 0 {
		k := min(n, len(prefix))
		if _, err := d.next(prefix[:k], suffix[:k]); err != nil {
			return err
		}
		for i := range k {
			d.last = append(d.last[:prefix[i]], d.suffixes.b[d.suffixes.at:][:suffix[i]]...)
			d.suffixes.at += int(suffix[i])
		}
		n -= k
	}
	return nil
}
