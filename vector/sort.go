package vector

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Order says how one column sorts. The zero value is ascending with NULLs
// first. Strings and bytes sort by their bytes; NaN is above all numbers, and
// -0 equals +0.
type Order struct {
	Desc  bool
	Nulls NullOrder
}

// NullOrder says where NULLs sort.
type NullOrder uint8

// Where NULLs sort.
const (
	// NullsLowest puts NULLs first in ascending order and last in descending.
	NullsLowest NullOrder = iota
	NullsFirst
	NullsLast
)

// nullsFirst reports whether NULLs come before values.
func (o Order) nullsFirst() bool {
	switch o.Nulls {
	case NullsFirst:
		return true
	case NullsLast:
		return false
	case NullsLowest:
	}
	return !o.Desc
}

// Sort returns the rows of cols in order: by the first column, among equals by
// the second, and so on, and by row number in the end. orders has one element
// per column. alloc lends scratch.
func Sort(alloc memory.Allocator, cols []arrow.Array, orders []Order) Sel {
	n := rows(cols)
	s := sorter{rows: All(nil, n)}
	for i, c := range cols {
		s.cols = append(s.cols, newSortColumn(c, orders[i]))
	}
	buf, space := newValues[sortPair](alloc, 2*n)
	defer buf.Release()
	s.pairs, s.other = space[:n], space[n:]
	s.sort(0, n, 0)
	return s.rows
}

// sorter sorts column by column. The values of a column become words whose
// order is theirs; a stable radix sort orders (word, row) pairs; and within
// each run of equal values the next column decides. A value of more than one
// word, a decimal or a string, is sorted by its first word, each run of those by
// the second, and so on to its end.
//
//	rows   2 0 3 1      after column 0:  0 3 | 2 1      after column 1:  3 0 | 2 1
//	                    values           a a   b b
type sorter struct {
	cols []sortColumn
	rows Sel

	pairs, other []sortPair
}

type sortPair struct {
	key uint64
	row uint32
}

func (s *sorter) sort(lo, hi, c int) {
	if hi-lo < 2 || c == len(s.cols) {
		return
	}
	valid, null := s.split(lo, hi, &s.cols[c])
	s.sort(null[0], null[1], c+1)
	s.words(valid[0], valid[1], c, 0)
}

// words orders rows by word k of column c, and what is equal there by what
// follows.
func (s *sorter) words(lo, hi, c, k int) {
	if hi-lo < 2 {
		return
	}
	col := &s.cols[c]
	s.by(lo, hi, func(row int) uint64 { return col.key(row, k) }, func(lo, hi int) {
		switch {
		case col.kind == d128 && k == 0:
			s.words(lo, hi, c, 1)
		case col.kind == view:
			s.ends(lo, hi, c, k)
		default:
			s.sort(lo, hi, c+1)
		}
	})
}

// ends orders strings that are equal in their words up to k, where those that
// have ended are padded with zeros: the shorter first, and what has not ended
// by the next word.
func (s *sorter) ends(lo, hi, c, k int) {
	col := &s.cols[c]
	end := 8 * (k + 1)
	same := true
	first := min(len(col.bytes.at(int(s.rows[lo]))), end+1)
	for _, r := range s.rows[lo+1 : hi] {
		if min(len(col.bytes.at(int(r))), end+1) != first {
			same = false
			break
		}
	}
	switch {
	case same && first > end:
		s.skip(lo, hi, c, end)
	case same:
		s.sort(lo, hi, c+1)
	default:
		length := func(row int) uint64 { return uint64(min(len(col.bytes.at(row)), end+1)) ^ col.flip }
		s.by(lo, hi, length, func(lo, hi int) {
			if len(col.bytes.at(int(s.rows[lo]))) > end {
				s.skip(lo, hi, c, end)
			} else {
				s.sort(lo, hi, c+1)
			}
		})
	}
}

// skip orders strings that agree in their first from bytes, and have more, from
// the word on in which they first differ: however long they are, there are no
// more rounds than differences.
func (s *sorter) skip(lo, hi, c, from int) {
	col := &s.cols[c]
	first := col.bytes.at(int(s.rows[lo]))
	agree, equal := len(first), true
	for _, r := range s.rows[lo+1 : hi] {
		b := col.bytes.at(int(r))
		if len(b) == len(first) && agree == len(first) && bytes.Equal(b, first) {
			continue
		}
		equal = false
		n := min(agree, len(b))
		agree = from
		for agree < n && b[agree] == first[agree] {
			agree++
		}
	}
	if equal {
		s.sort(lo, hi, c+1)
		return
	}
	s.words(lo, hi, c, agree/8)
}

