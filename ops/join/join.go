package join

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Join keeps the rows of both inputs and joins every row that comes with the
// rows of the other input that are there:
//
//	left            right           output (LEFT JOIN)
//	+I (1, a)                       +I (1, a, NULL)
//	                +I (1, x)       -D (1, a, NULL)  +I (1, a, x)
//	                +I (1, y)       +I (1, a, y)
//	                -D (1, x)       -D (1, a, x)
//	                -D (1, y)       -D (1, a, y)     +I (1, a, NULL)
//
// Rows of an outer side, and of the left side of SEMI and ANTI, count their
// partners: when the count leaves 0 or comes back to it, what was said about the
// row is taken back. A batch is taken as a whole: first the rows that leave, then
// those that come. A row that does both in one batch leaves no trace:
//
//	-U (1, a) +U (1, b) -U (1, b) +U (1, c)   is   -D (1, a) +I (1, c)
//
// Where only the final rows are wanted, pairs wait until one input has ended;
// see final.go.
type Join struct {
	how   Type
	in    [2]side
	out   *arrow.Schema
	cond  *condition
	final bool
	// static says that the right input is the build side.
	static bool

	alloc memory.Allocator
	built int // of a final join: the input that ended first, or -1
	ended [2]bool

	pairs   pairs
	added   vector.Sel
	taken   vector.Sel
	keyed   [2]vector.Sel
	lone    vector.Sel
	turned  []uint32
	matches []int32
}

var _ ops.Operator = (*Join)(nil)

// Open implements ops.Operator.
func (j *Join) Open(ctx context.Context, rt ops.Runtime) error {
	return j.open(ctx, rt, func(input int, ids []uint32) error {
		if s := &j.in[input]; !j.final {
			s.placeRestored(j.alloc, ids)
		}
		return nil
	})
}

// open is Open for joins that do something with the rows that are restored.
func (j *Join) open(ctx context.Context, rt ops.Runtime, restored func(input int, ids []uint32) error) error {
	j.alloc = rt.Allocator()
	for i := range j.in {
		s := &j.in[i]
		if err := s.open(); err != nil {
			return fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
		}
		if err := s.restore(ctx, rt, func(ids []uint32) error { return restored(i, ids) }); err != nil {
			return err
		}
	}
	return nil
}

// KeyColumns are the columns by which an input is joined.
func (j *Join) KeyColumns(input int) []int { return j.in[input].keys }

// Process implements ops.Operator.
func (j *Join) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	added, taken, err := j.split(input, b)
	if err != nil {
		return err
	}
	if j.final {
		return j.collect(ctx, input, b, added, taken, out)
	}
	s := &j.in[input]
	cols, n := b.Rows.Columns(), b.Len()
	keys := s.keyColumns(cols)
	lone := j.lone[:0]
	taken, lone = s.joinable(keys, taken, 0, j.keyed[1], lone)
	if err := j.alone(ctx, input, b.Rows, lone, stream.Delete, out); err != nil {
		return err
	}
	added, lone = s.joinable(keys, added, n, j.keyed[0], lone[:0])
	j.lone = lone
	ids := s.append(cols, added, n)
	if err := j.leave(ctx, input, b.Rows, taken, out); err != nil {
		return err
	}
	if err := j.come(ctx, input, b.Rows, added, ids, out); err != nil {
		return err
	}
	return j.alone(ctx, input, b.Rows, j.lone, stream.Insert, out)
}

// split selects the rows that come and those that leave; nil means all.
func (j *Join) split(input int, b *stream.Batch) (added, taken vector.Sel, err error) {
	if b.Kinds == nil {
		return nil, vector.Sel{}, nil
	}
	added, taken = j.added[:0], j.taken[:0]
	for i, k := range b.Kinds {
		if k.Retracts() {
			taken = append(taken, uint32(i))
		} else {
			added = append(added, uint32(i))
		}
	}
	j.added, j.taken = added, taken
	if len(taken) > 0 && !j.in[input].changes {
		return nil, nil, fmt.Errorf("the %s input has updates, but the plan says that it has none", j.in[input].name)
	}
	if added == nil {
		added = vector.Sel{}
	}
	return added, taken, nil
}

// alone emits rows that cannot have partners where such rows are wanted.
func (j *Join) alone(ctx context.Context, input int, rec arrow.RecordBatch, rows vector.Sel, kind stream.RowKind, out ops.Output) error {
	if j.in[input].outer || j.how == Anti && input == 0 {
		return j.emitLone(ctx, input, rec, rows, kind, out)
	}
	return nil
}

