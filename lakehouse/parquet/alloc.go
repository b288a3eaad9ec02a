package parquet

import (
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/mem"
)

// unzeroed lends memory as it is. Every buffer here is written from end to end
// before anybody reads it.
type unzeroed struct {
	memory.Allocator
	raw mem.Raw
}

func withoutZeroing(a memory.Allocator) memory.Allocator {
	if raw, ok := a.(mem.Raw); ok {
		return unzeroed{a, raw}
	}
	return a
}

// Allocate implements memory.Allocator.
func (a unzeroed) Allocate(size int) []byte { return a.raw.AllocateRaw(size) }
