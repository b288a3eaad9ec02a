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

// gather reduces batches to the last change of each key. A table without a key gets
// every row.
func (w *writer) gather(batches []*stream.Batch) changes {
	var all changes
	type last struct {
		row     params
		removed bool
	}
	byKey, keys := map[string]last{}, []string(nil)
	cells := make([]text.Cells, len(w.fields))
	var id []byte
	for _, b := range batches {
		for i := range cells {
			cells[i].Fill(b.Rows.Column(i), text.Plain)
		}
		for row := range b.Len() {
			if len(w.key) == 0 {
				all.puts = append(all.puts, w.params(b, cells, row))
				continue
			}
			id = id[:0]
			for _, k := range w.key {
				v := cells[k].At(row)
				id = append(binary.AppendUvarint(id, uint64(len(v))), v...)
			}
			if _, ok := byKey[string(id)]; !ok {
				keys = append(keys, string(id))
			}
			byKey[string(id)] = last{w.params(b, cells, row), b.Kind(row).Retracts()}
		}
	}
	for _, k := range keys {
		if l := byKey[k]; !l.removed {
			all.puts = append(all.puts, l.row)
		} else {
			var key params
			for _, i := range w.key {
				key = append(key, l.row[i])
			}
			all.removes = append(all.removes, key)
		}
	}
	return all
}

// params are the values of a row.
func (w *writer) params(b *stream.Batch, cells []text.Cells, row int) params {
	p := make(params, len(cells))
	var all []byte
	ends := make([]int, len(cells))
	for i := range cells {
		if b.Rows.Column(i).IsValid(row) {
			all = w.values[i](all, cells[i].At(row))
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
