package join

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// A row of a side with a TTL is forgotten when so much processing time has passed
// since it came; of a side whose rows count their partners, since that count last
// changed. It joins nothing from then on, and nothing is said about it. Its memory
// is freed later: with each tick some of the rows are looked at.
//
// A row that is taken back after it was forgotten still takes back the pairs with
// the partners that are there, since those behind the join know them.

// timeless is the time of a row when the TTL is 0, or the clock has not been heard
// yet.
const timeless = 0

// rounds is how many times each row is looked at in the time of its life, about.
const rounds = 8

var _ ops.Ticker = (*Join)(nil)

// Tick implements ops.Ticker.
func (j *Join) Tick(_ context.Context, now stream.Tick, _ ops.Output) error {
	for i := range j.in {
		if s := &j.in[i]; s.ttl > 0 && int64(now.Now) > s.now {
			elapsed := int64(now.Now) - s.now
			if s.now == timeless {
				elapsed = 0
			}
			s.now = int64(now.Now)
			s.sweep(elapsed)
		}
	}
	return nil
}

// expired reports whether a row has been there for too long.
func (s *side) expired(id uint32) bool {
	at := s.extra(id).time
	return at != timeless && s.now-at >= s.ttl
}

// sweep forgets some of the rows that have expired when elapsed milliseconds have
// passed.
func (s *side) sweep(elapsed int64) {
	span := int64(s.store.IDs())
	if span == 0 {
		return
	}
	step := min(span, maxRows+int64(float64(span)*float64(elapsed)*rounds/float64(s.ttl)))
	if int64(s.next) >= span {
		s.next = 0
	}
	to := int(min(int64(s.next)+step, span))
	var gone []uint32
	for from := s.next; from < to; from += maxRows {
		s.store.Relieve()
		s.numbers = s.store.LiveIn(s.numbers[:0], from, min(from+maxRows, to))
		for _, id := range s.numbers {
			x := s.extra(id)
			switch {
			case x.dead:
			case x.time == timeless:
				x.time = s.now
				s.store.Mark([]uint32{id})
			case s.expired(id):
				s.store.Unindex(id)
				gone = append(gone, id)
			}
		}
	}
	s.next = to
	s.chains.Remove(gone)
	s.drop(gone)
}

// claim finds the rows that are taken back. Where there is a TTL, rows that have
// expired are not found, and are forgotten.
func (s *side) claim(cols []arrow.Array, taken vector.Sel) []uint32 {
	ids := make([]uint32, len(taken))
	s.store.Claim(cols, taken, ids)
	if s.ttl == 0 {
		return ids
	}
	for {
		var again vector.Sel
		var at, gone []uint32
		for i, id := range ids {
			if id != rowstore.None && s.expired(id) {
				again, at, gone = append(again, taken[i]), append(at, uint32(i)), append(gone, id)
			}
		}
		if len(gone) == 0 {
			return ids
		}
		s.chains.Remove(gone)
		s.drop(gone)
		found := make([]uint32, len(again))
		s.store.Claim(cols, again, found)
		for i, k := range at {
			ids[k] = found[i]
		}
	}
}

// orphans takes back the pairs of rows that were forgotten, or, where the side is
// outer, that the row has no partner.
func (j *Join) orphans(ctx context.Context, input int, rec arrow.RecordBatch, rows vector.Sel, out ops.Output) error {
	s := &j.in[input]
	if s.ttl == 0 || len(rows) == 0 {
		return nil
	}
	matches := make([]int32, len(rows))
	err := j.each(input, rec, rows, func(p *pairs) error {
		for _, i := range p.at {
			matches[i]++
		}
		if j.how.half() && input == 0 {
			return nil
		}
		if err := j.emitPairs(ctx, input, rec, p, stream.Delete, out); err != nil {
			return err
		}
		return j.turn(ctx, 1-input, p.id, -1, out)
	})
	if err != nil || !s.counted {
		return err
	}
	lone := vector.Sel{}
	for i, m := range matches {
		if (m == 0) != (j.how == Semi) {
			lone = append(lone, rows[i])
		}
	}
	return j.emitLone(ctx, input, rec, lone, stream.Delete, out)
}
