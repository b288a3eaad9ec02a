//go:build !linux && !darwin

package mem

import "unsafe"

// mapPages returns n zero bytes. The Go allocator aligns large objects to pages.
func mapPages(n int) []byte { return make([]byte, n) }

func unmapPages([]byte) {}

// reserveSpace returns n bytes whose pages the OS gives when they are written.
func reserveSpace(n int) []byte { return make([]byte, n) }

func releaseSpace([]byte) {}

func dropPages(b []byte) { clear(unsafe.Slice(unsafe.SliceData(b), len(b))) }
