package agg

// TouchAll makes every group and value dirty, as if nothing had been stored.
func (t *Table) TouchAll() {
	mark(t.slab(), t.All(), dirtyBit)
	for _, m := range t.sets {
		mark(m.slab(), m.table.Live(nil), dirtyBit)
	}
}
