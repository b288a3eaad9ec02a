package hashtable

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// kind is how a key column stands in a row.
type kind uint8

const (
	wordKind    kind = iota // one word
	decimalKind             // low and high word
	stringKind              // a view's header
	nullKind                // no words: the column is always NULL
)

// keyColumn is one key column's place in a row.
type keyColumn struct {
	kind kind
	at   int // first word
}

// layOut decides the layout of rows.
func (t *Table) layOut(keys []arrow.DataType, accBytes int) error {
	if len(keys) == 0 || len(keys) > 64 {
		return fmt.Errorf("a row table takes 1 to 64 key columns, not %d", len(keys))
	}
	if accBytes < 0 {
		return fmt.Errorf("%d bytes of accumulators", accBytes)
	}
	t.word = len(keys) == 1 && vector.IsWord(keys[0])
	if !t.word {
		t.plain, t.keyWords = []int{0}, 1 // NULL bits
	}
	for i, dt := range keys {
		c := keyColumn{at: t.keyWords}
		switch {
		case vector.IsWord(dt):
			c.kind = wordKind
			t.plain = append(t.plain, c.at)
			t.keyWords++
		case dt.ID() == arrow.DECIMAL128:
			c.kind = decimalKind
			t.plain = append(t.plain, c.at, c.at+1)
			t.keyWords += 2
		case dt.ID() == arrow.STRING_VIEW || dt.ID() == arrow.BINARY_VIEW:
			c.kind = stringKind
			t.plain = append(t.plain, c.at)
			t.strings = append(t.strings, c.at)
			t.keyWords += 2
		case dt.ID() == arrow.NULL:
			c.kind = nullKind
		default:
			return fmt.Errorf("key column %d: %v cannot be a key", i, dt)
		}
		t.keys = append(t.keys, c)
	}
	t.accWords = (accBytes + 7) / 8
	t.accOffset = 8 * t.keyWords
	t.stride = t.accOffset + 8*t.accWords
	return nil
}

// chunk is how many keys a lookup takes at a time.
const chunk = 512

// scratch is what a lookup needs besides the table.
type scratch struct {
	hash  [chunk]uint64
	words [chunk]uint64
	which [chunk]uint32 // positions of the valid keys in the chunk
	found [chunk]uint32
	miss  [chunk]uint32  // positions of the keys that are not at home
	probe []uint64       // chunk rows of keyWords
	ptrs  [ahead]uintptr // addresses to prefetch; not kept
}

func (s *scratch) init(t *Table) {
	if !t.word {
		s.probe = make([]uint64, chunk*t.keyWords)
	}
}

// check panics when cols are not the table's key columns.
func (t *Table) check(cols []arrow.Array) {
	if len(cols) != len(t.types) {
		panic(fmt.Sprintf("hashtable: %d key columns, want %d", len(cols), len(t.types)))
	}
	for i, c := range cols {
		if c.DataType().ID() != t.types[i].ID() {
			panic(fmt.Sprintf("hashtable: key column %d is %v, want %v", i, c.DataType(), t.types[i]))
		}
	}
}

// pack writes the keys of rows [from, from+m) of cols, or of those rows of sel,
// as rows of key words into the scratch. The second word of a long string is
// its address, which holds while cols do.
func (t *Table) pack(cols []arrow.Array, sel vector.Sel, from, m int) {
	probe := t.scratch.probe[:m*t.keyWords]
	for i := 0; i < len(probe); i += t.keyWords {
		probe[i] = 0
	}
	for i, c := range t.keys {
		t.packColumn(probe[c.at:], cols[i], c.kind, sel, from, m)
		if cols[i].NullN() > 0 || c.kind == nullKind {
			packNulls(probe, t.keyWords, c, uint(i), cols[i], sel, from, m)
		}
	}
}

func (t *Table) packColumn(dst []uint64, col arrow.Array, k kind, sel vector.Sel, from, m int) {
	switch k {
	case wordKind:
		w := t.scratch.words[:m]
		gatherWords(w, col, sel, from)
		for i, v := range w {
			dst[i*t.keyWords] = v
		}
	case decimalKind:
		v := vector.Values[[2]uint64](col)
		for i := range m {
			d := v[rowAt(sel, from+i)]
			dst[i*t.keyWords], dst[i*t.keyWords+1] = d[0], d[1]
		}
	case stringKind:
		t.packStrings(dst, vector.ViewsOf(col), sel, from, m)
	case nullKind:
	}
}

// packStrings writes headers, with addresses for long strings. A NULL's header
// may be anything; what is made of it is overwritten afterwards.
func (t *Table) packStrings(dst []uint64, v vector.Views, sel vector.Sel, from, m int) {
	for i := range m {
		r := rowAt(sel, from+i)
		h := v.Headers[r]
		if h.Len() > vector.Inline {
			h.Hi = uint64(v.Address(r))
		}
		dst[i*t.keyWords], dst[i*t.keyWords+1] = h.Lo, h.Hi
	}
}

// packNulls sets bit col of the NULL bits of rows that are NULL, and zeroes
// their words.
func packNulls(probe []uint64, keyWords int, c keyColumn, bit uint, col arrow.Array, sel vector.Sel, from, m int) {
	for i := range m {
		if c.kind != nullKind && col.IsValid(rowAt(sel, from+i)) {
			continue
		}
		row := probe[i*keyWords : (i+1)*keyWords]
		row[0] |= 1 << bit
		switch c.kind {
		case decimalKind, stringKind:
			row[c.at], row[c.at+1] = 0, 0
		case wordKind:
			row[c.at] = 0
		case nullKind:
		}
	}
}

func rowAt(sel vector.Sel, i int) int {
	if sel == nil {
		return i
	}
	return int(sel[i])
}

// gatherWords writes the words of rows [from, from+len(dst)) of col, or of
// those rows of sel.
func gatherWords(dst []uint64, col arrow.Array, sel vector.Sel, from int) {
	if sel == nil {
		vector.Words(dst, col, from)
		return
	}
	vector.WordsSel(dst, col, sel[from:from+len(dst)])
}
