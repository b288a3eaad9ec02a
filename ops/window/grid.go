package window

import (
	"math"

	"github.com/wadi-engine/wadi/stream"
)

// grid is where windows lie on the axis of time, in milliseconds. A window is
// [start, start+size) with start = offset + k·slide. TUMBLE is size = slide.
//
//	size 10, slide 4     0    4    8   10   12   14   16   18
//	                     ├─────────window──┤
//	                          ├──────────window───────┤
//	                               ├──────────window───────┤
//	panes of gcd 2       │ │ │ │ │ │ │ │ │ │ │ │ │ │ │ │ │ │
//
// With cumulate, windows grow by the slide until they have the size, which is
// a multiple of it, and begin anew: [0, 4) [0, 8) [0, 12) [12, 16) and so on.
type grid struct {
	size, slide, offset int64
	cumulate            bool
	pane                int64
}

func newGrid(size, slide, offset int64, cumulate bool) grid {
	a, b := size, slide
	for b != 0 {
		a, b = b, a%b
	}
	return grid{size: size, slide: slide, offset: offset, cumulate: cumulate, pane: a}
}

// floor is the greatest a + k·step at or before t.
func floor(t, a, step int64) int64 {
	r := (t - a) % step
	if r < 0 {
		r += step
	}
	return t - r
}

// paneOf is the start of the pane that holds t.
func (g grid) paneOf(t int64) int64 { return floor(t, g.offset, g.pane) }

// endAfter is the first end of a window that is greater than t.
func (g grid) endAfter(t int64) int64 {
	return floor(t, g.offset+g.size, g.slide) + g.slide
}

// startOf is the start of the window with this end.
func (g grid) startOf(end int64) int64 {
	if g.cumulate {
		return floor(end-1, g.offset, g.size)
	}
	return end - g.size
}

// due is the first end of a window that is not complete at watermark wm:
// complete are those with end - 1 <= wm. At the start and the end of time it
// is that time.
func (g grid) due(wm stream.Timestamp) int64 {
	switch {
	case wm == stream.Start:
		return math.MinInt64
	case int64(wm) >= math.MaxInt64-1-g.slide:
		return math.MaxInt64
	}
	return g.endAfter(int64(wm) + 1)
}

// live is the first time that lies in a window with an end at or behind due;
// what is before it is late.
func (g grid) live(due int64) int64 {
	if due == math.MinInt64 || due == math.MaxInt64 {
		return due
	}
	return g.startOf(due)
}
