package vector

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/zeebo/xxh3"
)

const (
	hashSeed = 0x9E3779B97F4A7C15
	hashNull = 0x8EBC6AF09C88C6E3
)

// HashWord is the internal hash of one word for tables that place by its top
// bits. The golden ratio sends a run of numbers to places evenly apart, so that
// dense keys hardly collide; the shift breaks the strides that are bad for it,
// and folding in the high half keeps words that differ only there apart. It
// never leaves the process.
func HashWord(w uint64) uint64 {
	hi, lo := bits.Mul64(w^w>>23, hashSeed)
	return hi ^ lo
}

// MixWord adds a word to a hash. The first product carries differences up, the
// fold brings them down again, and the second spreads them over the top bits,
// which hash tables use: one product alone would map runs of numbers to clumps.
func MixWord(h, w uint64) uint64 {
	x := (h ^ w) * 0xE7037ED1A0B428DB
	x ^= x >> 32
	x *= 0x9FB21C651E98DF25
	return x ^ x>>29
}

// HashBytes adds bytes to a hash.
func HashBytes(h uint64, b []byte) uint64 { return MixWord(h, xxh3.Hash(b)) }

// HashHeader adds a view to a hash; long is its bytes where it has more than 12.
func HashHeader(h uint64, v Header, long []byte) uint64 {
	if v.Len() <= Inline {
		return MixWord(MixWord(h, v.Lo), v.Hi)
	}
	return HashBytes(h, long)
}

// Hash writes a fast hash of each row of the columns, for tables within the
// process; equal rows have equal hashes where integers may differ in width and
// floats in the sign of zero. NULLs are equal to each other. It returns
// dst with one hash per row, in dst's memory where it fits.
func Hash(dst []uint64, cols ...arrow.Array) []uint64 {
	dst = resize(dst, rows(cols))
	for i := range dst {
		dst[i] = hashSeed
	}
	for _, c := range cols {
		hashColumn(dst, c.Data())
	}
	return dst
}

func rows(cols []arrow.Array) int {
	if len(cols) == 0 {
		panic("vector: hash of no columns")
	}
	n := cols[0].Len()
	for _, c := range cols[1:] {
		if c.Len() != n {
			panic(fmt.Sprintf("vector: columns of %d and %d rows", n, c.Len()))
		}
	}
	return n
}

func hashColumn(dst []uint64, d arrow.ArrayData) {
	valid, off := validBits(d)
	switch p := physicalOf(d.DataType()); {
	case d.DataType().ID() == arrow.NULL:
		for i := range dst {
			dst[i] = MixWord(dst[i], hashNull)
		}
	case p == d128:
		for i, v := range values[decimal128.Num](d) {
			if valid != nil && bitAt(valid, off+i) == 0 {
				dst[i] = MixWord(dst[i], hashNull)
				continue
			}
			dst[i] = MixWord(MixWord(dst[i], v.LowBits()), uint64(v.HighBits()))
		}
	case p == view && valid == nil:
		v := viewsOf(d)
		for i, h := range v.Headers {
			if h.Len() <= Inline {
				dst[i] = MixWord(MixWord(dst[i], h.Lo), h.Hi)
			} else {
				dst[i] = HashBytes(dst[i], v.long(h))
			}
		}
	case p != other && p != view:
		hashWords(dst, d, valid, off)
	default:
		hashAny(dst, d, valid, off)
	}
}

func hashWords(dst []uint64, d arrow.ArrayData, valid []byte, off int) {
	if w, ok := aliasWords(d); ok && valid == nil {
		mixAll(dst, w)
		return
	}
	var scratch [chunk]uint64
	for lo := 0; lo < len(dst); lo += chunk {
		part := dst[lo:min(lo+chunk, len(dst))]
		w := scratch[:len(part)]
		words(w, d, lo)
		if valid != nil {
			for i := range w {
				if bitAt(valid, off+lo+i) == 0 {
					w[i] = hashNull
				}
			}
		}
		mixAll(part, w)
	}
}

func mixAll(dst, w []uint64) {
	w = w[:len(dst)]
	for i := range dst {
		dst[i] = MixWord(dst[i], w[i])
	}
}

// hashAny hashes strings of any layout; short ones as views are hashed.
func hashAny(dst []uint64, d arrow.ArrayData, valid []byte, off int) {
	r, ok := readerOf(d)
	if !ok {
		panic(noKernel("hash", d.DataType()))
	}
	for i := range dst {
		if valid != nil && bitAt(valid, off+i) == 0 {
			dst[i] = MixWord(dst[i], hashNull)
			continue
		}
		b := r.at(i)
		if len(b) <= Inline {
			dst[i] = HashHeader(dst[i], MakeHeader(b), nil)
		} else {
			dst[i] = HashBytes(dst[i], b)
		}
	}
}
