package mem

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// ErrDiskFull is wrapped by the panic of a Grow that finds no room in the files
// of a Paging: on the disk, or below its limit.
var ErrDiskFull = errors.New("no room for state on local disk")

// Paging says when regions leave memory. The zero value is that they do not.
type Paging struct {
	// Dirs are the directories of the files, which have no names: nothing is
	// left behind by a process that is killed.
	Dirs []string
	// Resident is how many bytes of regions are in memory, with the pages of files
	// that are mapped. A region that grows beyond it moves to a file. 0 means that
	// nothing leaves memory.
	Resident int64
	// Eager moves regions to files before that, as soon as they are worth one.
	Eager bool
	// Sweep is how many bytes of rows may be gathered, in all, to be looked up
	// together once the state is larger than memory.
	Sweep int64
	// Disk bounds the bytes of all files; 0 means that the disk does.
	Disk int64
}

// Pages are counted in these.
type pageStats struct {
	memory atomic.Int64 // bytes of regions that are in memory
	disk   atomic.Int64 // bytes of regions that are in files
}

// pager moves regions to files and keeps few of their pages mapped.
//
//	region in memory     ├─ anonymous pages ─┤
//	        grows beyond Paging.Resident │ written to a file, mapped at the same address
//	                                     ▼
//	region in a file     ├▓▓▓▓░░░░▓▓░░░░░░▓▓▓▓┤   ▓ mapped, ░ only in the file or in
//	                        ▲                     the operating system's cache
//	                        hand: unmaps what it passes while too much is mapped
//
// A page that is touched again is mapped again, by the hardware's fault, so that
// nobody who reads or writes a region knows. What that costs depends on how many
// rows share a page while it is mapped: whoever looks up many rows in a large
// table sorts them by their place before (see hashtable.Order).
type pager struct {
	o    Paging
	base int64 // bytes of files that were mapped before: the program itself
	pageStats

	mu     sync.Mutex // guards what follows, and the addresses of regions in files
	files  []*Region
	next   int // directory of the next file
	region int // where the hand stands: the index of a region
	offset int // and the byte in it
}

const (
	// minPaged is the least region that is worth a file.
	minPaged = 1 << 20
	// growStep is by how much a region grows at least.
	growStep = 64 << 10
	// handStep is how many bytes are unmapped at a time.
	handStep = 4 << 20
	// fileStep is how many bytes are written to a file at a time. The operating
	// system caches them in pieces of that size and maps a piece as a whole; it
	// keeps account of larger ones slowly.
	fileStep = 16 << 10
)

// SetPaging changes when regions of the pool leave memory. It is for regions that
// are reserved afterwards; those in files stay there, and keep their limits.
func (p *Pool) SetPaging(o Paging) error {
	if o.Resident <= 0 {
		p.pager.Store(nil)
		return nil
	}
	if !canPage {
		return errors.ErrUnsupported
	}
	if len(o.Dirs) == 0 {
		o.Dirs = []string{os.TempDir()}
	}
	for _, d := range o.Dirs {
		f, err := unlinked(d)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("close a file in %s: %w", d, err)
		}
	}
	p.pager.Store(&pager{o: o, base: mappedFiles()})
	return nil
}

// Paged reports whether regions may leave memory.
func (p *Pool) Paged() bool { return p.pager.Load() != nil }

// Cold reports whether there is more in files than may be mapped, so that rows
// are better looked up many at a time and in the order of their places.
func (p *Pool) Cold() bool {
	g := p.pager.Load()
	return g != nil && g.disk.Load() > g.o.Resident
}

// Sweep is how many bytes of rows may be gathered to be looked up together.
func (p *Pool) Sweep() int64 {
	if g := p.pager.Load(); g != nil {
		return g.o.Sweep
	}
	return 0
}

// Disk is how many bytes of regions are in files.
func (p *Pool) Disk() int64 {
	if g := p.pager.Load(); g != nil {
		return g.disk.Load()
	}
	return 0
}

// Relieve unmaps pages of files when there are too many. It is called often: by
// whoever touches regions, every few hundred rows.
func (p *Pool) Relieve() {
	if g := p.pager.Load(); g != nil && g.disk.Load() > 0 {
		g.relieve()
	}
}

// unlinked makes a file without a name.
func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "wadi-state-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for state: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink a file for state: %w", err), f.Close())
	}
	return f, nil
}

// prepare makes room for a region of n bytes: it decides where the next bytes
// are.
func (r *Region) prepare(n int) {
	if n > r.reserved {
		r.remap(max(2*r.reserved, n))
	}
	g := r.pager
	if g == nil {
		r.enlarge(n)
		return
	}
	want := min((n+min(n/8, minPaged)+growStep-1)&^(growStep-1), r.reserved)
	if r.file == nil {
		more := int64(want - r.ready)
		if want < minPaged || g.memory.Load()+more <= g.inMemory() {
			g.memory.Add(more)
			r.ready = want
			return
		}
		g.toFile(r)
	}
	g.extend(r, want)
	g.relieve()
}

