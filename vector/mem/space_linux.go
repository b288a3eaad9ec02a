package mem

import (
	"bytes"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// hugePages asks for pages of 2 MiB where b has none yet. It is advice.
func hugePages(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

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
