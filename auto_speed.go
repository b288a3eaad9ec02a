package wadi

import (
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
)

// speedometer measures how many rows a core carries through a job that runs.
type speedometer struct {
	at   time.Time
	read int64
	idle map[checkpoint.TaskID]time.Duration
}

// enough is for how long tasks must have been busy to tell.
const enough = 2 * time.Second

// measure is called now and then; it tells the speed when tasks were busy for long
// enough since it last did.
func (s *speedometer) measure(now time.Time, read int64, waits map[checkpoint.TaskID]waited) (rowsPerCoreSecond float64, ok bool) {
	passed := now.Sub(s.at)
	var busy time.Duration
	idle := make(map[checkpoint.TaskID]time.Duration, len(waits))
	for id, w := range waits {
		idle[id] = w.idle + w.blocked
		busy += max(0, passed-max(0, idle[id]-s.idle[id]))
	}
	first := s.at.IsZero() || len(s.idle) != len(idle) || read < s.read
	if !first && busy < enough {
		return 0, false
	}
	rows := read - s.read
	s.at, s.read, s.idle = now, read, idle
	if first || rows < 1000 {
		return 0, false
	}
	return float64(rows) / busy.Seconds(), true
}
