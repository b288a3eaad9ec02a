package over

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector"
)

// steps moves the frames of a group over the rows of all spans.
type steps struct {
	e   *evaluator
	g   *group
	rec arrow.RecordBatch
	ids []uint32 // groups of the spans

	active []moving
	parts  [][]arrow.Array // by call, then by step
	place  vector.Sel      // of each row in parts
	count  uint32

	rows, leave vector.Sel
	to, from    []uint32
}

// moving is one span whose frames still move.
type moving struct {
	span   int
	row    int // of which the next result is
	out    int // its place among the results
	left   int
	lo, hi int32 // the frame as it stands
}

// aggregate computes the calls of a group.
func (e *evaluator) aggregate(r *rows, g *group) []arrow.Array {
	rec := array.NewRecordBatch(e.in, r.cols, int64(r.n))
	defer rec.Release()
	s := &steps{e: e, g: g, rec: rec, ids: make([]uint32, len(r.spans)), parts: make([][]arrow.Array, len(g.calls))}
	s.groups(r)
	f := e.frames(r, g.frame)
	if g.frame.Start.Kind == UnboundedPreceding && g.frame.End.Kind == UnboundedFollowing {
		return s.whole(r)
	}
	s.place = make(vector.Sel, r.outs)
	out := 0
	for k, sp := range r.spans {
		n := sp.hi - sp.from
		if n > 0 {
			at := f.lo[out]
			if g.lives {
				at = int32(sp.from)
			}
			s.active = append(s.active, moving{span: k, row: sp.from, out: out, left: n, lo: at, hi: at})
		}
		out += n
	}
	for len(s.active) > 0 {
		s.step(f)
	}
	cols := make([]arrow.Array, len(g.calls))
	for c, parts := range s.parts {
		all := vector.Concat(e.alloc, parts)
		cols[c] = vector.Take(e.alloc, all, s.place)
		all.Release()
		release(parts)
	}
	return cols
}

// groups finds the group of each span: that of its partition's columns, or one
// of its own.
func (s *steps) groups(r *rows) {
	if !s.g.lives {
		s.g.table.Reset()
		buf, v := vector.NewValues[int64](s.e.alloc, len(r.spans))
		for i := range v {
			v[i] = int64(i)
		}
		col := vector.MakeArray(arrow.PrimitiveTypes.Int64, len(r.spans), 0, nil, buf)
		defer col.Release()
		s.g.table.GroupsOf([]arrow.Array{col}, nil, s.ids)
		return
	}
	heads := make(vector.Sel, len(r.spans))
	for i, sp := range r.spans {
		heads[i] = uint32(sp.from)
	}
	keys := make([]arrow.Array, len(s.e.c.Partition))
	for i, k := range s.e.c.Partition {
		keys[i] = r.cols[k]
	}
	s.g.table.GroupsOf(keys, heads, s.ids)
	if s.e.c.TTLMillis > 0 {
		s.g.table.Revive(s.ids)
	}
}

// whole computes aggregates over whole partitions.
func (s *steps) whole(r *rows) []arrow.Array {
	ids := make([]uint32, r.n)
	place := make(vector.Sel, 0, r.outs)
	for k, sp := range r.spans {
		for i := sp.lo; i < sp.hi; i++ {
			ids[i] = s.ids[k]
			if i >= sp.from {
				place = append(place, uint32(k))
			}
		}
	}
	s.g.table.Add(s.rec, nil, ids)
	cols := s.g.table.Results(s.ids)
	for i, c := range cols {
		cols[i] = vector.Take(s.e.alloc, c, place)
		c.Release()
	}
	return cols
}

// step moves every active span to its next row.
func (s *steps) step(f frames) {
	s.rows, s.to, s.leave, s.from = s.rows[:0], s.to[:0], s.leave[:0], s.from[:0]
	groups := make([]uint32, len(s.active))
	for i := range s.active {
		m := &s.active[i]
		id := s.ids[m.span]
		groups[i] = id
		for ; m.hi < f.hi[m.out]; m.hi++ {
			s.rows, s.to = append(s.rows, uint32(m.hi)), append(s.to, id)
		}
		if s.g.frame.Start.Kind != UnboundedPreceding {
			for ; m.lo < min(f.lo[m.out], m.hi); m.lo++ {
				s.leave, s.from = append(s.leave, uint32(m.lo)), append(s.from, id)
			}
		}
		s.place[m.out] = s.count
		s.count++
	}
	if len(s.rows) > 0 {
		s.g.table.Add(s.rec, s.rows, s.to)
	}
	if len(s.leave) > 0 {
		s.g.table.Retract(s.rec, s.leave, s.from)
	}
	for c, col := range s.g.table.Results(groups) {
		s.parts[c] = append(s.parts[c], col)
	}
	left := s.active[:0]
	for _, m := range s.active {
		m.row, m.out, m.left = m.row+1, m.out+1, m.left-1
		if m.left > 0 {
			left = append(left, m)
		}
	}
	s.active = left
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
