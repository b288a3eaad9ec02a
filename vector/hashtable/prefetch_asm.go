//go:build amd64 || arm64

package hashtable

import "unsafe"

// prefetchSlots asks for the cache lines of slots[h>>shift] for every hash.
func prefetchSlots(slots, hashes []uint64, shift uint) {
	if len(hashes) > 0 {
		prefetchIndexed(unsafe.Pointer(unsafe.SliceData(slots)), unsafe.SliceData(hashes), len(hashes), shift)
	}
}

// prefetchRows asks for the cache lines at the addresses.
func prefetchRows(ptrs []uintptr) {
	if len(ptrs) > 0 {
		prefetchAddresses(unsafe.SliceData(ptrs), len(ptrs))
	}
}

//go:noescape
func prefetchIndexed(slots unsafe.Pointer, hashes *uint64, n int, shift uint)

//go:noescape
func prefetchAddresses(ptrs *uintptr, n int)
