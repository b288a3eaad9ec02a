// Package rowstore keeps rows of any types off the Go heap, by number: what
// joins, ranks and other operators remember of their inputs. Chains link the
// rows of a key in the order in which they came.
package rowstore

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// None is the id of no row; Take gives a row of NULLs for it.
const None = ^uint32(0)

// Options configures a Store. The zero value is the default.
type Options struct {
	// Pool lends the memory; nil means mem.Default().
	Pool *mem.Pool
	// Reserve is how many bytes of rows can be added before they move to a
	// larger address range; 0 means mem.DefaultReservation.
	Reserve int
	// Index lets rows be found by their content (Find, Claim), for inputs that
	// take rows back.
	Index bool
}

// Store holds rows, row by row. A row has an id, which it keeps until it is
// freed; ids are dense from 0, so that they index columns beside the store.
//
//	           rows (one mem.Region)                                   arena
//	None ────▶ ┌─────────┬──────────────┬──────────────────────┐       ┌──────────────────
//	           │ all 1   │ 0            │ 0                    │       │ strings > 12 bytes
//	Base, 0 ─▶ ├─────────┼──────────────┼──────────────────────┤       └────▲─────────────
//	           │ NULLs   │ column words │ the caller's extra   │ header ────┘ offset
//	           └─────────┴──────────────┴──────────────────────┘
//	           ├────────── stride bytes, 8-byte aligned ───────┤
//
// A fixed-width value is one word, a decimal two, a string or bytes two: the
// header of a view, whose second word is the offset in the arena where the value
// has more than 12 bytes. Arrays, maps and rows are encoded to bytes. Floats
// keep their bits. The extra bytes of a row belong to the caller: links of
// chains, counters, sequence numbers; they begin as zeros.
//
// The row before the first is all NULL, and that is where None points, so that
// loops over ids need no branch for it: an address is base + (id+1)·stride with
// id+1 in 32 bits.
//
// A Store belongs to one goroutine.
type Store struct {
	columns     []column
	types       []arrow.DataType
	strings     []int // first words of string columns
	nullWords   int
	words       int // NULL bits and columns
	extraOffset int
	stride      int
	pool        *mem.Pool

	rows    *mem.Region
	arena   *mem.Region
	n       int // ids given so far
	room    int // rows that the region holds, without the one of None
	free    []uint32
	freed   bitmap
	dirty   bitmap
	garbage int // bytes of the arena that belong to freed rows
	index   *index

	scratch scratch
}

// kind is how a column stands in a row.
type kind uint8

const (
	wordKind    kind = iota // one word
	floatKind               // one word: the bits of a float as an integer of its width
	decimalKind             // low and high word
	stringKind              // a view's header
	nestedKind              // a view's header of the encoding
	nullKind                // no words: the column is always NULL
)

// column is one column's place in a row.
type column struct {
	kind kind
	at   int // first word
}

