package window

import (
	"time"

	"github.com/wadi-engine/wadi/stream"
)

// clock turns times of the time line into the wall-clock times on which the
// windows of a TIMESTAMP_LTZ column lie, so that a day begins at midnight in
// the session's time zone. Its zero value is UTC.
//
// When clocks are put back, an hour of wall-clock time passes twice: its rows
// share their windows, and the watermark stands still at the beginning of the
// hour until it passes for the second time. When clocks are put forward, an
// hour has no rows.
type clock struct{ zone *time.Location }

// local changes times, in milliseconds, to wall-clock times. It looks the
// offset up once per run of times between two changes of the clocks.
func (c clock) local(times []int64) {
	var from, to, offset int64 // offset holds for [from, to)
	for i, t := range times {
		if t < from || t >= to {
			from, to, offset = c.span(t)
		}
		times[i] = t + offset
	}
}

// span is the offset at t and between which times it holds.
func (c clock) span(t int64) (from, to, offset int64) {
	at := time.UnixMilli(t).In(c.zone)
	start, end := at.ZoneBounds()
	_, seconds := at.Zone()
	from, to = -1<<63, 1<<63-1
	if !start.IsZero() {
		from = start.UnixMilli()
	}
	if !end.IsZero() {
		to = end.UnixMilli()
	}
	return from, to, int64(seconds) * 1000
}

// watermark is the wall-clock time up to which no more rows come.
func (c clock) watermark(wm stream.Timestamp) stream.Timestamp {
	if c.zone == nil || wm == stream.Start || wm == stream.End {
		return wm
	}
	_, to, offset := c.span(int64(wm))
	local := int64(wm) + offset
	if to != 1<<63-1 {
		if _, _, next := c.span(to); next < offset {
			local = min(local, to+next-1)
		}
	}
	return stream.Timestamp(local)
}

// epoch is the time at which the clock shows local, the later one when there
// are two.
func (c clock) epoch(local int64) int64 {
	if c.zone == nil {
		return local
	}
	t := time.UnixMilli(local).UTC()
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), c.zone)
	_, to, offset := c.span(at.UnixMilli())
	if to != 1<<63-1 {
		if _, _, next := c.span(to); next < offset && local-next >= to {
			return local - next
		}
	}
	return at.UnixMilli()
}
