package rank

import (
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// entry is one row of a partition's list.
type entry struct {
	key uint64 // the beginning of the order key
	id  uint32 // of the store, or the row of the batch with pending
}

// pending marks a row that is not in the store yet.
const pending = 1 << 31

// partition is the rows of one partition in their order: the bytes that its key has
// in the table, which are zero before its first row.
type partition struct {
	to  int64 // the last rank
	end int64 // of the window

	batch   uint64 // in which it was touched last
	old     uint32 // where the rows before that begin in batch.old, and how many
	oldRows uint32

	list  mem.List // of entries
	begun bool
	dead  bool
}

// part is a partition. The address holds until a partition is added.
func (r *Rank) part(g uint32) *partition { return (*partition)(unsafe.Pointer(r.table.Word(g))) }

// extra is what stands beside a row in the store. The order key follows.
type extra struct {
	seq   uint64
	known uint64 // to the state table
}

// firstWord is where the order key begins, in words.
const firstWord = 2

func (r *Rank) extra(id uint32) *extra { return (*extra)(r.store.Extra(id)) }

// wordsOf is the order key of a row of the store.
func (r *Rank) wordsOf(id uint32) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(r.store.Extra(id), 8*firstWord)), r.keys.Width())
}

// order compares two rows by their order alone.
func (r *Rank) order(a, b entry) int {
	if a.key != b.key {
		if a.key < b.key {
			return -1
		}
		return 1
	}
	if c := slices.Compare(r.wordsAt(a), r.wordsAt(b)); c != 0 || r.keys.Fixed() {
		return c
	}
	return strings.Compare(r.tailAt(a), r.tailAt(b))
}

func (r *Rank) wordsAt(e entry) []uint64 {
	if e.id&pending != 0 {
		return r.batch.wordsOf(e.id &^ pending)
	}
	return r.wordsOf(e.id)
}

func (r *Rank) tailAt(e entry) string {
	if e.id&pending != 0 {
		return r.batch.tails[e.id&^pending]
	}
	return r.tails[e.id]
}

// before reports whether a comes before b, which came earlier.
func (r *Rank) before(a, b entry) bool {
	c := r.order(a, b)
	return c < 0 || c == 0 && r.c.LatestFirst
}

// after is where e belongs among rows that came before it.
func (r *Rank) after(rows []entry, e entry) int {
	lo, hi := 0, len(rows)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.before(e, rows[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// total compares rows of the store by their order and by when they came.
func (r *Rank) total(a, b entry) int {
	if c := r.order(a, b); c != 0 || a.id == b.id {
		return c
	}
	if r.extra(a.id).seq < r.extra(b.id).seq != r.c.LatestFirst {
		return -1
	}
	return 1
}

// find is where e stands in rows.
func (r *Rank) find(rows []entry, e entry) int {
	at, _ := slices.BinarySearchFunc(rows, e, r.total)
	return at
}

// visible is how many of rows have a rank of at most to.
func (r *Rank) visible(rows []entry, to int64) int {
	switch r.c.Function {
	case RowNumber:
		return int(min(to, int64(len(rows))))
	case Gaps, Dense:
	}
	rank := int64(0)
	for i := range rows {
		switch {
		case i > 0 && r.order(rows[i-1], rows[i]) == 0:
		case r.c.Function == Dense:
			rank++
		default:
			rank = int64(i) + 1
		}
		if rank > to {
			return i
		}
	}
	return len(rows)
}

// ranks appends the rank of each of rows.
func (r *Rank) ranks(dst []int64, rows []entry) []int64 {
	rank := int64(0)
	for i := range rows {
		switch {
		case r.c.Function == RowNumber:
			rank++
		case i > 0 && r.order(rows[i-1], rows[i]) == 0:
		case r.c.Function == Dense:
			rank++
		default:
			rank = int64(i) + 1
		}
		dst = append(dst, rank)
	}
	return dst
}

// batch is what is known of the batch that is being processed.
type batch struct {
	serial    uint64
	cols      []arrow.Array
	partition []arrow.Array
	words     []uint64
	tails     []string
	width     int
	nullable  bool // the first word is one bit
	ends      []int64

	touched []uint32
	old     []entry
	kept    vector.Sel
	marks   []uint64
	ids     []uint32 // of rows of the batch
}

// begin takes a batch's columns, which stay the batch's.
func (b *batch) begin(r *Rank, in *stream.Batch) {
	b.serial++
	b.touched, b.old = b.touched[:0], b.old[:0]
	b.load(r, in.Rows.Columns(), in.Len())
}

// load computes the order keys of n rows.
func (b *batch) load(r *Rank, cols []arrow.Array, n int) {
	b.cols = cols
	if words := (n + 63) / 64; len(b.marks) < words {
		b.marks = make([]uint64, words)
	}
	b.partition = r.keyColumns(cols)
	if len(b.partition) == 0 {
		b.partition = []arrow.Array{array.NewNull(n)}
	}
	keys := make([]arrow.Array, len(r.c.Order))
	for i, k := range r.c.Order {
		keys[i] = cols[k.Column]
	}
	b.tails = r.keys.Tails(keys, n)
	b.words = r.keys.Words(b.words, keys, n, b.tails)
	b.width = r.keys.Width()
	b.nullable = r.keys.Fixed() && len(r.c.Order) > 0 && r.in.Field(r.c.Order[0].Column).Nullable
}

func (b *batch) wordsOf(row uint32) []uint64 {
	return b.words[int(row)*b.width : int(row+1)*b.width]
}

// key is the beginning of a row's order key: its first word, or the bit for
// NULL and all but the last bit of the value.
func (b *batch) key(row uint32) uint64 {
	switch {
	case b.width == 0:
		return 0
	case b.nullable:
		at := int(row) * b.width
		return b.words[at]<<63 | b.words[at+1]>>1
	}
	return b.words[int(row)*b.width]
}

// mark notes that a row is kept.
func (b *batch) mark(row uint32) { b.marks[row/64] |= 1 << (row % 64) }

// marked lists the rows that are kept, in the order in which they came.
func (b *batch) marked() {
	b.kept = b.kept[:0]
	for i, w := range b.marks {
		for ; w != 0; w &= w - 1 {
			b.kept = append(b.kept, uint32(64*i+bits.TrailingZeros64(w)))
		}
	}
	clear(b.marks)
}

// number notes the ids of the rows that are kept.
func (b *batch) number(ids []uint32) {
	n := int(b.kept[len(b.kept)-1]) + 1
	if cap(b.ids) < n {
		b.ids = make([]uint32, n)
	}
	b.ids = b.ids[:n]
	for i, row := range b.kept {
		b.ids[row] = ids[i]
	}
}
