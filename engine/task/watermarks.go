package task

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// watermarks is the event time of a source task: each split has a watermark of
// its own, and the task's is the least of those that are not idle.
//
// Within a batch the watermark moves after the row that moves it, when it has
// grown by more than the interval; so what is late is a property of the rows.
// With interval 200 and expression ts - 100:
//
//	ts        500   550   900   850
//	implied   400   450   800   750
//	marks         400         800          (450 has not grown by more than 200)
//
// As in Flink's WatermarkAssignerOperator, with its interval counted in event time.
type watermarks struct {
	program  *expr.Program // nil: no event time
	interval int64
	idle     time.Duration

	splits map[string]*splitClock
	empty  time.Time        // since when there is none
	now    stream.Timestamp // what has been sent on
	quiet  bool             // Idle has been sent

	millis []int64
	marks  []stream.Mark
}

type splitClock struct {
	top  stream.Timestamp // the largest watermark that a row has implied
	sent stream.Timestamp // the last mark
	last time.Time        // when the split last had rows
	idle bool
	// untimed says that its rows do not count, but only that it has not ended.
	untimed bool
}

// newWatermarks returns the event time of a source task that has reached now. The
// expression may ask the clock what time it is.
func newWatermarks(spec *ops.WatermarkSpec, in *arrow.Schema, now stream.Timestamp, clock Clock) (*watermarks, error) {
	w := &watermarks{splits: make(map[string]*splitClock), now: now, empty: clock.Now()}
	if spec == nil {
		return w, nil
	}
	p, err := expr.Compile([]expr.Expr{spec.Expr.Expr}, in, expr.Env{Now: func() int64 { return clock.Now().UnixMilli() }})
	if err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	w.program, w.interval = p, spec.IntervalMillis
	w.idle = time.Duration(spec.IdleMillis) * time.Millisecond
	return w, nil
}

// add begins to watch a split.
func (w *watermarks) add(s ops.Split, now time.Time) {
	c := &splitClock{top: stream.Start, sent: stream.Start, last: now, idle: s.Idle, untimed: s.Untimed}
	if s.Timed || s.Watermark != 0 {
		c.top, c.sent = s.Watermark, s.Watermark
	}
	w.splits[s.ID] = c
}

// remove forgets a split that has ended.
func (w *watermarks) remove(id string, now time.Time) {
	delete(w.splits, id)
	w.empty = now
}

// stamp puts the event time of split id into s.
func (w *watermarks) stamp(s *ops.Split) {
	if c, ok := w.splits[s.ID]; ok && w.program != nil && c.sent != stream.Start {
		s.Watermark, s.Timed, s.Idle = c.sent, c.sent == 0, c.idle
	}
}

// mark gives b, which comes from split id, the task's marks.
func (w *watermarks) mark(alloc memory.Allocator, id string, b *stream.Batch, now time.Time) error {
	c := w.splits[id]
	c.last, c.idle, w.quiet = now, false, false
	if w.program == nil || c.untimed || b.Len() == 0 {
		return nil
	}
	cols, err := w.program.Eval(alloc, b.Rows, nil)
	if err != nil {
		return fmt.Errorf("watermark: %w", err)
	}
	defer cols[0].Release()
	ts, ok := cols[0].(*array.Timestamp)
	if !ok {
		return fmt.Errorf("watermark of type %v, not a timestamp", cols[0].DataType())
	}
	w.millis = vector.Millis(w.millis, ts)
	w.marks = c.run(w.marks[:0], w.millis, ts, w.interval)
	b.Marks = w.least(id, w.marks)
	return nil
}

// run moves the split's clock over the rows and appends its marks.
func (c *splitClock) run(dst []stream.Mark, millis []int64, ts *array.Timestamp, interval int64) []stream.Mark {
	hasNulls := ts.NullN() > 0
	top, sent := c.top, c.sent
	for i, ms := range millis {
		if t := stream.Timestamp(ms); t > top && (!hasNulls || ts.IsValid(i)) {
			top = t
			if sent == stream.Start || int64(top-sent) > interval {
				sent = top
				dst = append(dst, stream.Mark{Row: int32(i + 1), Time: sent})
			}
		}
	}
	c.top, c.sent = top, sent
	return dst
}

// least turns the marks of split id into those of the task: never ahead of
// another split. The result does not share the scratch.
func (w *watermarks) least(id string, marks []stream.Mark) []stream.Mark {
	others := stream.End
	for other, c := range w.splits {
		if other != id && !c.idle {
			others = min(others, c.sent)
		}
	}
	var out []stream.Mark
	now := w.now
	for _, m := range marks {
		if t := min(m.Time, others); t > now {
			out = append(out, stream.Mark{Row: m.Row, Time: t})
			now = t
		}
	}
	return out
}

// advance returns the task's watermark, and whether it has moved.
func (w *watermarks) advance() (stream.Watermark, bool) {
	low, heard := stream.End, false
	for _, c := range w.splits {
		if !c.idle {
			low, heard = min(low, c.sent), true
		}
	}
	if !heard || low <= w.now || w.program == nil {
		return stream.Watermark{}, false
	}
	w.now = low
	return stream.Watermark{Time: low}, true
}

// silence marks a split that has no rows left as idle.
func (w *watermarks) silence(id string) {
	if c, ok := w.splits[id]; ok {
		c.idle = !c.untimed
	}
}

// rest marks splits without rows as idle, and reports whether the whole task
// has just become idle.
func (w *watermarks) rest(now time.Time) bool {
	if w.quiet || w.idle == 0 && len(w.splits) == 0 {
		return false
	}
	all := len(w.splits) > 0 || now.Sub(w.empty) >= w.idle
	for _, c := range w.splits {
		if w.idle > 0 && now.Sub(c.last) >= w.idle {
			c.idle = !c.untimed
		}
		all = all && c.idle
	}
	w.quiet = all
	return all
}

// unused reports that a task which ends has had no split to read, so that event time
// does not wait for it until it runs again.
func (w *watermarks) unused() bool {
	if w.quiet || w.idle == 0 || len(w.splits) > 0 {
		return false
	}
	w.quiet = true
	return true
}
