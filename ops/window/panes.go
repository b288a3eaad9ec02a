package window

import (
	"slices"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// pane is a piece of time and its groups.
type pane struct {
	start int64
	table *agg.Table
}

// panes are the panes that have rows, by time. Tables are used again.
type panes struct {
	layout *agg.Layout
	list   []pane
	free   []*agg.Table
}

func (p *panes) search(start int64) (int, bool) {
	return slices.BinarySearchFunc(p.list, start, func(x pane, start int64) int {
		switch {
		case x.start < start:
			return -1
		case x.start > start:
			return 1
		}
		return 0
	})
}

// at gives the table of the pane that begins at start.
func (p *panes) at(start int64) (*agg.Table, error) {
	if n := len(p.list); n > 0 && p.list[n-1].start == start {
		return p.list[n-1].table, nil
	}
	i, ok := p.search(start)
	if ok {
		return p.list[i].table, nil
	}
	var t *agg.Table
	if n := len(p.free); n > 0 {
		t, p.free = p.free[n-1], p.free[:n-1]
	} else {
		var err error
		if t, err = p.layout.NewTable(); err != nil {
			return nil, err
		}
	}
	p.list = slices.Insert(p.list, i, pane{start, t})
	return t, nil
}

// within are the panes that begin in [from, to).
func (p *panes) within(from, to int64) []pane {
	i, _ := p.search(from)
	j, _ := p.search(to)
	return p.list[i:j]
}

// drop recycles the panes that begin before t.
func (p *panes) drop(t int64) {
	n, _ := p.search(t)
	for _, x := range p.list[:n] {
		x.table.Reset()
		p.free = append(p.free, x.table)
	}
	p.list = slices.Delete(p.list, 0, n)
}

func (p *panes) release() {
	for _, x := range p.list {
		x.table.Release()
	}
	for _, t := range p.free {
		t.Release()
	}
	p.list, p.free = nil, nil
}

// selections are lists of rows, in memory that is used again.
type selections struct {
	starts []int64
	rows   []vector.Sel
	late   vector.Sel
	kinds  [2]vector.Sel
}

// split sorts rows by pane: afterwards rows[i] are those of the pane that
// begins at starts[i]. Rows before live are late. Times mostly ascend, so that
// the pane of the row before is tried first.
func (s *selections) split(times []int64, g grid, live int64) (late vector.Sel) {
	s.starts, s.late = s.starts[:0], s.late[:0]
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

// find gives the index of the pane that begins at start, from the newest on.
func (s *selections) find(start int64) int {
	for i := len(s.starts) - 1; i >= 0; i-- {
		if s.starts[i] == start {
			return i
		}
	}
	n := len(s.starts)
	s.starts = append(s.starts, start)
	if n == len(s.rows) {
		s.rows = append(s.rows, nil)
	}
	s.rows[n] = s.rows[n][:0]
	return n
}

// byKind splits sel (nil: all rows) into rows that are added and taken away.
func (s *selections) byKind(kinds []stream.RowKind, sel vector.Sel) (added, taken vector.Sel) {
	added, taken = s.kinds[0][:0], s.kinds[1][:0]
	put := func(r uint32) {
		if kinds[r].Retracts() {
			taken = append(taken, r)
		} else {
			added = append(added, r)
		}
	}
	if sel == nil {
		for r := range kinds {
			put(uint32(r))
		}
	} else {
		for _, r := range sel {
			put(r)
		}
	}
	if added == nil {
		added = vector.Sel{}
	}
	if taken == nil {
		taken = vector.Sel{}
	}
	s.kinds = [2]vector.Sel{added, taken}
	return added, taken
}
