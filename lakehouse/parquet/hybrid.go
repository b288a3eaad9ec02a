package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

var errLevelsShort = errors.New("run-length data ends too early")

// hybrid decodes the RLE/bit-packed hybrid: runs that repeat one value, and
// runs of groups of 8 values of width bits, least significant bit first.
//
//	uvarint h: h&1 == 0: h>>1 times the value in the next ⌈width/8⌉ bytes
//	           h&1 == 1: h>>1 groups of 8 values in the next (h>>1)·width bytes
type hybrid struct {
	b     []byte
	width uint

	repeat uint64 // left of a repeating run
	value  uint32
	packed []byte // of a bit-packed run; its next value is the bit'th bit
	bit    uint
	left   uint64 // values left in packed, padding included
}

func newHybrid(b []byte, width uint) (hybrid, error) {
	if width > 32 {
		return hybrid{}, fmt.Errorf("bit width of %d", width)
	}
	return hybrid{b: b, width: width}, nil
}

// next starts the next run.
func (h *hybrid) next() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 {
		if h.width == 0 && len(h.b) == 0 { // nothing but zeros needs no run at all
			h.repeat, h.value = 1<<32, 0
			return nil
		}
		return errLevelsShort
	}
	h.b = h.b[n:]
	if head&1 == 0 {
		bytes := int(h.width+7) / 8
		if len(h.b) < bytes {
			return errLevelsShort
		}
		h.value = 0
		for i := range bytes {
			h.value |= uint32(h.b[i]) << (8 * i)
		}
		h.b = h.b[bytes:]
		h.repeat = head >> 1
		return nil
	}
	groups := head >> 1
	size := uint64(len(h.b))
	if h.width > 0 && groups <= size { // groups·width cannot overflow
		size = min(size, groups*uint64(h.width))
	}
	h.packed, h.b, h.bit = h.b[:size], h.b[size:], 0
	h.left = groups * 8
	if h.width > 0 { // a writer may cut the padding of the last group
		h.left = min(h.left, size*8/uint64(h.width))
		if groups > size*8 {
			h.left = size * 8 / uint64(h.width)
		}
	} else if groups > 1<<32 {
		h.left = 1 << 32
	}
	return nil
}

// run returns the next run, of at most n values: repeat values equal to
// h.value, or else up to n packed ones to be taken with take.
func (h *hybrid) run(n int) (repeat, packed int, err error) {
	for h.repeat == 0 && h.left == 0 {
		if len(h.b) == 0 && h.width > 0 {
			return 0, 0, errLevelsShort
		}
		if err := h.next(); err != nil {
			return 0, 0, err
		}
	}
	if h.repeat > 0 {
		k := min(uint64(n), h.repeat)
		h.repeat -= k
		return int(k), 0, nil
	}
	return 0, int(min(uint64(n), h.left)), nil
}

// take unpacks len(dst) values of the bit-packed run. Loads may reach behind
// the run, into what follows it in the page.
func (h *hybrid) take(dst []uint32) {
	unpack32(dst, h.packed[:cap(h.packed)], h.bit, h.width)
	h.advance(len(dst))
}

func (h *hybrid) advance(n int) {
	h.bit += uint(n) * h.width
	h.left -= uint64(n)
	h.packed = h.packed[h.bit/8:]
	h.bit &= 7
}

// levels decodes len(dst) levels, none of which may be above limit.
func (h *hybrid) levels(dst []uint8, limit int) error {
	var block [256]uint32
	for len(dst) > 0 {
		repeat, packed, err := h.run(len(dst))
		if err != nil {
			return err
		}
		if repeat > 0 {
			if h.value > uint32(limit) {
				return fmt.Errorf("level %d above %d", h.value, limit)
			}
			fill(dst[:repeat], uint8(h.value))
			dst = dst[repeat:]
			continue
		}
		v := block[:min(packed, len(block))]
		h.take(v)
		top := uint32(0)
		for i, x := range v {
			dst[i] = uint8(x)
			top = max(top, x)
		}
		if top > uint32(limit) {
			return fmt.Errorf("level %d above %d", top, limit)
		}
		dst = dst[len(v):]
	}
	return nil
}

// skip passes over n values.
func (h *hybrid) skip(n int) error {
	for n > 0 {
		repeat, packed, err := h.run(n)
		if err != nil {
			return err
		}
		if packed > 0 {
			h.advance(packed)
		}
		n -= repeat + packed
	}
	return nil
}

func fill[T any](dst []T, v T) {
	if len(dst) == 0 {
		return
	}
	dst[0] = v
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// unpack32 unpacks len(dst) values of width bits (at most 32) that begin at
// bit (at most 7) of b. b must hold them.
func unpack32(dst []uint32, b []byte, bit, width uint) {
	if width == 0 {
		clear(dst)
		return
	}
	mask := uint32(1)<<width - 1
	i := 0
	if bit == 0 {
		i = unpackGroups(dst, b, width)
	}
	for at := bit + uint(i)*width; i < len(dst); i++ {
		dst[i] = uint32(load64(b, at/8)>>(at&7)) & mask
		at += width
	}
}

// unpackGroups unpacks groups of 8 as far as 8 bytes can be loaded at each
// value, and returns how many values that were.
func unpackGroups(dst []uint32, b []byte, width uint) int {
	// The last value of a group begins in byte 7·width/8; loads reach 8 bytes further.
	reach := int(7*width/8) + 8
	if len(b) < reach {
		return 0
	}
	groups := min(len(dst)/8, (len(b)-reach)/int(width)+1)
	if groups == 0 {
		return 0
	}
	mask := uint32(1)<<width - 1
	s1, s2, s3, s4, s5, s6, s7 := width&7, 2*width&7, 3*width&7, 4*width&7, 5*width&7, 6*width&7, 7*width&7
	o1, o2, o3, o4, o5, o6, o7 := width/8, 2*width/8, 3*width/8, 4*width/8, 5*width/8, 6*width/8, 7*width/8
	p := unsafe.Pointer(&b[0])
	for g := range groups {
		d := (*[8]uint32)(unsafe.Pointer(&dst[g*8]))
		d[0] = uint32(word(p, 0)) & mask
		d[1] = uint32(word(p, o1)>>(s1&7)) & mask
		d[2] = uint32(word(p, o2)>>(s2&7)) & mask
		d[3] = uint32(word(p, o3)>>(s3&7)) & mask
		d[4] = uint32(word(p, o4)>>(s4&7)) & mask
		d[5] = uint32(word(p, o5)>>(s5&7)) & mask
		d[6] = uint32(word(p, o6)>>(s6&7)) & mask
		d[7] = uint32(word(p, o7)>>(s7&7)) & mask
		p = unsafe.Add(p, width)
	}
	return groups * 8
}

func word(p unsafe.Pointer, off uint) uint64 { return *(*uint64)(unsafe.Add(p, off)) }

// load64 reads up to 8 bytes at off; those behind the end are zero.
func load64(b []byte, off uint) uint64 {
	if off+8 <= uint(len(b)) {
		return binary.LittleEndian.Uint64(b[off:])
	}
	var v uint64
	for i := uint(0); off+i < uint(len(b)); i++ {
		v |= uint64(b[off+i]) << (8 * i)
	}
	return v
}
