package vector

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/zeebo/xxh3"
)

const (
	hashSeed = 0x9E3779B97F4A7C15
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

func rows(cols []arrow.Array) int {
	if len(cols) == 0 {
		panic("vector: no columns")
	}
	n := cols[0].Len()
	for _, c := range cols[1:] {
		if c.Len() != n {
			panic(fmt.Sprintf("vector: columns of %d and %d rows", n, c.Len()))
		}
	}
	return n
}