// by orders rows by a word, and calls run for each run of two and more that
// have the same.
func (s *sorter) by(lo, hi int, key func(row int) uint64, run func(lo, hi int)) {
	pairs := s.pairs[lo:hi]
	for i, r := range s.rows[lo:hi] {
		pairs[i] = sortPair{key(int(r)), r}
	}
	sortPairs(pairs, s.other[lo:hi])
	for i, p := range pairs {
		s.rows[lo+i] = p.row
	}
	// A run overwrites the pairs of its own rows only, which were read.
	for i := 0; i < len(pairs); {
		j := i + 1
		for j < len(pairs) && pairs[j].key == pairs[i].key {
			j++
		}
		if j-i > 1 {
			run(lo+i, lo+j)
		}
		i = j
	}
}

// split moves the NULLs of rows [lo, hi) to their end, keeping the order on
// both sides.
func (s *sorter) split(lo, hi int, col *sortColumn) (valid, null [2]int) {
	if col.valid == nil {
		return [2]int{lo, hi}, [2]int{hi, hi}
	}
	rows, nulls := s.rows[lo:hi], s.other[lo:hi]
	v, k := 0, 0
	for _, r := range rows {
		if bitAt(col.valid, col.off+int(r)) == 1 {
			rows[v] = r
			v++
		} else {
			nulls[k].row = r
			k++
		}
	}
	at := v
	if col.order.nullsFirst() {
		copy(rows[k:], rows[:v])
		at = 0
	}
	for i, p := range nulls[:k] {
		rows[at+i] = p.row
	}
	if at == 0 && k > 0 {
		return [2]int{lo + k, hi}, [2]int{lo, lo + k}
	}
	return [2]int{lo, lo + v}, [2]int{lo + v, hi}
}

// sortColumn reads one column's rows as words.
type sortColumn struct {
	order Order
	kind  physical
	valid []byte
	off   int
	words []uint64
	dec   []decimal128.Num
	bytes bytesReader
	flip  uint64 // all ones when descending
}

func newSortColumn(a arrow.Array, o Order) sortColumn {
	d := a.Data()
	c := sortColumn{order: o, kind: physicalOf(d.DataType())}
	c.valid, c.off = validBits(d)
	if o.Desc {
		c.flip = ^uint64(0)
	}
	switch c.kind {
	case d128:
		c.dec = values[decimal128.Num](d)
	case view, other:
		var ok bool
		if c.bytes, ok = readerOf(d); !ok {
			if d.DataType().ID() != arrow.NULL {
				panic(noKernel("sort", d.DataType()))
			}
			c.words = make([]uint64, d.Len())
			return c
		}
		c.kind = view
	default:
		c.words = make([]uint64, d.Len())
		if len(c.words) > 0 {
			words(c.words, d, 0)
		}
		orderWords(c.words, c.kind)
	}
	return c
}

// orderWords makes the order of values the unsigned order of their words.
func orderWords(w []uint64, kind physical) {
	const sign = 1 << 63
	switch kind {
	case i8, i16, i32, i64:
		for i := range w {
			w[i] ^= sign
		}
	case f32, f64:
		for i, x := range w {
			w[i] = x ^ (uint64(int64(x)>>63) | sign)
		}
	default: // unsigned already
	}
}

// key is word k of a row's value.
func (c *sortColumn) key(row, k int) uint64 {
	switch c.kind {
	case d128:
		if k == 0 {
			return uint64(c.dec[row].HighBits()) ^ 1<<63 ^ c.flip
		}
		return c.dec[row].LowBits() ^ c.flip
	case view:
		b := c.bytes.at(row)
		return prefix(b[min(8*k, len(b)):]) ^ c.flip
	default:
		return c.words[row] ^ c.flip
	}
}

// prefix is the first eight bytes as a number in their order.
func prefix(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var p [8]byte
	copy(p[:], b)
	return binary.BigEndian.Uint64(p[:])
}

// sortPairs sorts by key, stable: by insertion where there are few, else byte by
// byte from the lowest, leaving out bytes that all keys share.
func sortPairs(pairs, other []sortPair) {
	if len(pairs) < 64 {
		insertPairs(pairs)
		return
	}
	var differ uint64
	for _, p := range pairs {
		differ |= p.key ^ pairs[0].key
	}
	from, to := pairs, other
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var at [256]uint32
		for _, p := range from {
			at[p.key>>shift&0xff]++
		}
		sum := uint32(0)
		for i, k := range at {
			at[i] = sum
			sum += k
		}
		for _, p := range from {
			b := p.key >> shift & 0xff
			to[at[b]] = p
			at[b]++
		}
		from, to = to, from
	}
	if unsafe.SliceData(from) != unsafe.SliceData(pairs) {
		copy(pairs, from)
	}
}

func insertPairs(p []sortPair) {
	for i := 1; i < len(p); i++ {
		x := p[i]
		j := i
		for ; j > 0 && p[j-1].key > x.key; j-- {
			p[j] = p[j-1]
		}
		p[j] = x
	}
}
