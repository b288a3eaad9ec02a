package parquet

import (
	"encoding/binary"
)

// appendHybrid appends v in the RLE/bit-packed hybrid. Runs of 8 and more
// become repeating runs where they begin at a group of 8, all else is packed.
func appendHybrid(dst []byte, v []uint32, width uint) []byte {
	from := 0 // of the values not written yet, to be packed
	for i := 0; i < len(v); {
		run := runLength(v[i:])
		if run < 8 {
			i += 8
			continue
		}
		dst = appendPacked(dst, v[from:i], width)
		dst = appendRun(dst, v[i], run, width)
		i += run
		from = i
	}
	return appendPacked(dst, v[from:], width)
}

// runLength counts the values at the beginning of v that are equal.
func runLength(v []uint32) int {
	first := v[0]
	for i := 1; i < len(v); i++ {
		if v[i] != first {
			return i
		}
	}
	return len(v)
}

func appendRun(dst []byte, value uint32, n int, width uint) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for i := uint(0); i < width; i += 8 {
		dst = append(dst, byte(value>>i))
	}
	return dst
}

// appendPacked appends a bit-packed run; the last group is filled with zeros.
func appendPacked(dst []byte, v []uint32, width uint) []byte {
	if len(v) == 0 {
		return dst
	}
	groups := (len(v) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	size := groups * int(width)
	var acc uint64
	var bits uint
	end := len(dst) + size
	for _, x := range v {
		acc |= uint64(x) << bits
		bits += width
		if bits >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(acc))
			acc >>= 32
			bits -= 32
		}
	}
	for len(dst) < end {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// appendLevels appends levels as a data page of version 1 has them, behind
// their length.
func appendLevels(dst []byte, levels []uint8, limit int, scratch []uint32) ([]byte, []uint32) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	scratch = scratch[:0]
	for _, l := range levels {
		scratch = append(scratch, uint32(l))
	}
	dst = appendHybrid(dst, scratch, bitWidth(limit))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, scratch
}

// appendLevelRun is appendLevels for n times the same level.
func appendLevelRun(dst []byte, level uint32, n, limit int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendRun(dst, level, n, bitWidth(limit))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
