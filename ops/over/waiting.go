package over

import (
	"cmp"
	"slices"

	"github.com/wadi-engine/wadi/vector"
)

// waiter is a row that waits. What decides when it leaves stands here, too, so that
// rows are not looked at until they leave.
type waiter struct {
	due  int64
	part uint32
	id   uint32
}

func (s *Stream) wait(id uint32) {
	p := s.place(id)
	s.waiting = append(s.waiting, waiter{due: p.due, part: p.part, id: id})
}

// due takes the rows out that leave, and sorts them by partition and order.
func (s *Stream) due() []uint32 {
	var due []waiter
	left := s.waiting[:0]
	for _, w := range s.waiting {
		if w.due <= int64(s.wm) {
			due = append(due, w)
		} else {
			left = append(left, w)
		}
	}
	s.waiting = left
	ties := 0
	slices.SortFunc(due, func(a, b waiter) int {
		if a.part != b.part {
			return cmp.Compare(a.part, b.part)
		}
		if ties++; ties%512 == 0 {
			s.store.Relieve()
		}
		return s.compare(a.id, b.id)
	})
	ids := make([]uint32, len(due))
	for i, w := range due {
		ids[i] = w.id
	}
	return ids
}

// lastLeft is the time of the last row of a partition that has left when the
// watermark is wm: among those that have, those that wait, and those of the
// batch that are in sel.
func (s *Stream) lastLeft(g uint32, wm int64, sel vector.Sel, due, times []int64) int64 {
	last := s.part(g).last
	for _, w := range s.waiting {
		if w.part == g && w.due <= wm {
			last = max(last, s.place(w.id).time)
		}
	}
	for i, row := range sel {
		if s.gids[row] == g && due[i] <= wm {
			last = max(last, times[row])
		}
	}
	return last
}
