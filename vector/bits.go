package vector

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func bitBytes(n int) int { return (n + 7) / 8 }

func bitAt(b []byte, i int) byte { return b[uint(i)/8] >> (uint(i) % 8) & 1 }

// word returns the 64 bits that begin at bit i of b. Bits past the end are 0.
func word(b []byte, i int) uint64 {
	b = b[i/8:]
	shift := uint(i) % 8
	if len(b) >= 9 {
		return binary.LittleEndian.Uint64(b)>>shift | uint64(b[8])<<(63-shift)<<1
	}
	var tail [16]byte
	copy(tail[:], b)
	return binary.LittleEndian.Uint64(tail[:])>>shift | uint64(tail[8])<<(63-shift)<<1
}

// validBits returns an array's validity bitmap and the position of its row 0 in
// it, or nil when no row is NULL.
func validBits(d arrow.ArrayData) ([]byte, int) {
	if d.NullN() == 0 || d.Buffers()[0] == nil {
		return nil, 0
	}
	return d.Buffers()[0].Bytes(), d.Offset()
}

// copyBits writes n bits of src at bit off to the start of dst; the unused bits
// of the last byte are 0.
func copyBits(dst, src []byte, off, n int) {
	if off%8 == 0 {
		copy(dst[:bitBytes(n)], src[off/8:])
	} else {
		i := 0
		for ; i+64 <= n; i += 64 {
			binary.LittleEndian.PutUint64(dst[i/8:], word(src, off+i))
		}
		if i < n {
			w := word(src, off+i)
			for j := i / 8; j < bitBytes(n); j++ {
				dst[j] = byte(w)
				w >>= 8
			}
		}
	}
	clearTail(dst, n)
}

// clearTail zeroes the bits of the last byte beyond n.
func clearTail(b []byte, n int) {
	if n%8 != 0 {
		b[n/8] &= 1<<(n%8) - 1
	}
}

// gatherBits writes bit off+idx[i] of src to bit i of dst and counts the ones.
func gatherBits(dst, src []byte, off int, idx Sel) (ones int) {
	i := 0
	for ; i+8 <= len(idx); i += 8 {
		x := idx[i : i+8 : i+8]
		b := bitAt(src, off+int(x[0])) |
			bitAt(src, off+int(x[1]))<<1 |
			bitAt(src, off+int(x[2]))<<2 |
			bitAt(src, off+int(x[3]))<<3 |
			bitAt(src, off+int(x[4]))<<4 |
			bitAt(src, off+int(x[5]))<<5 |
			bitAt(src, off+int(x[6]))<<6 |
			bitAt(src, off+int(x[7]))<<7
		dst[i/8] = b
		ones += bits.OnesCount8(b)
	}
	if i < len(idx) {
		var b byte
		for j, x := range idx[i:] {
			b |= bitAt(src, off+int(x)) << j
		}
		dst[i/8] = b
		ones += bits.OnesCount8(b)
	}
	return ones
}

// takeValidity gathers the validity of d's rows idx: nil, 0 when none is NULL.
func takeValidity(alloc memory.Allocator, d arrow.ArrayData, idx Sel) (*memory.Buffer, int) {
	src, off := validBits(d)
	if src == nil {
		return nil, 0
	}
	buf, dst := newBuffer(alloc, bitBytes(len(idx)))
	nulls := len(idx) - gatherBits(dst, src, off, idx)
	if nulls == 0 {
		buf.Release()
		return nil, 0
	}
	return buf, nulls
}

// bothValid returns the validity of rows that are valid in all of ds, which
// have n rows each: nil, 0 when none is NULL.
func bothValid(alloc memory.Allocator, n int, ds ...arrow.ArrayData) (*memory.Buffer, int) {
	var buf *memory.Buffer
	var dst []byte
	for _, d := range ds {
		src, off := validBits(d)
		switch {
		case src == nil:
		case buf == nil:
			buf, dst = newBuffer(alloc, bitBytes(n))
			copyBits(dst, src, off, n)
		default:
			andBits(dst, src, off, n)
		}
	}
	if buf == nil {
		return nil, 0
	}
	nulls := n - bitutil.CountSetBits(dst, 0, n)
	if nulls == 0 {
		buf.Release()
		return nil, 0
	}
	return buf, nulls
}

// andBits clears the bits of dst[:n] that are 0 in src at bit off.
func andBits(dst, src []byte, off, n int) {
	i := 0
	for ; i+64 <= n; i += 64 {
		w := dst[i/8 : i/8+8]
		binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)&word(src, off+i))
	}
	if i < n {
		w := word(src, off+i)
		for j := i / 8; j < bitBytes(n); j++ {
			dst[j] &= byte(w)
			w >>= 8
		}
	}
}
