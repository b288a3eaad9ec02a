package jdbc

import (
	"encoding/binary"

	"github.com/wadi-engine/wadi/connect/format/text"
	"github.com/wadi-engine/wadi/stream"
)

// changes are the rows that are sent together: of each key the last change.
type changes struct {
	puts    []params // rows that are there now
	removes []params // keys of rows that are gone
}

// params are the values of a row, or of its key; nil is NULL.
type params [][]byte

// latest gathers changes, and forgets those of a key that has a later one. A table
// without a key keeps every row.
type latest struct {
	key []int // columns

	all   []change
	at    map[string]int // of a key in all
	bytes int            // of the values in all

	id []byte // scratch
}

// change is a row that is there, or the key of one that is gone.
type change struct {
	values params
	gone   bool
}

// put adds a row that is there now.
func (l *latest) put(row params) { l.add(change{row, false}) }

// remove adds the key of a row that is gone.
func (l *latest) remove(key params) { l.add(change{key, true}) }

func (l *latest) add(c change) {
	for _, v := range c.values {
		l.bytes += len(v)
	}
	if len(l.key) == 0 {
		l.all = append(l.all, c)
		return
	}
	l.id = l.id[:0]
	for i, k := range l.key {
		v := c.values[i]
		if !c.gone {
			v = c.values[k]
		}
		l.id = append(binary.AppendUvarint(l.id, uint64(len(v))), v...)
	}
	if at, ok := l.at[string(l.id)]; ok {
		for _, v := range l.all[at].values {
			l.bytes -= len(v)
		}
		l.all[at] = c
		return
	}
	if l.at == nil {
		l.at = map[string]int{}
	}
	l.at[string(l.id)] = len(l.all)
	l.all = append(l.all, c)
}

// take gives the changes, and forgets them.
func (l *latest) take() changes {
	var out changes
	for _, c := range l.all {
		if c.gone {
			out.removes = append(out.removes, c.values)
		} else {
			out.puts = append(out.puts, c.values)
		}
	}
	clear(l.all)
	clear(l.at)
	l.all, l.bytes = l.all[:0], 0
	return out
}

// binder makes parameters of the rows of batches.
type binder struct {
	*statements
	cells []text.Cells
}

func newBinder(s *statements) binder { return binder{s, make([]text.Cells, len(s.fields))} }

// fill makes the rows of b those that are read.
func (r *binder) fill(b *stream.Batch) {
	for i := range r.cells {
		r.cells[i].Fill(b.Rows.Column(i), text.Plain)
	}
}

// add adds a row of the batch.
func (r *binder) add(to *latest, b *stream.Batch, row int) {
	all := r.params(b, row)
	if len(r.key) == 0 || !b.Kind(row).Retracts() {
		to.put(all)
		return
	}
	key := make(params, len(r.key))
	for i, k := range r.key {
		key[i] = all[k]
	}
	to.remove(key)
}

// params are the values of a row.
func (r *binder) params(b *stream.Batch, row int) params {
	p := make(params, len(r.cells))
	all := make([]byte, 0, 16*len(r.cells)) // not nil: an empty text is none
	ends := make([]int, len(r.cells))
	for i := range r.cells {
		if b.Rows.Column(i).IsValid(row) {
			all = r.values[i](all, r.cells[i].At(row))
		}
		ends[i] = len(all)
	}
	from := 0
	for i := range p {
		if b.Rows.Column(i).IsValid(row) {
			p[i] = all[from:ends[i]:ends[i]]
		}
		from = ends[i]
	}
	return p
}