// leave takes rows back.
func (j *Join) leave(ctx context.Context, input int, rec arrow.RecordBatch, taken vector.Sel, out ops.Output) error {
	if len(taken) == 0 {
		return nil
	}
	s := &j.in[input]
	ids := s.claim(rec.Columns(), taken)
	rows, gone := taken[:0], ids[:0]
	var orphans vector.Sel
	lone := j.turned[:0] // rows of the batch about which it was said that they have no partner, or, with SEMI, that they have
	for i, id := range ids {
		if id == rowstore.None { // a row that was never there, or was forgotten
			orphans = append(orphans, taken[i])
			continue
		}
		x := s.extra(id)
		if s.chains.KeyOf(id) == rowstore.None { // it has come in this batch
			x.seq = cancelled
			continue
		}
		rows, gone = append(rows, taken[i]), append(gone, id)
		if s.counted && (x.matches == 0) != (j.how == Semi) {
			lone = append(lone, taken[i])
		}
	}
	j.turned = lone
	s.chains.Remove(gone)
	s.drop(gone)
	if err := j.orphans(ctx, input, rec, orphans, out); err != nil {
		return err
	}
	if s.counted {
		if err := j.emitLone(ctx, input, rec, lone, stream.Delete, out); err != nil || j.how.half() {
			return err
		}
	}
	return j.each(input, rec, rows, func(p *pairs) error {
		if err := j.emitPairs(ctx, input, rec, p, stream.Delete, out); err != nil {
			return err
		}
		return j.turn(ctx, 1-input, p.id, -1, out)
	})
}

// come joins rows of a batch that were stored as ids.
func (j *Join) come(ctx context.Context, input int, rec arrow.RecordBatch, added vector.Sel, ids []uint32, out ops.Output) error {
	s := &j.in[input]
	added, ids = j.uncancelled(s, added, ids)
	if len(ids) == 0 {
		return nil
	}
	s.place(rec.Columns(), added, ids)
	if s.counted {
		j.matches = append(j.matches[:0], make([]int32, len(ids))...)
	}
	err := j.each(input, rec, added, func(p *pairs) error {
		if err := j.turn(ctx, 1-input, p.id, 1, out); err != nil {
			return err
		}
		if s.counted {
			for _, i := range p.at {
				j.matches[i]++
			}
		}
		return j.emitPairs(ctx, input, rec, p, stream.Insert, out)
	})
	if err != nil || !s.counted {
		return err
	}
	lone := j.turned[:0]
	for i, m := range j.matches {
		s.extra(ids[i]).matches = m
		if (m == 0) != (j.how == Semi) {
			row := uint32(i)
			if added != nil {
				row = added[i]
			}
			lone = append(lone, row)
		}
	}
	j.turned = lone
	return j.emitLone(ctx, input, rec, lone, stream.Insert, out)
}

// uncancelled leaves out, and frees, the rows that have left already.
func (j *Join) uncancelled(s *side, added vector.Sel, ids []uint32) (vector.Sel, []uint32) {
	if !s.changes {
		return added, ids
	}
	var rows vector.Sel
	var kept, gone []uint32
	for i, id := range ids {
		if s.extra(id).seq == cancelled {
			gone = append(gone, id)
			continue
		}
		if added != nil {
			rows = append(rows, added[i])
		} else {
			rows = append(rows, uint32(i))
		}
		kept = append(kept, id)
	}
	if gone == nil {
		return added, ids
	}
	s.store.Free(gone)
	if rows == nil {
		rows = vector.Sel{}
	}
	return rows, kept
}

// turn adds by to the partners of stored rows, and says what changes by that.
func (j *Join) turn(ctx context.Context, input int, ids []uint32, by int32, out ops.Output) error {
	s := &j.in[input]
	if !s.counted {
		return nil
	}
	turned := j.turned[:0]
	for _, id := range ids {
		x := s.extra(id)
		was := x.matches
		x.matches += by
		if was == 0 || x.matches == 0 {
			turned = append(turned, id)
		}
		if s.ttl > 0 {
			x.time = s.now
		}
	}
	j.turned = turned
	s.store.Mark(ids)
	if j.final {
		return nil
	}
	kind := stream.Insert
	if (by > 0) != (j.how == Semi) {
		kind = stream.Delete
	}
	return j.emitStored(ctx, input, turned, kind, out)
}

// Advance implements ops.Operator.
func (j *Join) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if !j.final {
		j.in[0].forget(wm.Time)
		j.in[1].forget(wm.Time)
		return nil
	}
	if wm.Time != stream.End {
		return nil
	}
	first := 1
	if !j.static && j.in[0].store.Len() < j.in[1].store.Len() {
		first = 0
	}
	if err := j.EndInput(ctx, first, out); err != nil {
		return err
	}
	return j.EndInput(ctx, 1-first, out)
}

// Flush implements ops.Operator.
func (j *Join) Flush(context.Context, stream.Epoch, ops.Output) error {
	for i := range j.in {
		if err := j.in[i].save(j.alloc); err != nil {
			return err
		}
	}
	return nil
}

// Close implements ops.Operator.
func (j *Join) Close() error {
	for i := range j.in {
		j.in[i].close()
	}
	return nil
}
