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
	spare   []entry
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
	k.byWord(rows)
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
	ends, last := false, true
	size := len(k.key(rows[0].row)) - from
	for i, e := range rows {
		rest := k.key(e.row)[from:]
		ends, last = ends || len(rest) < 8, last && len(rest) == size
		rows[i].word = word(rest)
	}
	if last && size <= 8 && k.later { // then the words say all
		k.byWord(rows)
		return
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

// many is how many rows are sorted digit by digit, and not by comparing them.
const many = 256

// byWord orders rows by their words alone. Many of them are dealt to 256 piles
// by each byte in which they differ, from the last byte to the first. Rows of
// equal words stay in the order of their numbers.
func (k *keyed) byWord(rows []entry) {
	if len(rows) < many {
		slices.SortFunc(rows, func(a, b entry) int { return cmp.Or(cmp.Compare(a.word, b.word), cmp.Compare(a.row, b.row)) })
		return
	}
	both, some := rows[0].word, rows[0].word
	for _, e := range rows {
		both, some = both&e.word, some|e.word
	}
	if cap(k.spare) < len(rows) {
		k.spare = make([]entry, len(rows))
	}
	from, to := rows, k.spare[:len(rows)]
	for shift := 0; shift < 64; shift += 8 {
		if (both^some)>>shift&0xff == 0 {
			continue
		}
		var next [256]uint32
		for _, e := range from {
			next[byte(e.word>>shift)]++
		}
		at := uint32(0)
		for i, n := range next {
			next[i], at = at, at+n
		}
		for _, e := range from {
			pile := &next[byte(e.word>>shift)]
			to[*pile] = e
			*pile++
		}
		from, to = to, from
	}
	if &from[0] != &rows[0] {
		copy(rows, from)
	}
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
