package rowstore

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector"
)

// scratch holds rows of a batch as they will stand in the store, some at a time.
// The second word of a long string is its address, which holds while the batch
// does.
type scratch struct {
	rows  []uint64 // chunk rows
	words []uint64 // chunk values of a column
	chunk int
	input []input
}

// input is a column of a batch, and the rows of it that are meant.
type input struct {
	col arrow.Array
	sel vector.Sel
}

// init keeps the scratch within the cache.
func (s *scratch) init(words int) {
	s.chunk = min(max(8192/max(words, 1), 16), 512)
	s.rows = make([]uint64, s.chunk*words)
	s.words = make([]uint64, s.chunk)
}

// open prepares the columns of a batch to be packed and returns how many rows
// they are. Close follows.
func (s *Store) open(cols []arrow.Array, sel vector.Sel, n int) {
	if len(cols) != len(s.columns) {
		panic(fmt.Sprintf("rowstore: %d columns, want %d", len(cols), len(s.columns)))
	}
	in := s.scratch.input[:0]
	for i, c := range cols {
		if c.DataType().ID() != s.types[i].ID() {
			panic(fmt.Sprintf("rowstore: column %d is %v, want %v", i, c.DataType(), s.types[i]))
		}
		switch s.columns[i].kind {
		case floatKind:
			in = append(in, input{as(c, integerOf(s.types[i])), sel})
		case nestedKind:
			in = append(in, input{encode(s.pool, c, sel, n), nil})
		case wordKind, decimalKind, stringKind, nullKind:
			c.Retain()
			in = append(in, input{c, sel})
		}
	}
	s.scratch.input = in
}

// close ends what open has begun.
func (s *Store) close() {
	for _, in := range s.scratch.input {
		in.col.Release()
	}
	clear(s.scratch.input)
}

// integerOf is the integer as wide as a float.
func integerOf(dt arrow.DataType) arrow.DataType {
	if dt.ID() == arrow.FLOAT32 {
		return arrow.PrimitiveTypes.Int32
	}
	return arrow.PrimitiveTypes.Int64
}

// as is a with its values taken as another type of the same width.
func as(a arrow.Array, dt arrow.DataType) arrow.Array {
	d := array.NewData(dt, a.Len(), a.Data().Buffers(), nil, a.NullN(), a.Data().Offset())
	defer d.Release()
	return array.MakeFromData(d)
}

// pack writes the rows [from, from+m) of the open batch into the scratch.
func (s *Store) pack(from, m int) []uint64 {
	rows := s.scratch.rows[:m*s.words]
	for i := 0; i < len(rows); i += s.words {
		clear(rows[i : i+s.nullWords])
	}
	for i, c := range s.columns {
		in := s.scratch.input[i]
		if c.kind != nullKind {
			s.packColumn(rows[c.at:], in, c.kind, from, m)
		}
		if in.col.NullN() > 0 || c.kind == nullKind {
			s.packNulls(rows, i, in, from, m)
		}
	}
	return rows
}

func (s *Store) packColumn(dst []uint64, in input, k kind, from, m int) {
	switch k {
	case decimalKind:
		v := vector.Values[[2]uint64](in.col)
		for i := range m {
			d := v[in.at(from+i)]
			dst[i*s.words], dst[i*s.words+1] = d[0], d[1]
		}
	case stringKind, nestedKind:
		v := vector.ViewsOf(in.col)
		for i := range m {
			r := in.at(from + i)
			h := v.Headers[r]
			if h.Len() > vector.Inline {
				h.Hi = uint64(v.Address(r))
			}
			dst[i*s.words], dst[i*s.words+1] = h.Lo, h.Hi
		}
	case wordKind, floatKind, nullKind:
		w := s.scratch.words[:m]
		if in.sel == nil {
			vector.Words(w, in.col, from)
		} else {
			vector.WordsSel(w, in.col, in.sel[from:from+m])
		}
		for i, v := range w {
			dst[i*s.words] = v
		}
	}
}

// packNulls sets the bit of column i in rows that are NULL there, and zeroes
// their words.
func (s *Store) packNulls(rows []uint64, i int, in input, from, m int) {
	c := s.columns[i]
	for j := range m {
		if c.kind != nullKind && in.col.IsValid(in.at(from+j)) {
			continue
		}
		row := rows[j*s.words : (j+1)*s.words]
		row[i/64] |= 1 << (i % 64)
		switch c.kind {
		case decimalKind, stringKind, nestedKind:
			row[c.at], row[c.at+1] = 0, 0
		case wordKind, floatKind:
			row[c.at] = 0
		case nullKind:
		}
	}
}

func (in input) at(i int) int {
	if in.sel == nil {
		return i
	}
	return int(in.sel[i])
}

// hash is the hash of a packed row.
func (s *Store) hash(row []uint64) uint64 {
	h, next := uint64(0), 0
	for i := 0; i < len(row); i++ {
		if next < len(s.strings) && i == s.strings[next] {
			next++
			if n := uint32(row[i]); n > vector.Inline {
				h = vector.HashBytes(h, unsafe.Slice((*byte)(address(nil, row[i+1])), n))
				i++
				continue
			}
		}
		h = vector.MixWord(h, row[i])
	}
	return h
}

// address is where a long string lies: offset is from arena, or the address
// itself when arena is nil.
//
//go:nocheckptr
func address(arena unsafe.Pointer, offset uint64) unsafe.Pointer {
	return unsafe.Add(arena, uintptr(offset))
}

// equal compares a packed row with one of the store.
func (s *Store) equal(packed []uint64, id uint32) bool {
	row := unsafe.Slice((*uint64)(s.row(id)), s.words)
	next := 0
	for i := 0; i < len(packed); i++ {
		if next < len(s.strings) && i == s.strings[next] {
			next++
			if n := uint32(packed[i]); n > vector.Inline {
				if packed[i] != row[i] || !bytes.Equal(
					unsafe.Slice((*byte)(address(nil, packed[i+1])), n),
					unsafe.Slice((*byte)(address(s.arena.Base(), row[i+1])), n)) {
					return false
				}
				i++
				continue
			}
		}
		if packed[i] != row[i] {
			return false
		}
	}
	return true
}
