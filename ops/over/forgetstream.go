package over

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

var _ idle.Forgetter = (*Stream)(nil)

// StateKeys implements idle.Forgetter.
func (s *Stream) StateKeys() []int { return s.c.Partition }

// Forget implements idle.Forgetter. Partitions that event time forgets are left to
// it, and so are those with rows that wait for the watermark.
func (s *Stream) Forget(keys []arrow.Array) error {
	if s.timed() {
		return nil
	}
	gone := s.idle(keys)
	if len(gone) == 0 {
		return nil
	}
	var columns []arrow.Array
	if len(s.c.Partition) > 0 {
		columns = s.table.Keys(s.alloc, gone)
		defer release(columns)
	}
	if err := s.saved.parts.write(columns, nil, len(gone), true); err != nil {
		return fmt.Errorf("delete from partitions: %w", err)
	}
	for _, g := range s.eval.groups {
		if g.lives {
			g.table.Forget(g.table.Find(columns))
		}
	}
	for _, g := range gone {
		p := s.part(g)
		s.free(s.kept.Of(&p.kept))
		s.kept.Clear(&p.kept)
		p.dirty = false
	}
	s.changed = slices.DeleteFunc(s.changed, func(g uint32) bool { return !s.part(g).dirty })
	s.table.Delete(gone)
	return nil
}

// idle are the partitions with these keys that have no row that waits.
func (s *Stream) idle(keys []arrow.Array) []uint32 {
	if len(keys) == 0 {
		null := array.NewNull(1)
		defer null.Release()
		keys = []arrow.Array{null}
	}
	gids := make([]uint32, keys[0].Len())
	s.table.Find(keys, nil, gids)
	waits := map[uint32]bool{}
	for _, w := range s.waiting {
		waits[w.part] = true
	}
	return slices.DeleteFunc(gids, func(g uint32) bool { return g == hashtable.None || waits[g] })
}