// New returns an empty store for rows of these types with extraBytes beside each.
func New(o Options, types []arrow.DataType, extraBytes int) (*Store, error) {
	if o.Pool == nil {
		o.Pool = mem.Default()
	}
	if extraBytes < 0 {
		return nil, fmt.Errorf("%d extra bytes", extraBytes)
	}
	s := &Store{pool: o.Pool, types: types, nullWords: (len(types) + 63) / 64}
	s.words = s.nullWords
	for i, dt := range types {
		if err := s.addColumn(i, dt); err != nil {
			return nil, err
		}
	}
	s.extraOffset = 8 * s.words
	extra := (extraBytes + 7) / 8 * 8
	s.stride = max(s.extraOffset+extra, 8)
	if o.Index {
		s.stride += ChainBytes
	}
	s.rows = s.pool.Reserve(o.Reserve)
	if len(s.strings) > 0 {
		s.arena = s.pool.Reserve(o.Reserve)
	}
	s.addNullRow()
	s.scratch.init(s.words)
	if o.Index {
		var err error
		if s.index, err = newIndex(s, extra); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// CanHold reports whether rows of a schema can be kept in a Store.
func CanHold(schema *arrow.Schema) bool {
	var s Store
	for i, f := range schema.Fields() {
		if s.addColumn(i, f.Type) != nil {
			return false
		}
	}
	return true
}

func (s *Store) addColumn(i int, dt arrow.DataType) error {
	c := column{at: s.words}
	switch {
	case dt.ID() == arrow.FLOAT32 || dt.ID() == arrow.FLOAT64:
		c.kind = floatKind
		s.words++
	case vector.IsWord(dt):
		c.kind = wordKind
		s.words++
	case dt.ID() == arrow.DECIMAL128:
		c.kind = decimalKind
		s.words += 2
	case dt.ID() == arrow.STRING_VIEW || dt.ID() == arrow.BINARY_VIEW:
		c.kind = stringKind
	case dt.ID() == arrow.NULL:
		c.kind = nullKind
	case canNest(dt):
		c.kind = nestedKind
	default:
		return fmt.Errorf("column %d: rows of %v cannot be kept", i, dt)
	}
	if c.kind == stringKind || c.kind == nestedKind {
		s.strings = append(s.strings, c.at)
		s.words += 2
	}
	s.columns = append(s.columns, c)
	return nil
}

// addNullRow writes the row that None names.
func (s *Store) addNullRow() {
	s.rows.Grow(s.stride)
	clear(s.rows.Bytes())
	for i := range s.columns {
		*(*uint64)(unsafe.Add(s.rows.Base(), 8*(i/64))) |= 1 << (i % 64)
	}
}

// Types are the types of the columns.
func (s *Store) Types() []arrow.DataType { return s.types }

// Len is the number of rows in the store.
func (s *Store) Len() int { return s.n - len(s.free) }

// IDs is the bound of ids: every id is below it. Rows that were freed leave
// gaps until their ids are given out again.
func (s *Store) IDs() int { return s.n }

// Base is the address of the extra bytes of the row 0; those of row id begin
// id·Stride() bytes after it. It holds until the next Append.
func (s *Store) Base() unsafe.Pointer {
	return unsafe.Add(s.rows.Base(), s.stride+s.extraOffset)
}

// Stride is the number of bytes from one row to the next, a multiple of 8.
func (s *Store) Stride() int { return s.stride }

// Extra is the address of a row's extra bytes, aligned to 8. It holds until the
// next Append.
func (s *Store) Extra(id uint32) unsafe.Pointer {
	return unsafe.Add(s.row(id), s.extraOffset)
}

// row is the address of a row, or of the row of NULLs for None.
func (s *Store) row(id uint32) unsafe.Pointer {
	return unsafe.Add(s.rows.Base(), uintptr(id+1)*uintptr(s.stride))
}

// Live appends the ids of all rows, ascending, to dst.
func (s *Store) Live(dst vector.Sel) vector.Sel {
	return s.LiveIn(dst, 0, s.n)
}

// LiveIn is Live for the ids from one up to, and without, another.
func (s *Store) LiveIn(dst vector.Sel, from, to int) vector.Sel {
	for id := from; id < min(to, s.n); id++ {
		if len(s.free) == 0 || !s.freed.has(uint32(id)) {
			dst = append(dst, uint32(id))
		}
	}
	return dst
}

// Bytes is the memory that the store holds.
func (s *Store) Bytes() int {
	n := s.rows.Touched() + 8*(cap(s.dirty)+cap(s.freed)) + 4*cap(s.free)
	if s.arena != nil {
		n += s.arena.Touched()
	}
	if s.index != nil {
		n += s.index.chains.keys.Bytes()
	}
	return n
}

// Relieve lets cold pages leave memory where that is scarce. Who reads many rows
// calls it every few hundred.
func (s *Store) Relieve() { s.pool.Relieve() }

// Reset removes all rows and keeps the memory for the next ones. Ids start from
// 0 again.
func (s *Store) Reset() {
	s.rows.Reset()
	s.addNullRow()
	if s.arena != nil {
		s.arena.Reset()
	}
	s.n, s.room, s.garbage = 0, 0, 0
	s.free = s.free[:0]
	clear(s.freed)
	clear(s.dirty)
	if s.index != nil {
		s.index.chains.Reset()
	}
}

// Release gives the store's memory back. It must not be used afterwards; a
// second Release does nothing.
func (s *Store) Release() {
	s.rows.Free()
	if s.arena != nil {
		s.arena.Free()
	}
	if s.index != nil {
		s.index.chains.Release()
	}
	s.n = 0
}
