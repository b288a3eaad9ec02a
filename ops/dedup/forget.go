package dedup

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

var _ idle.Forgetter = (*Deduplicate)(nil)

// StateKeys implements idle.Forgetter.
func (d *Deduplicate) StateKeys() []int { return d.c.Keys }

// Forget implements idle.Forgetter. A row that waits for the watermark leaves first,
// and its key is forgotten then.
func (d *Deduplicate) Forget(keys []arrow.Array) error {
	gids := make([]uint32, keys[0].Len())
	d.table.Find(keys, nil, gids)
	var gone []uint32
	for _, g := range gids {
		switch {
		case g == hashtable.None:
		case d.c.waits() && d.acc(g).id != 0:
			d.acc(g).doomed = true
		default:
			gone = append(gone, g)
		}
	}
	d.forget(gone)
	return nil
}

// forget removes keys: at once or, when the state table knows them, when it has
// been told.
func (d *Deduplicate) forget(gids []uint32) {
	d.old = d.old[:0]
	for _, g := range gids {
		a := d.acc(g)
		if d.store != nil && a.id != 0 {
			d.old = append(d.old, a.id-1)
		}
		*a = acc{known: a.known}
	}
	if d.store != nil {
		d.store.Free(d.old)
	}
	d.table.Mark(gids)
	unknown := gids[:0]
	for _, g := range gids {
		if !d.acc(g).known {
			unknown = append(unknown, g)
		}
	}
	d.table.Delete(unknown)
}
