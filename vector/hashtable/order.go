package hashtable

import (
	"runtime"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// Order sorts rows by where a table has, or would have, their keys. Rows that are
// looked up in that order meet the slots of a table from its beginning to its
// end; and where rows were inserted in that order before, part by part, they meet
// those, too, from the beginning to the end of every part:
//
//	hashes of the rows    0 ····· 2⁶⁴
//	slots                 ├─▶────────┤
//	rows                  ├─▶──┤├─▶──┤├─▶──┤   inserted by the first, second, third sweep
//
// So a page of a large table is needed once per sweep and not once per row,
// which is what makes tables larger than memory bearable.
type Order struct {
	t      Table
	counts []uint32
	hashes []uint64
}

// NewOrder returns the order of keys of these types.
func NewOrder(keys []arrow.DataType) (*Order, error) {
	o := &Order{}
	o.t.types = keys
	if err := o.t.layOut(keys, 0); err != nil {
		return nil, err
	}
	o.t.scratch.init(&o.t)
	return o, nil
}

// orderBits is how many bits of the hash decide the order: a part of the slots
// of a table that is as large as memory is then a few pages.
const orderBits = 16

// Sort writes the numbers of the rows, all of cols, to dst in the order of their
// hashes. Rows with equal keys stay in their order. cols are the key columns.
func (o *Order) Sort(dst vector.Sel, cols []arrow.Array) vector.Sel {
	o.t.check(cols)
	n := cols[0].Len()
	o.hash(cols, n)
	if o.counts == nil {
		o.counts = make([]uint32, 1<<orderBits)
	}
	clear(o.counts)
	for _, h := range o.hashes {
		o.counts[h>>(64-orderBits)]++
	}
	at := uint32(0)
	for i, c := range o.counts {
		o.counts[i] = at
		at += c
	}
	if cap(dst) < n {
		dst = make(vector.Sel, n)
	}
	dst = dst[:n]
	for i, h := range o.hashes {
		b := h >> (64 - orderBits)
		dst[o.counts[b]] = uint32(i)
		o.counts[b]++
	}
	return dst
}

// hash computes the hashes that a table of the keys computes.
func (o *Order) hash(cols []arrow.Array, n int) {
	if cap(o.hashes) < n {
		o.hashes = make([]uint64, n)
	}
	o.hashes = o.hashes[:n]
	t := &o.t
	for from := 0; from < n; from += chunk {
		m := min(chunk, n-from)
		h := o.hashes[from : from+m]
		if !t.word {
			t.pack(cols, nil, from, m)
			t.hashProbes(t.scratch.hash[:m])
			copy(h, t.scratch.hash[:m])
			continue
		}
		w := t.scratch.words[:m]
		gatherWords(w, cols[0], nil, from)
		for i, v := range w {
			h[i] = vector.HashWord(v)
		}
	}
	runtime.KeepAlive(cols)
}

// Ends writes, after Sort, where each of len(ends) equal ranges of places ends in
// the order: the rows before ends[0] have their places in the first range. The
// number of ranges is a power of two and at most 65536.
func (o *Order) Ends(ends []uint32) {
	step := len(o.counts) / len(ends)
	for i := range ends {
		ends[i] = o.counts[(i+1)*step-1]
	}
}
