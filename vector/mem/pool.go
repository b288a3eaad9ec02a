// Package mem is the memory of the data plane: a process-wide pool of aligned
// buffers behind Arrow's memory.Allocator, and regions, which are growable
// slabs at one address for row tables.
//
// Memory that has been touched once is kept and used again: the first touch of
// a fresh page costs more than ten times a write to a warm one.
package mem

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// Align is the alignment of every buffer, in bytes: a cache line, and what
	// Arrow recommends.
	Align = 64
	// offHeap is the smallest class that is mapped from the OS. Smaller
	// buffers stay on the Go heap, where they cost the collector nothing
	// because they hold no pointers.
	offHeap = 32 << 10
	// shards is how many free lists a class has.
	shards = 4
	// classes covers sizes up to 2^46 bytes.
	classes = 2*(46-6) + 1
)

// DefaultRetained is how many free bytes a pool keeps when Options does not say.
const DefaultRetained = 1 << 30

// Options configures a Pool. The zero value is the default.
type Options struct {
	// Retained is how many bytes of free buffers the pool keeps before it
	// gives memory back; 0 means DefaultRetained, negative means none.
	Retained int64
	// Poison overwrites buffers that are given back, so that tests see who
	// still reads them.
	Poison bool
}

// Pool is an allocator of pooled buffers in size classes. It is safe for use by
// many goroutines.
//
// A buffer belongs to the class that is the smallest of 64, 128, 192, 256, 384,
// 512, … (2^k and 1.5·2^k) not below its size, and its capacity is exactly
// that of the class, which is how Free finds the way back:
//
//	Allocate(100 000) ─ class 128 KiB ─┬ shard 0  [▢▢]   a goroutine begins at the
//	                                   ├ shard 1  []      shard its stack hashes to and
//	                                   ├ shard 2  [▢]     goes on to the next when that
//	                                   └ shard 3  [▢▢]    one is busy or empty
//
// Free lists are stacks, so that the buffer that is handed out is the one that
// is most likely in the cache.
type Pool struct {
	limit  int64
	poison bool

	classes [classes]class

	pager    atomic.Pointer[pager]
	inUse    atomic.Int64
	peak     atomic.Int64
	retained atomic.Int64
}

// class is the free lists of one size.
type class struct{ shards [shards]shard }

// shard is one free list, alone on its cache lines.
type shard struct {
	mu   sync.Mutex
	free []unsafe.Pointer
	_    [Align - 32]byte
}

// Stats counts a pool's bytes, in whole buffers.
type Stats struct {
	InUse    int64 // lent, and not yet given back; regions count what they have touched
	Peak     int64 // the most that was ever in use
	Retained int64 // kept in free lists
}

var (
	_ memory.Allocator = (*Pool)(nil)
	_ Raw              = (*Pool)(nil)
)

// Raw is an allocator that can also give memory as it is, for callers that
// write every byte of it.
type Raw interface {
	memory.Allocator
	// AllocateRaw is Allocate without clearing.
	AllocateRaw(size int) []byte
}

var process = New(Options{})

// Default is the pool of the process.
func Default() *Pool { return process }

// New returns an empty pool.
func New(o Options) *Pool {
	p := &Pool{limit: o.Retained, poison: o.Poison}
	switch {
	case p.limit == 0:
		p.limit = DefaultRetained
	case p.limit < 0:
		p.limit = 0
	}
	return p
}

// SetRetained changes how many free bytes the pool keeps from now on. It does
// not shrink what is there; see Trim.
func (p *Pool) SetRetained(bytes int64) { atomic.StoreInt64(&p.limit, max(bytes, 0)) }

// Stats returns the counters.
func (p *Pool) Stats() Stats {
	return Stats{InUse: p.inUse.Load(), Peak: p.peak.Load(), Retained: p.retained.Load()}
}

// AllocatedBytes is the number of bytes in use.
func (p *Pool) AllocatedBytes() int64 { return p.inUse.Load() }

// Allocate returns size zero bytes, aligned to 64.
func (p *Pool) Allocate(size int) []byte {
	b, isNew := p.allocate(size)
	if !isNew {
		clear(b)
	}
	return b
}

// AllocateRaw returns size bytes of any content, aligned to 64.
func (p *Pool) AllocateRaw(size int) []byte {
	b, _ := p.allocate(size)
	return b
}

// allocate returns size bytes and whether nobody has used them before, so that
// they are zero.
func (p *Pool) allocate(size int) (b []byte, isNew bool) {
	if size <= 0 {
		if size < 0 {
			panic(fmt.Sprintf("mem: allocate %d bytes", size))
		}
		return []byte{}, true
	}
	c := classOf(size)
	n := sizeOf(c)
	p.use(int64(n))
	ptr := p.pop(c)
	if isNew = ptr == nil; isNew {
		ptr = fresh(n)
	} else {
		p.retained.Add(-int64(n))
	}
	return unsafe.Slice((*byte)(ptr), n)[:size], isNew
}

