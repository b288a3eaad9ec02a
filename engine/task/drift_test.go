package task

import (
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

type still struct{ now time.Time }

func (c *still) Now() time.Time                     { return c.now }
func (*still) After(time.Duration) <-chan time.Time { return nil }

// partitions is a reader that can leave splits alone.
type partitions struct {
	ops.SplitReader
	paused []string
}

func (p *partitions) Pause(ids []string) { p.paused = slices.Sorted(slices.Values(ids)) }

// TestDrift: what is ahead of the slowest of a group by more than it may be waits, a whole
// source or some of its splits, and goes on when the slowest has come after it.
func TestDrift(t *testing.T) {
	c := &still{time.UnixMilli(0)}
	group, spec := NewDrift(), ops.AlignSpec{MaxDriftMillis: 100, UpdateMillis: 10}
	of := func(r ops.SplitReader, splits map[string]*splitClock) *Source {
		s := &Source{clock: c, chain: &chain{now: stream.Start}, reader: r, time: &watermarks{splits: splits, now: stream.Start}}
		s.Align(group, spec)
		return s
	}
	slow, fast := &splitClock{sent: 500}, &splitClock{sent: 700}
	near, silent := &splitClock{sent: 610}, &splitClock{sent: 10, idle: true}
	reader := &partitions{}
	whole := of(nil, map[string]*splitClock{"f": fast})
	some := of(reader, map[string]*splitClock{"s": slow, "n": near, "x": silent, "f": {sent: 601}})
	if !whole.together() {
		t.Error("nobody waits for those of whom nothing is known")
	}
	step := func(wantWhole bool, wantPaused ...string) {
		t.Helper()
		for range 2 {
			c.now = c.now.Add(10 * time.Millisecond)
			if some.together() {
				t.Error("a source whose reader can leave splits alone waits")
			}
			if got := whole.together(); got != wantWhole || !slices.Equal(reader.paused, wantPaused) {
				t.Errorf("waits: %t, left alone: %q, want %t and %q", got, reader.paused, wantWhole, wantPaused)
			}
		}
	}
	step(true, "f", "n")
	slow.sent = 650
	if !whole.together() {
		t.Error("it looks before it is time")
	}
	step(false) // the slowest is at 601 now
	silent.idle = false
	step(true, "f", "n", "s")
	group.leave(some)
	c.now = c.now.Add(10 * time.Millisecond)
	if whole.together() {
		t.Error("it waits for one that has left")
	}
}

// TestSilence: a source is idle when the last of its splits is, and no more when rows come.
func TestSilence(t *testing.T) {
	w := &watermarks{splits: map[string]*splitClock{"a": {}, "b": {}}}
	now := time.UnixMilli(0)
	if w.silence("a"); w.rest(now) {
		t.Error("b is not silent")
	}
	if w.silence("b"); !w.rest(now) || w.rest(now) {
		t.Error("it is to be told once")
	}
}
