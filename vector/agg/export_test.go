package agg

// TouchAll makes every group and value dirty, as if nothing had been stored.
func (t *Table) TouchAll() {
	mark(t.slab(), t.All(), dirtyBit)
	for _, s := range t.sides {
		switch s := s.(type) {
		case *multiset:
			mark(s.slab(), s.table.Live(nil), dirtyBit)
		case *bag:
			for _, id := range s.store.Live(nil) {
				s.extra(id).known = 0
			}
			s.store.Mark(s.store.Live(nil))
		}
	}
}