// Free takes back a buffer that Allocate, AllocateRaw or Reallocate has
// returned. The caller must not use it, or any slice of it, afterwards.
func (p *Pool) Free(b []byte) {
	n := cap(b)
	if n == 0 {
		return
	}
	c := classOf(n)
	if sizeOf(c) != n {
		panic(fmt.Sprintf("mem: free of %d bytes that no pool has lent", n))
	}
	p.inUse.Add(-int64(n))
	if p.poison {
		b = b[:n]
		for i := range b {
			b[i] = 0xdb
		}
	}
	ptr := unsafe.Pointer(unsafe.SliceData(b))
	if p.retained.Add(int64(n)) > atomic.LoadInt64(&p.limit) {
		p.retained.Add(-int64(n))
		discard(ptr, n)
		return
	}
	p.push(c, ptr)
}

// Reallocate returns a buffer of size bytes that begins with the content of b,
// and takes b back. It is b itself when size fits b's class and needs at least a
// quarter of it. Bytes beyond len(b) are zero.
func (p *Pool) Reallocate(size int, b []byte) []byte {
	old := len(b)
	if size > 0 && size <= cap(b) && size >= cap(b)/4 {
		b = b[:size]
		if size > old {
			clear(b[old:])
		}
		return b
	}
	grown := p.AllocateRaw(size)
	n := copy(grown, b)
	clear(grown[n:])
	p.Free(b)
	return grown
}

// Trim gives all free buffers back.
func (p *Pool) Trim() {
	for c := range p.classes {
		n := sizeOf(c)
		for s := range p.classes[c].shards {
			sh := &p.classes[c].shards[s]
			sh.mu.Lock()
			free := sh.free
			sh.free = nil
			sh.mu.Unlock()
			p.retained.Add(-int64(n * len(free)))
			for _, ptr := range free {
				discard(ptr, n)
			}
		}
	}
}

func (p *Pool) use(n int64) {
	now := p.inUse.Add(n)
	for {
		peak := p.peak.Load()
		if now <= peak || p.peak.CompareAndSwap(peak, now) {
			return
		}
	}
}

func (p *Pool) pop(c int) unsafe.Pointer {
	cl := &p.classes[c]
	home := homeShard()
	for i := range uint(shards) {
		sh := &cl.shards[(home+i)%shards]
		if !sh.mu.TryLock() {
			if i+1 < shards {
				continue
			}
			sh.mu.Lock()
		}
		if n := len(sh.free); n > 0 {
			ptr := sh.free[n-1]
			sh.free[n-1] = nil
			sh.free = sh.free[:n-1]
			sh.mu.Unlock()
			return ptr
		}
		sh.mu.Unlock()
	}
	return nil
}

func (p *Pool) push(c int, ptr unsafe.Pointer) {
	cl := &p.classes[c]
	home := homeShard()
	for i := range uint(shards) {
		sh := &cl.shards[(home+i)%shards]
		if !sh.mu.TryLock() {
			if i+1 < shards {
				continue
			}
			sh.mu.Lock()
		}
		sh.free = append(sh.free, ptr)
		sh.mu.Unlock()
		return
	}
}

// homeShard spreads goroutines over shards by where their stacks lie.
func homeShard() uint {
	var here byte
	return uint(uintptr(unsafe.Pointer(&here))>>13) * 0x9E3779B1 >> 16
}

// classOf returns the index of the smallest class that holds size bytes. Even
// indices are powers of two, 64·2^(c/2); odd ones are 1.5 times the one before.
func classOf(size int) int {
	if size <= Align {
		return 0
	}
	k := bits.Len(uint(size - 1)) // 2^(k-1) < size <= 2^k
	c := 2 * (k - 6)
	if k > 7 && size <= 3<<(k-2) {
		c--
	}
	return c
}

// sizeOf returns the bytes of class c. Class 1 would be 96 bytes, which is not
// aligned, and is never used.
func sizeOf(c int) int {
	n := Align << (c / 2)
	if c%2 == 1 {
		n += n / 2
	}
	return n
}

// fresh returns n bytes that nobody has used.
func fresh(n int) unsafe.Pointer {
	if n >= offHeap {
		if b := mapPages(n); b != nil {
			return unsafe.Pointer(unsafe.SliceData(b))
		}
		panic(fmt.Sprintf("mem: out of memory: map %d bytes", n))
	}
	// The Go allocator aligns pointer-free objects to their size class only, so
	// take what is needed to align by hand.
	b := make([]byte, n+Align-1)
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return unsafe.Pointer(unsafe.SliceData(b[-at%Align:]))
}

// discard gives up n bytes at ptr for good.
func discard(ptr unsafe.Pointer, n int) {
	if n >= offHeap {
		unmapPages(unsafe.Slice((*byte)(ptr), n))
	}
}
