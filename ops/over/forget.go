package over

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

var _ idle.Forgetter = (*Table)(nil)

// StateKeys implements idle.Forgetter.
func (t *Table) StateKeys() []int { return t.c.Partition }

// Forget implements idle.Forgetter: partitions leave with all their rows.
func (t *Table) Forget(keys []arrow.Array) error {
	numbers := make([]uint32, 1)
	if len(keys) > 0 {
		numbers = make([]uint32, keys[0].Len())
	}
	t.chains.Find(keys, nil, numbers)
	gone := numbers[:0]
	for _, n := range numbers {
		if n == rowstore.None {
			continue
		}
		gone = append(gone, n)
		for id := t.chains.Head(n); id != rowstore.None; id = t.chains.Head(n) {
			t.chains.Unlink(id)
			t.store.Unindex(id)
			t.loose = append(t.loose, id)
		}
	}
	t.free(t.loose)
	t.loose = t.loose[:0]
	t.chains.Drop(gone)
	return nil
}
