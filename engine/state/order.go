package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// keyed sorts rows by key group and key encoding. It compares eight bytes at a
// time, as one number: first the key groups, then, of rows that are equal so
// far, the bytes that follow. Keys of one query begin alike, so that the first
// bytes alone would tell few rows apart.
//
//	group │ 8 bytes │ 8 bytes │ …
//	  3   │ Apple·20│ 20-09-13│
//	  3   │ Apple·20│ 20-09-14│      only these two look at the second word
//	  7   │ Baidu·20│
type keyed struct {
	arena   []byte   // the key encodings
	at      []uint32 // where they begin, and where the last one ends
	entries []entry
	later   bool // of equal keys the row that came later is behind the other
}

// entry is a row, and what of its key is compared next.
type entry struct {
	word uint64
	row  uint32
}

// few is how many rows are compared by their whole keys.
const few = 12

func (k *keyed) key(row uint32) []byte { return k.arena[k.at[row]:k.at[row+1]] }

// sort orders rows whose keys are equal before from, by their words and then by
// the rest.
func (k *keyed) sort(rows []entry, from int) {
	slices.SortFunc(rows, func(a, b entry) int { return cmp.Compare(a.word, b.word) })
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].word == rows[0].word {
			n++
		}
		if n > 1 {
			k.ties(rows[:n], from)
		}
		rows = rows[n:]
	}
}

// ties orders rows whose words are equal too. A word that holds the end of a
// key may be equal for keys of different lengths.
func (k *keyed) ties(rows []entry, from int) {
	ends := false
	for i, e := range rows {
		rest := k.key(e.row)[from:]
		ends = ends || len(rest) < 8
		rows[i].word = word(rest)
	}
	if len(rows) <= few || ends {
		slices.SortFunc(rows, func(a, b entry) int {
			if c := bytes.Compare(k.key(a.row)[from:], k.key(b.row)[from:]); c != 0 {
				return c
			}
			if k.later {
				return cmp.Compare(a.row, b.row)
			}
			return cmp.Compare(b.row, a.row)
		})
		return
	}
	k.sort(rows, from+8)
}

// word is the first eight bytes of b as a number that orders as they do.
func word(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var pad [8]byte
	copy(pad[:], b)
	return binary.BigEndian.Uint64(pad[:])
}
