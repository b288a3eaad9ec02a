package parquet

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"
)

const (
	// maxDictBytes and maxDictValues bound the dictionary of a chunk; pages
	// behind it are plain.
	maxDictBytes  = 1 << 20
	maxDictValues = 1 << 16
)

// wordDict numbers distinct words (values of 4 or 8 bytes) from 0, in the
// order of their first coming. Slots hold number+1 and are probed linearly.
type wordDict struct {
	keys  []uint64
	slots []uint32
	shift uint
}

func (d *wordDict) reset() {
	d.keys = d.keys[:0]
	if d.slots == nil {
		d.grow(1 << 10)
	}
	clear(d.slots)
}

func (d *wordDict) grow(n int) {
	d.slots = make([]uint32, n)
	d.shift = uint(64 - bits.TrailingZeros(uint(n)))
	for i, k := range d.keys {
		at := d.place(k)
		for d.slots[at] != 0 {
			at = (at + 1) & uint64(n-1)
		}
		d.slots[at] = uint32(i + 1)
	}
}

func (d *wordDict) place(k uint64) uint64 { return k * 0x9E3779B97F4A7C15 >> d.shift }

// index returns the number of k, a new one when it is new.
func (d *wordDict) index(k uint64) uint32 {
	mask := uint64(len(d.slots) - 1)
	for at := d.place(k); ; at = (at + 1) & mask {
		s := d.slots[at&mask]
		if s == 0 {
			d.keys = append(d.keys, k)
			d.slots[at&mask] = uint32(len(d.keys))
			if len(d.keys)*2 > len(d.slots) {
				d.grow(2 * len(d.slots))
			}
			return uint32(len(d.keys) - 1)
		}
		if d.keys[s-1] == k {
			return s - 1
		}
	}
}

// bytesDict does the same for byte strings, which it copies.
type bytesDict struct {
	arena []byte
	ends  []uint32 // of each string in arena
	slots []bytesSlot
	shift uint
}

type bytesSlot struct {
	hash   uint32
	number uint32 // + 1
}

func (d *bytesDict) reset() {
	d.arena, d.ends = d.arena[:0], d.ends[:0]
	if d.slots == nil {
		d.slots, d.shift = make([]bytesSlot, 1<<10), 64-10
	}
	clear(d.slots)
}

func (d *bytesDict) value(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.arena[from:d.ends[i]]
}

// index returns the number of s, a new one when it is new.
func (d *bytesDict) index(s string) uint32 {
	h := hashString(s)
	mask := uint64(len(d.slots) - 1)
	for at := h >> d.shift; ; at = (at + 1) & mask {
		slot := d.slots[at&mask]
		if slot.number == 0 {
			return d.insert(s, h, at&mask)
		}
		if slot.hash == uint32(h) && string(d.value(int(slot.number-1))) == s {
			return slot.number - 1
		}
	}
}

func (d *bytesDict) insert(s string, h, at uint64) uint32 {
	d.arena = append(d.arena, s...)
	d.ends = append(d.ends, uint32(len(d.arena)))
	d.slots[at] = bytesSlot{uint32(h), uint32(len(d.ends))}
	if len(d.ends)*2 > len(d.slots) {
		d.slots = make([]bytesSlot, 2*len(d.slots))
		d.shift--
		mask := uint64(len(d.slots) - 1)
		for i := range d.ends {
			h := hashString(string(d.value(i)))
			to := h >> d.shift
			for d.slots[to].number != 0 {
				to = (to + 1) & mask
			}
			d.slots[to] = bytesSlot{uint32(h), uint32(i + 1)}
		}
	}
	return uint32(len(d.ends) - 1)
}

// hashString hashes short strings by their words.
func hashString(s string) uint64 {
	if len(s) <= 8 {
		var w uint64
		if len(s) >= 4 {
			a, b := s[:4], s[len(s)-4:]
			w = uint64(a[0]) | uint64(a[1])<<8 | uint64(a[2])<<16 | uint64(a[3])<<24 |
				uint64(b[0])<<32 | uint64(b[1])<<40 | uint64(b[2])<<48 | uint64(b[3])<<56
		} else {
			for i := range len(s) {
				w |= uint64(s[i]) << (8 * i)
			}
		}
		w = (w ^ uint64(len(s))<<59) * 0x9E3779B97F4A7C15
		return w ^ w>>32*0xD6E8FEB86659FD93
	}
	return xxh3.HashString(s)
}

// plain appends the dictionary as a page of PLAIN values.
func (d *bytesDict) plain(dst []byte) []byte {
	for i := range d.ends {
		v := d.value(i)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v)))
		dst = append(dst, v...)
	}
	return dst
}

func (d *wordDict) plain(dst []byte, width int) []byte {
	for _, k := range d.keys {
		if width == 4 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(k))
		} else {
			dst = binary.LittleEndian.AppendUint64(dst, k)
		}
	}
	return dst
}