// inMemory is how many bytes of regions stay in memory when one grows.
func (g *pager) inMemory() int64 {
	switch {
	case g.o.Eager:
		return 0
	case g.disk.Load() > 0:
		return g.o.Resident / 8
	}
	return g.o.Resident
}

// toFile moves a region from memory to a file, at the same address.
func (g *pager) toFile(r *Region) {
	g.mu.Lock()
	defer g.mu.Unlock()
	dir := g.o.Dirs[g.next%len(g.o.Dirs)]
	g.next++
	f, err := unlinked(dir)
	if err != nil {
		panic(fmt.Errorf("mem: %w: %w", ErrDiskFull, err))
	}
	content := unsafe.Slice((*byte)(r.base), r.touched)
	g.charge(int64(len(content)))
	for at := 0; at < len(content); at += fileStep {
		write(f, content[at:min(at+fileStep, len(content))], at)
	}
	mapFile(r.base, r.reserved, f)
	r.file, r.onDisk = f, len(content)
	g.memory.Add(-int64(r.ready))
	g.files = append(g.files, r)
}

// extend makes a region's file want bytes long. The bytes are written, so that a
// full disk is an error here and no fault later.
func (g *pager) extend(r *Region, want int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if want > r.onDisk {
		g.charge(int64(want - r.onDisk))
	}
	for at := r.onDisk; at < want; at += fileStep - at%fileStep {
		write(r.file, zeros[:min(fileStep-at%fileStep, want-at)], at)
	}
	r.onDisk = max(r.onDisk, want)
	r.ready = want
}

var zeros [fileStep]byte

func write(f *os.File, b []byte, at int) {
	if _, err := f.WriteAt(b, int64(at)); err != nil {
		panic(fmt.Errorf("mem: %w: %w", ErrDiskFull, err))
	}
}

// charge counts bytes of files.
func (g *pager) charge(n int64) {
	if now := g.disk.Add(n); n > 0 && g.o.Disk > 0 && now > g.o.Disk {
		g.disk.Add(-n)
		panic(fmt.Errorf("mem: %w: state takes more than the %d bytes that it may have in %s", ErrDiskFull, g.o.Disk, strings.Join(g.o.Dirs, ", ")))
	}
}

// shrink gives back what a region's file has beyond keep bytes.
func (g *pager) shrink(r *Region, keep int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if keep >= r.onDisk {
		return
	}
	if err := r.file.Truncate(int64(keep)); err != nil {
		panic("mem: shrink a file of state: " + err.Error())
	}
	g.disk.Add(int64(keep - r.onDisk))
	r.onDisk, r.ready = keep, keep
}

// close gives up a region's file. The region's addresses are released meanwhile.
func (g *pager) close(r *Region) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, f := range g.files {
		if f == r {
			g.files = append(g.files[:i], g.files[i+1:]...)
			break
		}
	}
	g.disk.Add(-int64(r.onDisk))
	releaseSpace(unsafe.Slice((*byte)(r.base), r.reserved))
	if err := r.file.Close(); err != nil {
		panic("mem: close a file of state: " + err.Error())
	}
	r.file, r.onDisk = nil, 0
}

// move maps a region's file at an address with more room.
func (g *pager) move(r *Region, to []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	mapFile(unsafe.Pointer(unsafe.SliceData(to)), len(to), r.file)
	releaseSpace(unsafe.Slice((*byte)(r.base), r.reserved))
	r.base, r.reserved = unsafe.Pointer(unsafe.SliceData(to)), len(to)
}

// relieve moves the hand on until enough is unmapped.
func (g *pager) relieve() {
	room := max(g.o.Resident-g.memory.Load(), g.o.Resident/4)
	if mappedFiles() <= g.base+room {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	least := g.base + room/4*3
	turn := g.disk.Load() + handStep
	for step := 0; turn > 0 && len(g.files) > 0; step++ {
		if step%4 == 0 && mappedFiles() <= least {
			return
		}
		turn -= int64(g.pass())
	}
}

// pass unmaps the pages under the hand, moves it on, and returns over how many
// bytes.
func (g *pager) pass() int {
	if g.region >= len(g.files) {
		g.region, g.offset = 0, 0
	}
	r := g.files[g.region]
	n := min(handStep, r.onDisk-g.offset)
	if n <= 0 {
		g.region, g.offset = g.region+1, 0
		return fileStep
	}
	dropPages(unsafe.Slice((*byte)(r.base), r.reserved)[g.offset : g.offset+n])
	g.offset = (g.offset + n + pageAlign - 1) &^ (pageAlign - 1) // the file may end within a page, and grow
	return n
}

// shared finds the number of pages of files in /proc/self/statm.
func shared(statm []byte) int64 {
	fields := strings.Fields(string(statm))
	if len(fields) < 3 {
		return 0
	}
	n, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
