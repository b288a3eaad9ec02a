package mem

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canPage reports whether regions can move to files.
const canPage = true

// mapFile maps a file over the n bytes of address space at base. Pages come one
// by one, as they are touched.
func mapFile(base unsafe.Pointer, n int, f *os.File) {
	at, err := unix.MmapPtr(int(f.Fd()), 0, base, uintptr(n), protection, unix.MAP_SHARED|unix.MAP_FIXED)
	if err != nil {
		panic("mem: map a file of state: " + err.Error())
	}
	b := unsafe.Slice((*byte)(at), n)
	// Both are advice: where the kernel does not know it, more is mapped.
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE)
	_ = unix.Madvise(b, unix.MADV_RANDOM)
}

var statm = sync.OnceValue(func() *os.File {
	f, err := os.Open("/proc/self/statm")
	if err != nil {
		panic("mem: " + err.Error())
	}
	return f
})

// mappedFiles is how many bytes of files are mapped into the process.
func mappedFiles() int64 {
	var buf [128]byte
	n, err := statm().ReadAt(buf[:], 0)
	if n == 0 && err != nil {
		return 0
	}
	return shared(buf[:n])
}
