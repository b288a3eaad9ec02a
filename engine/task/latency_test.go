package task

import (
	"testing"
	"time"

	"github.com/wadi-engine/wadi/stream"
)

type stopped struct {
	Clock
	now time.Time
}

func (s *stopped) Now() time.Time { return s.now }

func TestLatency(t *testing.T) {
	var off, l Latency
	c := &stopped{now: time.UnixMilli(1_000_000)}
	off.arrived(stream.Tick{Now: 5}, c)
	if off.Get() != nil {
		t.Error("measured, although it is off")
	}
	l.Measure(time.Second, 100)
	for i := range int64(150) {
		l.arrived(stream.Tick{Now: stream.Timestamp(c.now.UnixMilli() - i)}, c)
		l.arrived(stream.Tick{Now: 0}, c) // too soon
		c.now = c.now.Add(time.Second)
	}
	l.arrived(stream.Tick{Now: stream.Timestamp(c.now.UnixMilli() + 500)}, c) // of a clock that is ahead
	got := l.Get()
	if got.Count != 151 || got.Sum != 149*150/2 || got.Min != 0 || got.Max != 149 || got.P50 != 99 || got.P99 != 148 {
		t.Errorf("%+v", got)
	}
}
