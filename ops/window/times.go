package window

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// millis are the wall-clock times of a TIMESTAMP column, in milliseconds: the
// column's own values where they are that, or in the space of buf. What is
// finer is floored. NULLs have any value.
func millis(buf *[]int64, col arrow.Array, c clock) []int64 {
	v := vector.Values[int64](col)
	unit := col.DataType().(*arrow.TimestampType).Unit
	if unit == arrow.Millisecond && c.zone == nil {
		return v
	}
	if cap(*buf) < len(v) {
		*buf = make([]int64, len(v))
	}
	ms := (*buf)[:len(v)]
	switch unit {
	case arrow.Second:
		for i, t := range v {
			ms[i] = t * 1000
		}
	case arrow.Millisecond:
		copy(ms, v)
	case arrow.Microsecond:
		for i, t := range v {
			ms[i] = floor(t, 0, 1000) / 1000
		}
	case arrow.Nanosecond:
		for i, t := range v {
			ms[i] = floor(t, 0, 1e6) / 1e6
		}
	}
	if c.zone != nil {
		c.local(ms)
	}
	return ms
}

// at is the property of the window [start, end), as a column of type t holds it. Start and end are wall-clock times; they are points of the time
// line, like the time attribute, where the column has a time zone.
func (p Property) at(start, end int64, t *arrow.TimestampType, c clock) int64 {
	at := start
	switch p {
	case Start:
	case End:
		at = end
	case Time:
		at = end - 1
	}
	if t.TimeZone != "" {
		at = c.epoch(at)
	}
	switch t.Unit {
	case arrow.Second:
		return floor(at, 0, 1000) / 1000
	case arrow.Millisecond:
	case arrow.Microsecond:
		return at * 1e3
	case arrow.Nanosecond:
		return at * 1e6
	}
	return at
}

// newTimes is a column of n times, for the caller to fill.
func newTimes(alloc memory.Allocator, of arrow.DataType, n int) (arrow.Array, []int64) {
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(8 * n)
	d := array.NewData(of, n, []*memory.Buffer{nil, buf}, nil, 0, 0)
	buf.Release()
	defer d.Release()
	col := array.MakeFromData(d)
	return col, vector.Values[int64](col)
}
