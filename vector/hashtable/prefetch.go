//go:build !amd64 && !arm64

package hashtable

func prefetchSlots([]uint64, []uint64, uint) {}

func prefetchRows([]uintptr) {}
