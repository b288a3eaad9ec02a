package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
)

// shredder turns the slots of nested arrays into entries with levels, one step
// of the way to the leaf at a time. An entry is alive while it points at a slot:
//
//	rows          [7 8]  null  []       entries (rep, def, slot)
//	list, null?   (0,1,0)  (0,0,·)  (0,1,2)
//	elements      (0,2,0)  (1,2,1)  (0,0,·)  (0,1,·)
type shredder struct {
	reps, defs []uint8
	slots      []int32 // -1: dead

	nextReps, nextDefs []uint8
	nextSlots          []int32
}

// shred computes the entries of rows [from, from+n) of a column for a leaf and
// returns the leaf's array. The slots that are alive then hold its values.
func (s *shredder) shred(t *target, col arrow.Array, from, n int) (arrow.Array, error) {
	s.reps, s.defs, s.slots = s.reps[:0], s.defs[:0], s.slots[:0]
	for i := range n {
		s.reps, s.defs, s.slots = append(s.reps, 0), append(s.defs, 0), append(s.slots, int32(from+i))
	}
	level := uint8(0)
	for _, st := range t.steps {
		if err := s.nulls(t, st, col); err != nil {
			return nil, err
		}
		switch st.kind {
		case structNode:
			col = col.(*array.Struct).Field(st.child)
		case listNode:
			l := col.(*array.List)
			level++
			s.expand(l.Offsets()[l.Offset():], level)
			col = l.ListValues()
		case mapNode:
			m := col.(*array.Map)
			level++
			s.expand(m.Offsets()[m.Offset():], level)
			if col = m.Keys(); st.child == 1 {
				col = m.Items()
			}
		default: // the leaf itself
		}
	}
	return col, nil
}

// nulls ends the entries whose slot is null and raises the level of the others.
func (s *shredder) nulls(t *target, st step, col arrow.Array) error {
	if !st.nullable {
		if col.NullN() == 0 {
			return nil
		}
		for _, slot := range s.slots {
			if slot >= 0 && col.IsNull(int(slot)) {
				return fmt.Errorf("%w: NULL in column %s, which is NOT NULL", job.ErrInvalid, t.name())
			}
		}
		return nil
	}
	for i, slot := range s.slots {
		switch {
		case slot < 0:
		case col.IsNull(int(slot)):
			s.slots[i] = -1
		default:
			s.defs[i]++
		}
	}
	return nil
}

// expand replaces each living entry by one per element of its list.
func (s *shredder) expand(offsets []int32, level uint8) {
	s.nextReps, s.nextDefs, s.nextSlots = s.nextReps[:0], s.nextDefs[:0], s.nextSlots[:0]
	add := func(rep, def uint8, slot int32) {
		s.nextReps = append(s.nextReps, rep)
		s.nextDefs = append(s.nextDefs, def)
		s.nextSlots = append(s.nextSlots, slot)
	}
	for i, slot := range s.slots {
		if slot < 0 || offsets[slot] == offsets[slot+1] {
			add(s.reps[i], s.defs[i], -1)
			continue
		}
		rep := s.reps[i]
		for k := offsets[slot]; k < offsets[slot+1]; k++ {
			add(rep, s.defs[i]+1, k)
			rep = level
		}
	}
	s.reps, s.nextReps = s.nextReps, s.reps
	s.defs, s.nextDefs = s.nextDefs, s.defs
	s.slots, s.nextSlots = s.nextSlots, s.slots
}
