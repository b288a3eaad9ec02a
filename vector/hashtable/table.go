// Package hashtable is the row table behind aggregation, deduplication and
// joins: it maps the key columns of a batch to dense row numbers, and keeps for
// each row the key and some bytes of accumulators, off the Go heap.
package hashtable

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// None is the row number that Find gives to a key that is not in the table.
const None = ^uint32(0)

// maxSlotBits bounds the slots so that a position can be read off the 32 bits
// of hash in a slot.
const maxSlotBits = 31

// Options configures a Table. The zero value is the default.
type Options struct {
	// Pool lends the memory; nil means mem.Default().
	Pool *mem.Pool
	// Rows is how many rows to prepare for; 0 starts small.
	Rows int
	// Reserve is how many bytes of rows can be added before they move to a
	// larger address range; 0 means mem.DefaultReservation.
	Reserve int
}

// Table maps keys to rows. A row is found by its number, the gid, which it
// keeps until it is deleted; gids are dense from 0, so that they index columns
// beside the table and bitmaps.
//
//	hash ─ top bits ─▶ slots                      rows (one mem.Region)
//	                   ┌──────────┬───────┐       ┌─────────┬───────────┬──────────────┐
//	                   │ hash 32  │ gid+1 │──────▶│ NULLs   │ key words │ accumulators │ gid 0
//	                   ├──────────┼───────┤       ├─────────┼───────────┼──────────────┤
//	                   │ 0        │ 0     │       │         │           │              │ gid 1
//	                   └──────────┴───────┘       └─────────┴───────────┴──────────────┘
//	                   linear probing, ≤ 1/2 full  ├── stride bytes, 8-byte aligned ───┤
//
// A fixed-width key column is one word as vector.Words makes it, a decimal two,
// a string or bytes column two: the header of a view, whose second word is the
// offset in the arena where the value has more than 12 bytes. A word of NULL
// bits comes first, except in tables of one fixed-width column: there the NULL
// key has a row of its own that no slot names.
//
// A slot holds the top half of its row's hash. Position and order in the table
// follow from those bits, so neither growth nor deletion looks at the rows, and
// deletion closes the gap instead of leaving a tombstone.
//
// A lookup takes the batch in chunks. While slots and rows fit the cache, the
// keys are hashed and probed at once; above that, in blocks of 64 and three
// stages: prefetch the slots of a block, read those of the block before and
// prefetch the rows that they name, compare the block before that.
//
// A Table belongs to one goroutine. NULLs are equal to each other, as in GROUP BY.
type Table struct {
	keys      []keyColumn
	types     []arrow.DataType
	word      bool // one fixed-width key column of one word: no NULL bits
	keyWords  int  // words of a row's key, NULL bits included
	plain     []int
	strings   []int
	stride    int
	accOffset int
	accWords  int
	pool      *mem.Pool

	slots    []uint64
	paged    *mem.Region // what holds the slots, when they may leave memory
	slotBits int
	rows     *mem.Region
	arena    *mem.Region
	n        int // gids given so far
	room     int // rows that the region holds
	nullRow  uint32
	free     []uint32
	freed    []uint64 // bitmap of gids in free
	garbage  int      // bytes of the arena that belong to deleted rows
	dirty    []uint64

	inserted []uint32
	scratch  scratch
}

// New returns an empty table for keys of these types (at least one, at most 64)
// with accBytes of accumulators per row. Types other than scalars are an error.
func New(o Options, keys []arrow.DataType, accBytes int) (*Table, error) {
	if o.Pool == nil {
		o.Pool = mem.Default()
	}
	t := &Table{pool: o.Pool, types: keys, nullRow: None}
	if err := t.layOut(keys, accBytes); err != nil {
		return nil, err
	}
	t.rows = t.pool.Reserve(o.Reserve)
	if len(t.strings) > 0 {
		t.arena = t.pool.Reserve(o.Reserve)
	}
	t.scratch.init(t)
	t.setSlots(max(slotBitsFor(o.Rows), minSlotBits))
	return t, nil
}

// Len is the number of rows in the table.
func (t *Table) Len() int { return t.n - len(t.free) }

// Gids is the bound of row numbers: every gid is below it. Rows that were
// deleted leave gaps until their numbers are given out again.
func (t *Table) Gids() int { return t.n }

// Bytes is the memory that the table holds.
func (t *Table) Bytes() int {
	n := 8*cap(t.slots) + t.rows.Touched() + 8*(len(t.dirty)+len(t.freed)) + 4*cap(t.free)
	if t.arena != nil {
		n += t.arena.Touched()
	}
	return n
}

// Base is the address of the row of gid 0; the row of gid g begins g·Stride()
// bytes after it, and its accumulators AccOffset() bytes later. It holds until
// the next call that inserts.
func (t *Table) Base() unsafe.Pointer { return t.rows.Base() }

