package task

import "github.com/wadi-engine/wadi/stream"

// clock is the event time of a task: the smallest watermark of its channels
// that are not idle. It never goes back.
type clock struct {
	now   stream.Timestamp
	of    []stream.Timestamp // by channel
	quiet []bool             // by channel
}

func newClock(channels int) clock {
	c := clock{now: stream.Start, of: make([]stream.Timestamp, channels), quiet: make([]bool, channels)}
	for ch := range c.of {
		c.of[ch] = stream.Start
	}
	return c
}

// observe records the watermark of a channel and reports whether now moved.
func (c *clock) observe(ch int, t stream.Timestamp) bool {
	c.of[ch], c.quiet[ch] = max(c.of[ch], t), false
	return c.tick()
}

// idle stops a channel from holding back the clock.
func (c *clock) idle(ch int) bool {
	c.quiet[ch] = true
	return c.tick()
}

func (c *clock) tick() bool {
	low, heard := stream.End, false
	for ch, t := range c.of {
		if !c.quiet[ch] {
			low, heard = min(low, t), true
		}
	}
	if !heard || low <= c.now {
		return false
	}
	c.now = low
	return true
}

// allIdle reports whether no channel has anything to say.
func (c *clock) allIdle() bool {
	for _, q := range c.quiet {
		if !q {
			return false
		}
	}
	return len(c.quiet) > 0
}

// judge turns the marks of a batch from one channel into marks of the task:
// before each row, the minimum of its own channel and the others. The clock
// itself moves only with the watermark behind the batch.
//
//	own channel   10     30         others 20
//	rows        a | b  c | d
//	judged        10     20
func (c *clock) judge(ch int, marks []stream.Mark) []stream.Mark {
	if len(marks) == 0 {
		return nil
	}
	others := stream.End
	for i, t := range c.of {
		if i != ch && !c.quiet[i] {
			others = min(others, t)
		}
	}
	if others == stream.End {
		return marks
	}
	judged := marks[:0:0]
	now := c.now
	for _, m := range marks {
		if t := min(m.Time, others); t > now {
			judged = append(judged, stream.Mark{Row: m.Row, Time: t})
			now = t
		}
	}
	return judged
}
