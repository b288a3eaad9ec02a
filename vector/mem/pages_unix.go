//go:build linux || darwin

package mem

import "golang.org/x/sys/unix"

const (
	protection = unix.PROT_READ | unix.PROT_WRITE
	anonymous  = unix.MAP_ANON | unix.MAP_PRIVATE
)

// mapPages returns n zero bytes from the OS, or nil when it has none.
func mapPages(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, protection, anonymous)
	if err != nil {
		return nil
	}
	return b
}

func unmapPages(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("mem: unmap: " + err.Error())
	}
}

// reserveSpace returns n bytes of address space whose pages come when they are
// written, or nil.
func reserveSpace(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, protection, anonymous|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	return b
}

func releaseSpace(b []byte) { unmapPages(b) }

// dropPages gives the pages of b back and keeps the addresses. Only Linux
// promises that they read as zero again, which nobody relies on.
func dropPages(b []byte) {
	if len(b) == 0 {
		return
	}
	if err := unix.Madvise(b, unix.MADV_DONTNEED); err != nil {
		panic("mem: drop pages: " + err.Error())
	}
}
