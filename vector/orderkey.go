package vector

import (
	"encoding/binary"
	"runtime"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// OrderKeys makes keys whose order, word by word and unsigned, is that of rows.
// Rows that are kept sorted keep their keys, and are compared without looking
// at columns.
//
// Every column is a word that says whether it is NULL, unless it never is, and
// one or two words of its value. Where there are strings the words do not tell
// everything: Width is 1, the word is the beginning of an encoding of the row,
// and equal words are decided by Tails.
type OrderKeys struct {
	orders []Order
	cols   []orderColumn
	width  int
	fixed  bool

	words []uint64
}

type orderColumn struct {
	kind physical
	null bool // has a word for NULL
	at   int
	flip uint64
	low  uint64 // the word of NULL; the other is 1 - low
}

// NewOrderKeys returns the keys of columns with these fields, sorted as orders
// say.
func NewOrderKeys(fields []arrow.Field, orders []Order) *OrderKeys {
	k := &OrderKeys{orders: orders, fixed: true}
	for i, f := range fields {
		c := orderColumn{kind: physicalOf(f.Type), null: f.Nullable, at: k.width}
		if orders[i].Desc {
			c.flip = ^uint64(0)
		}
		if !orders[i].nullsFirst() {
			c.low = 1
		}
		if c.null {
			k.width++
		}
		switch c.kind {
		case view, other:
			k.fixed = false
		case d128:
			k.width += 2
		default:
			k.width++
		}
		k.cols = append(k.cols, c)
	}
	if !k.fixed {
		k.width = 1
	}
	return k
}

// Width is the number of words of a key.
func (k *OrderKeys) Width() int { return k.width }

// Fixed says that the words tell everything; otherwise Tails decide.
func (k *OrderKeys) Fixed() bool { return k.fixed }

// Words writes the keys of n rows, row by row, in dst's memory where they fit.
// Keys that are not fixed are those of tails.
func (k *OrderKeys) Words(dst []uint64, cols []arrow.Array, n int, tails []string) []uint64 {
	dst = resize(dst, n*k.width)
	if !k.fixed {
		for i, t := range tails {
			dst[i] = prefixOf(t)
		}
		return dst
	}
	for i := range k.cols {
		k.column(dst, &k.cols[i], cols[i], n)
	}
	runtime.KeepAlive(cols)
	return dst
}

func (k *OrderKeys) column(dst []uint64, c *orderColumn, a arrow.Array, n int) {
	d := a.Data()
	valid, off := validBits(d)
	at := c.at
	if c.null {
		for i := range n {
			dst[i*k.width+at] = 1 - c.low
		}
		at++
	}
	if c.kind == d128 {
		for i, v := range values[decimal128.Num](d)[:n] {
			dst[i*k.width+at] = uint64(v.HighBits()) ^ 1<<63 ^ c.flip
			dst[i*k.width+at+1] = v.LowBits() ^ c.flip
		}
	} else if n > 0 {
		k.words = resize(k.words, n)
		words(k.words, d, 0)
		orderWords(k.words, c.kind)
		for i, w := range k.words {
			dst[i*k.width+at] = w ^ c.flip
		}
	}
	if valid == nil {
		return
	}
	for i := range n {
		if bitAt(valid, off+i) == 1 {
			continue
		}
		if c.null {
			dst[i*k.width+at-1] = c.low
		}
		dst[i*k.width+at] = 0
		if c.kind == d128 {
			dst[i*k.width+at+1] = 0
		}
	}
}

// Tails are encodings of n rows whose order as strings is that of the rows; nil
// where the keys are fixed.
func (k *OrderKeys) Tails(cols []arrow.Array, n int) []string {
	if k.fixed {
		return nil
	}
	buf, ends := k.Append(nil, nil, cols, n)
	out := make([]string, n)
	for row := range out {
		from := uint32(0)
		if row > 0 {
			from = ends[row-1]
		}
		out[row] = string(buf[from:ends[row]])
	}
	return out
}

// Append appends encodings of n rows, whose order as bytes is that of the rows, to
// dst, and where each of them ends to ends. The keys may be fixed.
func (k *OrderKeys) Append(dst []byte, ends []uint32, cols []arrow.Array, n int) ([]byte, []uint32) {
	readers := make([]sortColumn, len(cols))
	for i, c := range cols {
		readers[i] = newSortColumn(c, k.orders[i])
	}
	for row := range n {
		for i := range readers {
			dst = k.encode(dst, &readers[i], &k.cols[i], row)
		}
		ends = append(ends, uint32(len(dst)))
	}
	runtime.KeepAlive(cols)
	return dst, ends
}

// encode appends one value: a byte for NULL, then words, or the bytes of a
// string with 00 as 00 FF and 00 00 at its end.
func (k *OrderKeys) encode(buf []byte, r *sortColumn, c *orderColumn, row int) []byte {
	if r.valid != nil && bitAt(r.valid, r.off+row) == 0 {
		return append(buf, byte(c.low))
	}
	buf = append(buf, byte(1-c.low))
	if r.kind != view {
		buf = binary.BigEndian.AppendUint64(buf, r.key(row, 0))
		if r.kind == d128 {
			buf = binary.BigEndian.AppendUint64(buf, r.key(row, 1))
		}
		return buf
	}
	from := len(buf)
	for _, b := range r.bytes.at(row) {
		buf = append(buf, b)
		if b == 0 {
			buf = append(buf, 0xff)
		}
	}
	buf = append(buf, 0, 0)
	if r.flip != 0 {
		for i := from; i < len(buf); i++ {
			buf[i] = ^buf[i]
		}
	}
	return buf
}

func prefixOf(s string) uint64 {
	if len(s) >= 8 {
		return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
			uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
	}
	var w uint64
	for i := range len(s) {
		w |= uint64(s[i]) << (56 - 8*i)
	}
	return w
}
