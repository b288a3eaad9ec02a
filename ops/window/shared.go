package window

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// shared is one table for the groups of many panes, whose key begins with the
// pane. Rows find their groups more slowly than in a pane's own table, but a
// pane costs no more than its groups. Groups of panes that are done stay in
// the table until they are most of it.
type shared struct {
	layout *agg.Layout
	alloc  memory.Allocator
	table  *agg.Table
	panes  int // that use the table
	dead   int // groups of panes that are done

	rows   vector.Sel
	starts []int64
}

func (s *shared) open() (*agg.Table, error) {
	if s.table == nil {
		t, err := s.layout.NewTable()
		if err != nil {
			return nil, err
		}
		s.table = t
	}
	s.panes++
	return s.table, nil
}

// note lists the rows of sel (nil: all n rows) of a batch of n rows, which lie in
// the pane that begins at start.
func (s *shared) note(start int64, sel vector.Sel, n int) {
	if cap(s.starts) < n {
		s.starts = make([]int64, n)
	}
	starts := s.starts[:n]
	if sel == nil {
		s.rows = vector.All(s.rows, n)
		for i := range starts {
			starts[i] = start
		}
		return
	}
	s.rows = append(s.rows, sel...)
	for _, r := range sel {
		starts[r] = start
	}
}

// keysOf are the key columns of rec's rows, whose panes begin at starts.
func (s *shared) keysOf(starts []int64, keys []arrow.Array) []arrow.Array {
	b := array.NewInt64Builder(s.alloc)
	defer b.Release()
	b.AppendValues(starts, nil)
	return append([]arrow.Array{b.NewArray()}, keys...)
}

// register gives groups that are new to their panes.
func (s *shared) register(p *panes, fresh []uint32) error {
	if len(fresh) == 0 {
		return nil
	}
	keys := s.table.Keys(fresh)
	defer release(keys)
	for i, start := range vector.Values[int64](keys[0]) {
		x, err := p.at(start)
		if err != nil {
			return err
		}
		x.groups = append(x.groups, fresh[i])
	}
	return nil
}

// forget notes that pane x is done.
func (s *shared) forget(x *pane) {
	s.table.Forgotten(x.groups)
	s.dead += len(x.groups)
	s.panes--
}

// compact removes the groups of panes that are done when they are most of the
// table: what is left moves to a new one.
func (s *shared) compact(list []*pane) error {
	if s.dead == 0 {
		return nil
	}
	if s.panes == 0 {
		s.table.Reset()
		s.dead = 0
		return nil
	}
	if s.dead < 4096 || 2*s.dead < s.table.Len() {
		return nil
	}
	old := s.table
	var err error
	if s.table, err = s.layout.NewTable(); err != nil {
		return err
	}
	s.dead = 0
	for _, x := range list {
		if !x.shared {
			continue
		}
		keys := old.Keys(x.groups)
		x.groups = append([]uint32(nil), s.table.MergeGroups(old, x.groups, keys)...)
		x.table = s.table
		release(keys)
	}
	old.Release()
	return nil
}

func (s *shared) release() {
	if s.table != nil {
		s.table.Release()
		s.table = nil
	}
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
