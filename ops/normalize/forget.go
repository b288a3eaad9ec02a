package normalize

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

var _ idle.Forgetter = (*Normalize)(nil)

// StateKeys implements idle.Forgetter.
func (n *Normalize) StateKeys() []int { return n.c.Keys }

// Forget implements idle.Forgetter.
func (n *Normalize) Forget(keys []arrow.Array) error {
	gids := make([]uint32, keys[0].Len())
	n.table.Find(keys, nil, gids)
	n.old, n.touched = n.old[:0], n.touched[:0]
	for _, g := range gids {
		if g == hashtable.None {
			continue
		}
		if a := n.acc(g); a.id != 0 {
			n.old, n.touched = append(n.old, a.id-1), append(n.touched, g)
			a.id = 0
		}
	}
	n.store.Free(n.old)
	n.table.Mark(n.touched)
	return nil
}
