package rowstore

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
)

// ChainBytes is how many extra bytes of a row its place in a chain takes.
const ChainBytes = 16

// ends is what a key's row of the table holds: the chain from its first row to
// its last.
type ends struct {
	head, tail uint32 // ids + 1, or 0
	count      uint32
	_          uint32
}

// link is a row's place in its chain.
type link struct {
	next, prev uint32 // ids + 1, or 0
	key        uint32 // number of the key + 1, or 0 when the row is in no chain
	_          uint32
}

// chunk is how many rows are linked between two looks at what is in memory.
const chunk = 512

// Chains finds the rows of a store by a key, in the order in which they were
// added. A key has a number, which it keeps while it has rows, and bytes for
// the caller's use.
//
//	key ─ hashtable ─▶ head ─▶ row ⇄ row ⇄ row ◀─ tail
//
// NULLs are equal to each other as keys; who does not want that leaves them out.
// Chains without key columns have one key.
type Chains struct {
	store *Store
	keys  *hashtable.Table
	at    int // of the links in a row's extra bytes
	none  bool

	numbers []uint32
	gone    []uint32
}

// NewChains returns empty chains of rows of s by keys of these types. The links
// are the ChainBytes from byte at of a row's extra bytes on, a multiple of 8;
// accBytes is how many bytes of the caller's a key has.
func NewChains(pool *mem.Pool, s *Store, at int, keys []arrow.DataType, accBytes int) (*Chains, error) {
	c := &Chains{store: s, at: at, none: len(keys) == 0}
	if c.none {
		keys = []arrow.DataType{arrow.Null}
	}
	var err error
	c.keys, err = hashtable.New(hashtable.Options{Pool: pool}, keys, int(unsafe.Sizeof(ends{}))+accBytes)
	return c, err
}

// FindOrInsert writes the numbers of the selected rows' keys, and adds the keys
// that are new, without rows and with zero bytes; it returns their numbers, which
// are valid until the next call. cols are the key columns. A key that is added must
// get a row, or be removed with Drop.
func (c *Chains) FindOrInsert(cols []arrow.Array, sel vector.Sel, numbers []uint32) (inserted []uint32) {
	if c.none {
		null := array.NewNull(len(numbers))
		defer null.Release()
		return c.keys.FindOrInsert([]arrow.Array{null}, nil, numbers)
	}
	return c.keys.FindOrInsert(cols, sel, numbers)
}

// Find is FindOrInsert for readers: a key without rows gets None.
func (c *Chains) Find(cols []arrow.Array, sel vector.Sel, numbers []uint32) {
	if c.none {
		null := array.NewNull(len(numbers))
		defer null.Release()
		c.keys.Find([]arrow.Array{null}, nil, numbers)
		return
	}
	c.keys.Find(cols, sel, numbers)
}

// Add appends rows to the chains of their keys: ids are the selected rows of
// the key columns, just appended to the store.
func (c *Chains) Add(cols []arrow.Array, sel vector.Sel, ids []uint32) {
	if cap(c.numbers) < len(ids) {
		c.numbers = make([]uint32, len(ids))
	}
	numbers := c.numbers[:len(ids)]
	c.FindOrInsert(cols, sel, numbers)
	c.Append(numbers, ids)
}

// Append is Add for keys whose numbers are known.
func (c *Chains) Append(numbers, ids []uint32) {
	for i, id := range ids {
		if i%chunk == 0 {
			c.store.pool.Relieve()
		}
		e, l := c.ends(numbers[i]), c.link(id)
		*l = link{prev: e.tail, key: numbers[i] + 1}
		if e.tail != 0 {
			c.link(e.tail - 1).next = id + 1
		} else {
			e.head = id + 1
		}
		e.tail = id + 1
		e.count++
	}
}

// Remove takes rows out of their chains, before they are freed. Keys without
// rows are forgotten.
func (c *Chains) Remove(ids []uint32) {
	c.gone = c.gone[:0]
	for i, id := range ids {
		if i%chunk == 0 {
			c.store.pool.Relieve()
		}
		if number, empty := c.unlink(id); empty {
			c.gone = append(c.gone, number)
		}
	}
	c.keys.Delete(c.gone)
}

// Unlink is Remove for a caller that keeps keys that are left without rows, until
// it gives them to Drop.
func (c *Chains) Unlink(id uint32) { c.unlink(id) }

// Drop forgets keys, which have no rows.
func (c *Chains) Drop(numbers []uint32) { c.keys.Delete(numbers) }

func (c *Chains) unlink(id uint32) (number uint32, empty bool) {
	l := *c.link(id)
	if l.key == 0 {
		panic("rowstore: a row that is in no chain is taken out of it")
	}
	e := c.ends(l.key - 1)
	if l.prev != 0 {
		c.link(l.prev - 1).next = l.next
	} else {
		e.head = l.next
	}
	if l.next != 0 {
		c.link(l.next - 1).prev = l.prev
	} else {
		e.tail = l.prev
	}
	e.count--
	*c.link(id) = link{}
	return l.key - 1, e.count == 0
}

// Head is the first row of a key, or None.
func (c *Chains) Head(number uint32) uint32 { return c.ends(number).head - 1 }

// Tail is the last row of a key, or None.
func (c *Chains) Tail(number uint32) uint32 { return c.ends(number).tail - 1 }

// Count is how many rows a key has.
func (c *Chains) Count(number uint32) int { return int(c.ends(number).count) }

// Next is the row behind a row in its chain, or None.
func (c *Chains) Next(id uint32) uint32 { return c.link(id).next - 1 }

// Prev is the row before a row in its chain, or None.
func (c *Chains) Prev(id uint32) uint32 { return c.link(id).prev - 1 }

// KeyOf is the number of the key of a row, or None when it is in no chain.
func (c *Chains) KeyOf(id uint32) uint32 { return c.link(id).key - 1 }

// Acc is the address of a key's bytes for the caller. It holds until a key is
// added.
func (c *Chains) Acc(number uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(c.ends(number)), unsafe.Sizeof(ends{}))
}

// Keys is the table of keys, to read: key columns, numbers, marks. Its
// accumulators begin with what belongs to the chains.
func (c *Chains) Keys() *hashtable.Table { return c.keys }

// Reset forgets all keys and rows.
func (c *Chains) Reset() { c.keys.Reset() }

// Release gives the memory back. The chains must not be used afterwards.
func (c *Chains) Release() { c.keys.Free() }

func (c *Chains) ends(number uint32) *ends {
	return (*ends)(unsafe.Add(c.keys.Row(number), c.keys.AccOffset()))
}

func (c *Chains) link(id uint32) *link {
	return (*link)(unsafe.Add(c.store.Extra(id), c.at))
}
