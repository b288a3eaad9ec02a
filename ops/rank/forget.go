package rank

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

var _ idle.Forgetter = (*Rank)(nil)

// StateKeys implements idle.Forgetter.
func (r *Rank) StateKeys() []int { return r.c.Partition }

// Forget implements idle.Forgetter: partitions leave with all their rows.
func (r *Rank) Forget(keys []arrow.Array) error {
	if len(keys) == 0 {
		null := array.NewNull(1)
		defer null.Release()
		keys = []arrow.Array{null}
	}
	gids := make([]uint32, keys[0].Len())
	r.table.Find(keys, nil, gids)
	for _, g := range gids {
		if g == rowstore.None {
			continue
		}
		p := r.part(g)
		for _, e := range r.lists.Of(&p.list) {
			r.store.Unindex(e.id)
			r.loose = append(r.loose, e.id)
		}
		r.lists.Clear(&p.list)
		r.empty = append(r.empty, g)
	}
	r.free(r.loose, false)
	r.loose = r.loose[:0]
	r.forget()
	return nil
}
