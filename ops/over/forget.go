package over

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops/idle"
)

var _ idle.Forgetter = (*Table)(nil)

// StateKeys implements idle.Forgetter.
func (t *Table) StateKeys() []int { return t.c.Partition }

// Forget implements idle.Forgetter: partitions leave with all their rows.
func (t *Table) Forget(keys []arrow.Array) error {
	t.rows.Forget(keys)
	return nil
}
