package window

import (
	"cmp"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// pane is a piece of time and its groups: all of a table of its own, or some of
// the shared table.
type pane struct {
	start  int64
	table  *agg.Table
	shared bool
	groups []uint32 // in the shared table
}

// ids are the pane's groups, valid until the next call for a pane.
func (p *pane) ids() []uint32 {
	if p.shared {
		return p.groups
	}
	return p.table.All()
}

// keys are the key columns of groups of the pane.
func (p *pane) keys(groups []uint32) []arrow.Array {
	keys := p.table.Keys(groups)
	if p.shared {
		keys[0].Release()
		keys = keys[1:]
	}
	return keys
}

// panes are the panes that have rows. Tables are used again.
type panes struct {
	layout  *agg.Layout
	byStart map[int64]*pane
	recent  *pane   // the last one that was asked for
	list    []*pane // by time, once sorted
	sorted  bool
	own     int // panes with a table of their own, at most maxOwn
	maxOwn  int
	free    []*agg.Table
	rest    shared
}

// at gives the pane that begins at start.
func (p *panes) at(start int64) (*pane, error) {
	if p.recent != nil && p.recent.start == start {
		return p.recent, nil
	}
	if x, ok := p.byStart[start]; ok {
		p.recent = x
		return x, nil
	}
	x := &pane{start: start}
	var err error
	switch n := len(p.free); {
	case p.own == p.maxOwn:
		x.shared = true
		x.table, err = p.rest.open()
	case n > 0:
		x.table, p.free = p.free[n-1], p.free[:n-1]
	default:
		x.table, err = p.layout.NewTable()
	}
	if err != nil {
		return nil, err
	}
	if !x.shared {
		p.own++
	}
	if p.byStart == nil {
		p.byStart = map[int64]*pane{}
	}
	p.byStart[start], p.recent = x, x
	if n := len(p.list); n == 0 {
		p.sorted = true
	} else if p.list[n-1].start > start {
		p.sorted = false
	}
	p.list = append(p.list, x)
	return x, nil
}

// search gives the place of the first pane that begins at or behind start.
func (p *panes) search(start int64) int {
	if !p.sorted {
		slices.SortFunc(p.list, func(x, y *pane) int { return cmp.Compare(x.start, y.start) })
		p.sorted = true
	}
	i, _ := slices.BinarySearchFunc(p.list, start, func(x *pane, start int64) int { return cmp.Compare(x.start, start) })
	return i
}

// from is the first pane that begins at or behind start, or nil.
func (p *panes) from(start int64) *pane {
	if i := p.search(start); i < len(p.list) {
		return p.list[i]
	}
	return nil
}

// within are the panes that begin in [from, to).
func (p *panes) within(from, to int64) []*pane { return p.list[p.search(from):p.search(to)] }

// drop recycles the panes that begin before t.
func (p *panes) drop(t int64) error {
	n := p.search(t)
	if n == 0 {
		return nil
	}
	for _, x := range p.list[:n] {
		delete(p.byStart, x.start)
		if x.shared {
			p.rest.forget(x)
			continue
		}
		x.table.Reset()
		p.free = append(p.free, x.table)
		p.own--
	}
	p.list = slices.Delete(p.list, 0, n)
	p.recent = nil
	return p.rest.compact(p.list)
}

func (p *panes) release() {
	for _, x := range p.list {
		if !x.shared {
			x.table.Release()
		}
	}
	for _, t := range p.free {
		t.Release()
	}
	p.rest.release()
	p.list, p.free, p.byStart, p.recent, p.own = nil, nil, nil, nil, 0
}

// selections are lists of rows, in memory that is used again.
type selections struct {
	starts []int64
	rows   []vector.Sel
	index  map[int64]int // of starts
	late   vector.Sel
	kinds  [2]grouped // added, taken
}

// split sorts rows by pane: afterwards rows[i] are those of the pane that
// begins at starts[i]. Rows before live are late. Times mostly ascend, so that
// the pane of the row before is tried first.
func (s *selections) split(times []int64, g grid, live int64) (late vector.Sel) {
	s.starts, s.late = s.starts[:0], s.late[:0]
	clear(s.index)
	at := -1
	var from, to int64
	for i, t := range times {
		if t < live {
			s.late = append(s.late, uint32(i))
			continue
		}
		if at < 0 || t < from || t >= to {
			from = g.paneOf(t)
			to = from + g.pane
			at = s.find(from)
		}
		s.rows[at] = append(s.rows[at], uint32(i))
	}
	return s.late
}

// find gives the index of the pane that begins at start, which is likely one
// of the last few.
func (s *selections) find(start int64) int {
	n := len(s.starts)
	for i := n - 1; i >= max(0, n-4); i-- {
		if s.starts[i] == start {
			return i
		}
	}
	if i, ok := s.index[start]; ok {
		return i
	}
	if s.index == nil {
		s.index = map[int64]int{}
	}
	s.index[start] = n
	s.starts = append(s.starts, start)
	if n == len(s.rows) {
		s.rows = append(s.rows, nil)
	}
	s.rows[n] = s.rows[n][:0]
	return n
}

// grouped are rows and their groups.
type grouped struct {
	rows vector.Sel
	ids  []uint32
}

// byKind splits the rows of sel (nil: all rows), whose groups are ids, into
// those that are added and those that are taken away.
func (s *selections) byKind(kinds []stream.RowKind, sel vector.Sel, ids []uint32) (added, taken grouped) {
	for i := range s.kinds {
		s.kinds[i].rows, s.kinds[i].ids = s.kinds[i].rows[:0], s.kinds[i].ids[:0]
	}
	for i, id := range ids {
		r := uint32(i)
		if sel != nil {
			r = sel[i]
		}
		k := &s.kinds[0]
		if kinds[r].Retracts() {
			k = &s.kinds[1]
		}
		k.rows, k.ids = append(k.rows, r), append(k.ids, id)
	}
	return s.kinds[0], s.kinds[1]
}
