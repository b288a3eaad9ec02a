package mem

import (
	"math/bits"
	"unsafe"
)

// Lists holds very many lists of elements without pointers, off the heap: a block of
// a region for each list, which it leaves for a larger one when it is full.
//
//	List {at, n, class} ─▶ │ e │ e │ e │ · │     n elements in a block of its class
//
// Blocks have 1, 2, 3, 4, 6, 8, 12, … elements. A block that is given back is the
// next one of its class to be used. Elements are at least 4 bytes.
type Lists[T any] struct {
	region *Region
	free   [2*32 + 1]uint32 // by class: the place of a block + 1, which begins with that of the next; or 0
}

// List is one list. The zero value is empty; it must not be copied while the other
// one is used.
type List struct {
	at, n uint32 // where the elements are, in elements, and how many
	class uint8
}

// Len is the number of elements.
func (p *List) Len() int { return int(p.n) }

// NewLists returns a place for lists; p is the pool whose memory it takes.
func NewLists[T any](p *Pool) *Lists[T] { return &Lists[T]{region: p.Reserve(0)} }

// classOfList is the smallest class of blocks that hold n elements.
func classOfList(n int) uint8 {
	if n <= 2 {
		return uint8(n)
	}
	k := bits.Len(uint(n - 1)) // 2^(k-1) < n <= 2^k
	if n <= 3<<(k-2) {
		return uint8(2*k - 1)
	}
	return uint8(2 * k)
}

// sizeOfList is how many elements a block of a class has: 0 of class 0, where there
// is no block.
func sizeOfList(class uint8) int {
	switch {
	case class <= 2:
		return int(class)
	case class%2 == 1:
		return 3 << (class/2 - 1)
	}
	return 1 << (class / 2)
}

// Of are the elements of a list. They hold until the next call that adds some to any
// list.
func (l *Lists[T]) Of(p *List) []T { return unsafe.Slice(l.element(p.at), p.n) }

func (l *Lists[T]) element(at uint32) *T {
	var t T
	return (*T)(unsafe.Add(l.region.Base(), uintptr(at)*unsafe.Sizeof(t)))
}

// head is where a block that is free holds the place of the next one.
func (l *Lists[T]) head(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(l.element(at))) }

// Insert puts e before the element at a position.
func (l *Lists[T]) Insert(p *List, at int, e T) {
	l.Reserve(p, int(p.n)+1)
	p.n++
	all := l.Of(p)
	copy(all[at+1:], all[at:])
	all[at] = e
}

// Append adds e at the end.
func (l *Lists[T]) Append(p *List, e T) { l.Insert(p, int(p.n), e) }

// Set makes a list have these elements, which are not its own.
func (l *Lists[T]) Set(p *List, all []T) {
	p.n = 0
	l.Reserve(p, len(all))
	p.n = uint32(len(all))
	copy(l.Of(p), all)
}

// Remove takes the element at a position out.
func (l *Lists[T]) Remove(p *List, at int) {
	all := l.Of(p)
	copy(all[at:], all[at+1:])
	p.n--
}

// Cut leaves the first n elements.
func (l *Lists[T]) Cut(p *List, n int) { p.n = min(p.n, uint32(n)) }

// Clear leaves no elements, and gives the block back.
func (l *Lists[T]) Clear(p *List) {
	l.giveBack(p)
	p.n = 0
}

// Reserve moves a list to a larger block where n elements need one.
func (l *Lists[T]) Reserve(p *List, n int) {
	if n <= sizeOfList(p.class) {
		return
	}
	class := classOfList(n)
	at := l.block(class)
	copy(unsafe.Slice(l.element(at), p.n), l.Of(p))
	l.giveBack(p)
	p.at, p.class = at, class
}

func (l *Lists[T]) block(class uint8) uint32 {
	if at := l.free[class]; at != 0 {
		l.free[class] = *l.head(at - 1)
		return at - 1
	}
	var t T
	size := int(unsafe.Sizeof(t))
	at := l.region.Grow(sizeOfList(class)*size) / size
	if at > 1<<32-2 {
		panic("mem: lists of more than 2^32 elements")
	}
	return uint32(at)
}

func (l *Lists[T]) giveBack(p *List) {
	if p.class == 0 {
		return
	}
	*l.head(p.at) = l.free[p.class]
	l.free[p.class] = p.at + 1
	p.at, p.class = 0, 0
}

// Relieve lets cold pages leave memory where that is scarce. Who looks at many lists
// calls it every few hundred.
func (l *Lists[T]) Relieve() { l.region.pool.Relieve() }

// Free gives the memory back. The lists must not be used afterwards.
func (l *Lists[T]) Free() { l.region.Free() }
