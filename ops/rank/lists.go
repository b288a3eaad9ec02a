package rank

import (
	"math/bits"
	"unsafe"

	"github.com/wadi-engine/wadi/vector/mem"
)

// lists holds the entries of partitions, off the heap: a block of a region for each
// partition, which it leaves for a larger one when it is full.
//
//	partition {at, n, class} ─▶ [key id][key id][key id] ·     n entries of a block of its class
//
// Blocks have 1, 2, 3, 4, 6, 8, 12, … entries. A block that is given back is the next
// one of its class to be used.
type lists struct {
	region *mem.Region
	free   [2*32 + 1]uint32 // by class: the place of a block + 1, which begins with that of the next; or 0
}

// entryBytes is the size of an entry; places count in it.
const entryBytes = int(unsafe.Sizeof(entry{}))

func newLists() *lists { return &lists{region: mem.Default().Reserve(0)} }

// classOf is the smallest class of blocks that hold n entries.
func classOf(n int) uint8 {
	if n <= 2 {
		return uint8(n)
	}
	k := bits.Len(uint(n - 1)) // 2^(k-1) < n <= 2^k
	if n <= 3<<(k-2) {
		return uint8(2*k - 1)
	}
	return uint8(2 * k)
}

// sizeOf is how many entries a block of a class has: 0 of class 0, where there is no
// block.
func sizeOf(class uint8) int {
	switch {
	case class <= 2:
		return int(class)
	case class%2 == 1:
		return 3 << (class/2 - 1)
	}
	return 1 << (class / 2)
}

// rows are the entries of a partition. They hold until the next insert.
func (l *lists) rows(p *partition) []entry {
	return unsafe.Slice((*entry)(l.entry(p.at)), p.n)
}

func (l *lists) entry(at uint32) unsafe.Pointer {
	return unsafe.Add(l.region.Base(), int(at)*entryBytes)
}

// insert puts e before the entry at a position.
func (l *lists) insert(p *partition, at int, e entry) {
	if int(p.n) == sizeOf(p.class) {
		l.move(p, classOf(int(p.n)+1))
	}
	p.n++
	rows := l.rows(p)
	copy(rows[at+1:], rows[at:])
	rows[at] = e
}

// remove takes the entry at a position out.
func (l *lists) remove(p *partition, at int) {
	rows := l.rows(p)
	copy(rows[at:], rows[at+1:])
	p.n--
}

// move takes a partition to a block of a larger class.
func (l *lists) move(p *partition, class uint8) {
	at := l.block(class)
	copy(unsafe.Slice((*entry)(l.entry(at)), p.n), l.rows(p))
	l.giveBack(p)
	p.at, p.class = at, class
}

func (l *lists) block(class uint8) uint32 {
	if at := l.free[class]; at != 0 {
		l.free[class] = *(*uint32)(l.entry(at - 1))
		return at - 1
	}
	at := l.region.Grow(sizeOf(class) * entryBytes)
	if at/entryBytes > 1<<32-2 {
		panic("rank: more than 2^32 entries")
	}
	return uint32(at / entryBytes)
}

// giveBack frees the block of a partition.
func (l *lists) giveBack(p *partition) {
	if p.class == 0 {
		return
	}
	*(*uint32)(l.entry(p.at)) = l.free[p.class]
	l.free[p.class] = p.at + 1
	p.at, p.class = 0, 0
}

// clear takes all entries out of a partition, and frees its block.
func (l *lists) clear(p *partition) {
	p.n = 0
	l.giveBack(p)
}

func (l *lists) close() { l.region.Free() }
