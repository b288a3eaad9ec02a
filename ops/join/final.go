package join

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// A join of which only the final rows are wanted stores what comes until one of
// its inputs has ended. That one is the build side: its rows are put into chains,
// and those of the other are looked up there and forgotten, the ones that were
// stored and then each batch as it comes. Which input it is decides itself by
// which is read to its end first, so no input ever waits for the other and no
// queue can fill up because of it.
//
//	left   ███ ██ stored            │ probed  ███ ██ ██ ███ │
//	right  █ █ stored █ end → build │                       └ end → rows of the build side without partners
//
// An input that takes rows back is probed only at its end, unless the other one is
// static: then what it takes back was joined with the same rows when it came.

// collect stores the rows of a batch, or probes with them.
func (j *Join) collect(ctx context.Context, input int, b *stream.Batch, added, taken vector.Sel, out ops.Output) error {
	s, rec := &j.in[input], b.Rows
	if j.built == 1-input && (!s.changes || j.static) {
		if len(taken) == 0 {
			return j.probe(ctx, input, rec, nil, stream.Insert, out)
		}
		return j.probeRuns(ctx, input, b, out)
	}
	s.append(rec.Columns(), added, int(rec.NumRows()))
	if len(taken) == 0 {
		return nil
	}
	ids := make([]uint32, len(taken))
	s.store.Claim(rec.Columns(), taken, ids)
	gone := ids[:0]
	for _, id := range ids {
		if id != rowstore.None {
			gone = append(gone, id)
		}
	}
	s.drop(gone)
	return nil
}

var _ ops.InputEnder = (*Join)(nil)

// EndInput implements ops.InputEnder.
func (j *Join) EndInput(ctx context.Context, input int, out ops.Output) error {
	if !j.final || j.ended[input] {
		return nil
	}
	j.ended[input] = true
	s, o := &j.in[input], &j.in[1-input]
	if j.built < 0 {
		if j.static && input == 0 {
			return nil // the right input is still to come
		}
		j.built = input
		gone := s.left()
		for from := 0; from < s.store.IDs(); from += maxRows {
			s.link(j.alloc, s.live(gone, from))
		}
		if o.changes && !j.static {
			return nil
		}
		return j.drain(ctx, 1-input, out)
	}
	if s.changes && !j.static {
		if err := j.drain(ctx, input, out); err != nil {
			return err
		}
	}
	return j.rest(ctx, j.built, out)
}

// left are the rows that were taken back and are still in the store.
func (s *side) left() map[uint32]bool {
	gone := make(map[uint32]bool, len(s.gone))
	for _, id := range s.gone {
		gone[id] = true
	}
	return gone
}

// live are those of maxRows rows, from one on, that were not taken back. They are
// valid until the next call.
func (s *side) live(gone map[uint32]bool, from int) []uint32 {
	s.ids = s.store.LiveIn(s.ids[:0], from, from+maxRows)
	if len(gone) > 0 {
		s.ids = slices.DeleteFunc(s.ids, func(id uint32) bool { return gone[id] })
	}
	return s.ids
}

// drain probes with the stored rows of an input and forgets them.
func (j *Join) drain(ctx context.Context, input int, out ops.Output) error {
	s := &j.in[input]
	gone := s.left()
	for from := 0; from < s.store.IDs(); from += maxRows {
		part := s.live(gone, from)
		rec := record(s.schema, s.store.Take(j.alloc, part), len(part))
		err := j.probe(ctx, input, rec, nil, stream.Insert, out)
		rec.Release()
		if err != nil {
			return err
		}
		s.drop(part)
	}
	return nil
}

// probeRuns probes with rows that come and rows that leave, in their order.
func (j *Join) probeRuns(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	for from := 0; from < b.Len(); {
		to := from + 1
		for to < b.Len() && b.Kinds[to].Retracts() == b.Kinds[from].Retracts() {
			to++
		}
		kind := stream.Insert
		if b.Kinds[from].Retracts() {
			kind = stream.Delete
		}
		rows := make(vector.Sel, 0, to-from)
		for ; from < to; from++ {
			rows = append(rows, uint32(from))
		}
		if err := j.probe(ctx, input, b.Rows, rows, kind, out); err != nil {
			return err
		}
	}
	return nil
}

// probe joins the selected rows with the build side; what it emits is of the
// given kind.
func (j *Join) probe(ctx context.Context, input int, rec arrow.RecordBatch, sel vector.Sel, kind stream.RowKind, out ops.Output) error {
	s := &j.in[input]
	n := int(rec.NumRows())
	keyed, lone := s.joinable(s.keyColumns(rec.Columns()), sel, n, j.keyed[0], j.lone[:0])
	if keyed != nil {
		n = len(keyed)
	}
	j.lone = lone
	j.matches = append(j.matches[:0], make([]int32, n)...)
	err := j.each(input, rec, keyed, func(p *pairs) error {
		if err := j.turn(ctx, 1-input, p.id, 1, out); err != nil {
			return err
		}
		for _, i := range p.at {
			j.matches[i]++
		}
		return j.emitPairs(ctx, input, rec, p, kind, out)
	})
	if err != nil || !s.counted {
		return err
	}
	if j.how == Semi {
		lone = lone[:0]
	}
	for i, m := range j.matches {
		if (m == 0) != (j.how == Semi) {
			row := uint32(i)
			if keyed != nil {
				row = keyed[i]
			}
			lone = append(lone, row)
		}
	}
	j.lone = lone
	return j.emitLone(ctx, input, rec, lone, kind, out)
}

// rest emits the rows of the build side of which it was not known before the
// end whether they have partners.
func (j *Join) rest(ctx context.Context, input int, out ops.Output) error {
	s := &j.in[input]
	if !s.counted {
		return nil
	}
	gone := s.left()
	for from := 0; from < s.store.IDs(); from += maxRows {
		ids := slices.DeleteFunc(s.live(gone, from), func(id uint32) bool {
			return (s.extra(id).matches == 0) == (j.how == Semi)
		})
		if err := j.emitStored(ctx, input, ids, stream.Insert, out); err != nil {
			return err
		}
	}
	return nil
}
