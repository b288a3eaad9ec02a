package over

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// timer is a time that the watermark passes for one partition. Where all frames
// are a distance back in time, Flink's rule of what is late hangs on them:
//
//   - a row has a timer at its time, and sees to it that the partition has one
//     when no later frame reaches it: a clean-up, up to half the distance later;
//   - whatever timer is passed becomes the partition's last time, and rows up to
//     it are late;
//   - the last clean-up makes the partition forget everything, its last time too.
//
// A timer at or before the watermark is passed by the next one.
type timer struct {
	time  int64
	due   int64 // the watermark that passes it
	clean bool
	known bool // to the state table
}

// never is the time of what has not been.
const never = math.MinInt64

// pass lets the watermark pass the timers of a partition.
func (s *Stream) pass(g uint32, wm int64) {
	p := s.part(g)
	timers := s.timers.Of(&p.timers)
	if !slices.ContainsFunc(timers, func(t timer) bool { return t.due <= wm }) {
		return
	}
	var due []timer
	left := timers[:0]
	for _, t := range timers {
		if t.due <= wm {
			due = append(due, t)
		} else {
			left = append(left, t)
		}
	}
	s.timers.Cut(&p.timers, len(left))
	slices.SortStableFunc(due, func(a, b timer) int { return cmp.Compare(a.time, b.time) })
	for _, t := range due {
		if p.clean != never && p.clean <= t.time {
			p.last, p.clean = never, never
			p.generation++
		} else {
			p.last = t.time
		}
		if t.known {
			s.passed = append(s.passed, passed{part: g, time: t.time})
		}
	}
	s.touch(g)
}

// passed is a timer that the state table still has.
type passed struct {
	part uint32
	time int64
}

// expect sets the timers of a row.
func (s *Stream) expect(g uint32, at, due, wm int64) {
	p := s.part(g)
	s.timers.Append(&p.timers, timer{time: at, due: due})
	if p.clean != never && p.clean >= at+s.reach+1 {
		return
	}
	p.clean = at + s.reach*3/2 + 1
	s.timers.Append(&p.timers, timer{time: p.clean, due: max(p.clean, wm+1), clean: true})
	s.touch(g)
}

// touch notes that what is known of a partition has changed, where it is to be saved.
func (s *Stream) touch(g uint32) {
	if p := s.part(g); s.durable && !p.dirty {
		p.dirty = true
		s.changed = append(s.changed, g)
	}
}

// sweep lets the watermark pass the timers of all partitions, now and then, and
// forgets those that are cleaned up.
func (s *Stream) sweep() error {
	if s.swept != stream.Start && (s.wm == stream.End || int64(s.wm)-int64(s.swept) < s.reach) {
		return nil
	}
	s.swept = s.wm
	var gone []uint32
	for i, g := range s.table.Live(nil) {
		if i%512 == 0 {
			s.store.Relieve()
		}
		s.pass(g, int64(s.wm))
		s.clean(g)
		if p := s.part(g); p.clean == never && p.timers.Len() == 0 && p.kept.Len() == 0 {
			gone = append(gone, g)
		}
	}
	if len(gone) == 0 || len(s.passed) > 0 {
		return nil // what has passed is to be written by its partition's columns
	}
	for from := 0; from < len(gone); from += maxRows {
		part := gone[from:min(from+maxRows, len(gone))]
		var keys []arrow.Array
		if len(s.c.Partition) > 0 {
			keys = s.table.Keys(s.alloc, part)
		}
		err := s.saved.parts.write(keys, nil, len(part), true)
		release(keys)
		if err != nil {
			return fmt.Errorf("delete from partitions: %w", err)
		}
	}
	for _, g := range gone {
		p := s.part(g)
		p.dirty = false
		s.kept.Clear(&p.kept)
		s.timers.Clear(&p.timers)
	}
	s.changed = slices.DeleteFunc(s.changed, func(g uint32) bool { return !s.part(g).dirty })
	s.table.Delete(gone)
	return nil
}

// clean frees the rows of a partition that were kept before it was cleaned up.
func (s *Stream) clean(g uint32) {
	if p := s.part(g); p.keptIn != p.generation {
		s.free(s.kept.Of(&p.kept))
		s.kept.Clear(&p.kept)
		p.keptIn = p.generation
	}
}

func (s *Stream) restoreTimers(ctx context.Context, rt ops.Runtime) error {
	long := arrow.PrimitiveTypes.Int64
	var err error
	s.saved.timers, err = s.openKeyed(rt, "timers", []arrow.Field{{Name: "$time", Type: long}, {Name: "$due", Type: long}}, 1)
	if err != nil {
		return err
	}
	return s.saved.timers.scan(ctx, func(keys, cols []arrow.Array, n int) {
		s.find(keys, n)
		times, dues := vector.Values[int64](cols[0]), vector.Values[int64](cols[1])
		for i, g := range s.gids {
			s.timers.Append(&s.part(g).timers, timer{time: times[i], due: dues[i], clean: true, known: true})
		}
	})
}

// saveTimers writes the clean-ups of the changed partitions; the timers of rows
// are known by the rows.
func (s *Stream) saveTimers() error {
	var gids []uint32
	var times, dues []int64
	for _, t := range s.passed {
		gids, times = append(gids, t.part), append(times, t.time)
	}
	s.passed = s.passed[:0]
	if err := s.writeTimers(gids, [][]int64{times}, true); err != nil {
		return err
	}
	gids, times = gids[:0], times[:0]
	for _, g := range s.changed {
		p := s.part(g)
		timers := s.timers.Of(&p.timers)
		for i, t := range timers {
			if t.clean && !t.known {
				gids, times, dues = append(gids, g), append(times, t.time), append(dues, t.due)
				timers[i].known = true
			}
		}
	}
	return s.writeTimers(gids, [][]int64{times, dues}, false)
}

func (s *Stream) writeTimers(gids []uint32, values [][]int64, gone bool) error {
	for from := 0; from < len(gids); from += maxRows {
		to := min(from+maxRows, len(gids))
		var keys, cols []arrow.Array
		if len(s.c.Partition) > 0 {
			keys = s.table.Keys(s.alloc, gids[from:to])
		}
		for _, v := range values {
			buf, dst := vector.NewValues[int64](s.alloc, to-from)
			copy(dst, v[from:to])
			cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, to-from, 0, nil, buf))
		}
		err := s.saved.timers.write(keys, cols, to-from, gone)
		release(keys)
		release(cols)
		if err != nil {
			return fmt.Errorf("write timers: %w", err)
		}
	}
	return nil
}
