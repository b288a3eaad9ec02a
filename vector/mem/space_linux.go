package mem

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// A page of 2 MiB is filled with zeros in 50 to 300 µs. It takes several ms where
// a hypervisor has to find the memory first, which it does more often for large
// free runs than for pages that went from hand to hand: then small ones are
// better, for some time.
const (
	dearPage  = 1e6 // ns
	dearSteps = 64
)

// dear counts the calls of hugePages that are to be passed over.
var dear atomic.Int32

// hugePages asks for pages of 2 MiB where b has none yet, and takes the first one
// to see what they cost. All of it is advice.
func hugePages(b []byte) {
	if dear.Add(-1) >= 0 {
		return
	}
	dear.Store(0)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % hugePage
	if int(skip)+hugePage > len(b) || unix.Madvise(b, unix.MADV_HUGEPAGE) != nil {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	_ = unix.Madvise(b[skip:skip+hugePage], unix.MADV_POPULATE_WRITE)
	if threadTime()-before > dearPage {
		_ = unix.Madvise(b[skip+hugePage:], unix.MADV_NOHUGEPAGE)
		dear.Store(dearSteps)
	}
}

// threadTime is the CPU time of this thread in ns.
func threadTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}

var buddyinfo = sync.OnceValue(func() *os.File {
	f, err := os.Open("/proc/buddyinfo")
	if err != nil {
		return nil
	}
	return f
})

// freeHuge is how many bytes the system has free in runs of at least 2 MiB; 0
// where it does not say.
func freeHuge() int {
	f := buddyinfo()
	if f == nil {
		return 0
	}
	var buf [8 << 10]byte
	n, err := f.ReadAt(buf[:], 0)
	if n == 0 && err != nil {
		return 0
	}
	return hugeBytes(buf[:n])
}

// hugeBytes reads /proc/buddyinfo: a line per zone of memory,
//
//	Node 0, zone   Normal  12345 6789 ... 21 3
//
// with the numbers of free runs of 1, 2, 4, ... pages of 4 KiB
// (proc_buddyinfo(5)).
func hugeBytes(info []byte) int {
	const zone, smallest = 4, 9 // fields before the counts; 2 MiB is 2⁹ pages
	total := 0
	for line := range bytes.Lines(info) {
		for i, field := range bytes.Fields(line) {
			order := i - zone
			if order < smallest {
				continue
			}
			if n, err := strconv.Atoi(string(field)); err == nil {
				total += n << (order + 12)
			}
		}
	}
	return total
}

// moveSpace is b with room for n bytes, its pages at a new address where it must
// be, or nil when the system cannot.
func moveSpace(b []byte, n int) []byte {
	moved, err := unix.Mremap(b, n, unix.MREMAP_MAYMOVE)
	if err != nil {
		return nil
	}
	return moved
}
