package mem

import (
	"fmt"
	"os"
	"unsafe"
)

// DefaultReservation is the address space of a region whose owner does not say
// how large it may become.
const DefaultReservation = 1 << 30

// Region is a slab of bytes that grows in place, off the Go heap: address space
// is reserved at once, pages are taken when they are first written, and Reset
// keeps them.
//
//	base                len            touched              reserved
//	 ├── in use ─────────┤╌╌ warm pages ╌╌┤ · · · address space · ·┤
//
// The base moves only when a region outgrows its reservation (Grow), so
// pointers into it hold between two calls of Grow; offsets hold for ever.
// A Region belongs to one goroutine. When the pool has a Paging, it may move to a
// file, at the same address, when it grows.
type Region struct {
	pool     *Pool
	base     unsafe.Pointer
	len      int
	touched  int
	reserved int
	ready    int // bytes for which Grow has nothing to prepare

	pager  *pager   // of the pool when the region was made, or nil
	file   *os.File // whose pages the region has, or nil
	onDisk int      // length of the file
}

// Reserve returns an empty region with room for at least size bytes at one
// address; 0 means DefaultReservation. What it touches counts as in use.
func (p *Pool) Reserve(size int) *Region {
	r := &Region{pool: p, pager: p.pager.Load()}
	if size <= 0 {
		size = DefaultReservation
	}
	r.remap(size)
	return r
}

// Base is the address of the first byte.
func (r *Region) Base() unsafe.Pointer { return r.base }

// Len is the number of bytes in use.
func (r *Region) Len() int { return r.len }

// Touched is the number of bytes that have ever been in use since the region
// was made or last trimmed: what it costs in memory.
func (r *Region) Touched() int { return r.touched }

// Bytes returns the bytes in use. They are valid until the next Grow.
func (r *Region) Bytes() []byte { return unsafe.Slice((*byte)(r.base), r.len) }

// Grow adds n bytes and returns the offset of the first of them. Their content
// is zero when they are new and what it was when Reset has recycled them.
func (r *Region) Grow(n int) int {
	at := r.len
	if at+n > r.ready {
		r.prepare(at + n)
	}
	r.len = at + n
	if r.len > r.touched {
		r.pool.use(int64(r.len - r.touched))
		r.touched = r.len
	}
	return at
}

// Truncate gives up all but the first n bytes; their pages stay warm.
func (r *Region) Truncate(n int) {
	if n > r.len {
		panic(fmt.Sprintf("mem: truncate a region of %d bytes to %d", r.len, n))
	}
	r.len = n
}

// Reset empties the region and keeps its pages.
func (r *Region) Reset() { r.len = 0 }

// Trim empties the region and gives back its pages beyond the first keep bytes.
func (r *Region) Trim(keep int) {
	r.len = 0
	keep = (keep + pageAlign - 1) &^ (pageAlign - 1)
	if r.file != nil {
		r.pager.shrink(r, keep)
		r.pool.inUse.Add(int64(min(keep, r.touched) - r.touched))
		r.touched = min(keep, r.touched)
		return
	}
	if keep < r.touched {
		if r.pager != nil && keep < r.ready {
			r.pager.memory.Add(int64(keep - r.ready))
			r.ready = keep
		}
		dropPages(unsafe.Slice((*byte)(r.base), r.reserved)[keep:])
		r.pool.inUse.Add(int64(keep - r.touched))
		r.touched = keep
	}
}

// Free gives the region back. It must not be used afterwards; a second Free
// does nothing.
func (r *Region) Free() {
	if r.base == nil {
		return
	}
	if r.file != nil {
		r.pager.close(r)
	} else {
		releaseSpace(unsafe.Slice((*byte)(r.base), r.reserved))
		if r.pager != nil {
			r.pager.memory.Add(-int64(r.ready))
		}
	}
	r.pool.inUse.Add(-int64(r.touched))
	r.base, r.len, r.touched, r.reserved, r.ready = nil, 0, 0, 0, 0
}

// hugeStep is how much of a region is considered at a time for huge pages, and
// the size from which it is: small regions waste nothing.
const hugeStep = 16 << 20

// enlarge makes a region that stays in memory ready for n bytes, in huge pages
// where the system has many free: a fault for every small page costs more than
// what is written to it, and making room for huge ones costs more still.
func (r *Region) enlarge(n int) {
	from := r.ready
	r.ready = min((n+hugeStep-1)&^(hugeStep-1), r.reserved)
	if from >= hugeStep && freeHuge() > 8*hugeStep {
		hugePages(unsafe.Slice((*byte)(r.base), r.reserved)[from:r.ready])
	}
}

// pageAlign is a multiple of every page size we run on.
const pageAlign = 64 << 10

func (r *Region) remap(size int) {
	size = (size + pageAlign - 1) &^ (pageAlign - 1)
	if r.base != nil && r.file == nil {
		if b := moveSpace(unsafe.Slice((*byte)(r.base), r.reserved), size); b != nil {
			r.base, r.reserved = unsafe.Pointer(unsafe.SliceData(b)), len(b)
			return
		}
	}
	b := reserveSpace(size)
	if b == nil {
		panic(fmt.Sprintf("mem: out of memory: reserve %d bytes", size))
	}
	if r.file != nil {
		r.pager.move(r, b)
		return
	}
	if r.base != nil {
		copy(b, r.Bytes())
		releaseSpace(unsafe.Slice((*byte)(r.base), r.reserved))
		r.pool.inUse.Add(int64(r.len - r.touched))
		r.touched = r.len
	}
	r.base, r.reserved = unsafe.Pointer(unsafe.SliceData(b)), len(b)
}
