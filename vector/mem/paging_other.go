//go:build !linux

package mem

import (
	"os"
	"unsafe"
)

// canPage reports whether regions can move to files.
const canPage = false

func mapFile(unsafe.Pointer, int, *os.File) { panic("mem: there is no paging on this system") }

func mappedFiles() int64 { return 0 }