// Stride is the number of bytes from one row to the next, a multiple of 8.
func (t *Table) Stride() int { return t.stride }

// AccOffset is where a row's accumulators begin, a multiple of 8.
func (t *Table) AccOffset() int { return t.accOffset }

// Accs is the address of the accumulators of gid 0: Base plus AccOffset.
func (t *Table) Accs() unsafe.Pointer { return unsafe.Add(t.rows.Base(), t.accOffset) }

// Row is the address of a row. Its accumulators are zero when it is inserted.
// The address holds until the next call that inserts.
func (t *Table) Row(gid uint32) unsafe.Pointer {
	return unsafe.Add(t.rows.Base(), uintptr(gid)*uintptr(t.stride))
}

// Word is the first word of a row's accumulators. The address holds until the
// next call that inserts.
func (t *Table) Word(gid uint32) *uint64 {
	return (*uint64)(unsafe.Add(t.rows.Base(), uintptr(gid)*uintptr(t.stride)+uintptr(t.accOffset)))
}

// Live appends the gids of all rows, ascending, to dst.
func (t *Table) Live(dst vector.Sel) vector.Sel {
	return t.LiveIn(dst, 0, uint32(t.n))
}

// LiveIn is Live for the gids from one up to, and without, another.
func (t *Table) LiveIn(dst vector.Sel, from, to uint32) vector.Sel {
	for g := from; g < min(to, uint32(t.n)); g++ {
		if len(t.free) == 0 || !hasBit(t.freed, g) {
			dst = append(dst, g)
		}
	}
	return dst
}

// Relieve lets cold pages of the rows leave memory where that is scarce. Who reads
// many rows calls it every few thousand.
func (t *Table) Relieve() { t.pool.Relieve() }

// Reset removes all rows and keeps the memory for the next ones. Gids start
// from 0 again.
func (t *Table) Reset() {
	bits := t.slotBits
	if want := max(slotBitsFor(t.n), minSlotBits); want+2 < bits {
		bits-- // lazily follow a table that has become small
	}
	if bits != t.slotBits {
		t.setSlots(bits)
	} else {
		clear(t.slots)
	}
	t.rows.Reset()
	if t.arena != nil {
		t.arena.Reset()
	}
	t.n, t.room, t.garbage, t.nullRow = 0, 0, 0, None
	t.free, t.inserted = t.free[:0], t.inserted[:0]
	clear(t.freed)
	clear(t.dirty)
}

// Free gives the table's memory back. The table must not be used afterwards; a
// second Free does nothing.
func (t *Table) Free() {
	t.rows.Free()
	if t.arena != nil {
		t.arena.Free()
	}
	t.freeSlots()
	t.n = 0
}

// minSlotBits lets the smallest table take a chunk of new keys.
const minSlotBits = 10

// slotBitsFor is the size of a table of rows at most half full.
func slotBitsFor(rows int) int {
	if rows == 0 {
		return 0
	}
	return bits.Len(uint(2*rows - 1))
}

func (t *Table) setSlots(slotBits int) {
	t.freeSlots()
	t.slots, t.paged = t.newSlots(slotBits)
	t.slotBits = slotBits
}

// pagedSlotBits is the least number of slots that may leave memory.
const pagedSlotBits = 17

// newSlots returns empty slots and, if they may leave memory, what holds them.
func (t *Table) newSlots(slotBits int) ([]uint64, *mem.Region) {
	if slotBits > maxSlotBits {
		panic(fmt.Sprintf("hashtable: %d rows are too many for one table", t.n))
	}
	if slotBits >= pagedSlotBits && t.pool.Paged() {
		r := t.pool.Reserve(8 << slotBits)
		r.Grow(8 << slotBits)
		return unsafe.Slice((*uint64)(r.Base()), 1<<slotBits), r
	}
	b := t.pool.Allocate(8 << slotBits)
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), 1<<slotBits), nil
}

func (t *Table) freeSlots() {
	if t.slots != nil {
		t.giveBack(t.slots, t.paged)
		t.slots, t.paged = nil, nil
	}
}

func (t *Table) giveBack(slots []uint64, paged *mem.Region) {
	if paged != nil {
		paged.Free()
		return
	}
	t.pool.Free(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(slots))), 8*len(slots)))
}

func hasBit(b []uint64, i uint32) bool {
	return int(i/64) < len(b) && b[i/64]>>(i%64)&1 == 1
}

func setBit(b []uint64, i uint32) []uint64 {
	for int(i/64) >= len(b) {
		b = append(b, 0)
	}
	b[i/64] |= 1 << (i % 64)
	return b
}
