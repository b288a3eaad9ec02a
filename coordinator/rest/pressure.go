package rest

import (
	"net/http"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// Pressure is what a task does with its time, in parts of it: it works, it waits
// for rows, or it waits for room in what it sends to.
type Pressure struct{ Busy, Idle, Blocked float64 }

// pressures looks at tasks now and then. What a task does is what it has done
// since the last look but one, so that two who look do not disturb each other,
// or since its start.
type pressures struct {
	mu   sync.Mutex
	seen map[pressureKey]*looks
}

type pressureKey struct {
	job    job.ID
	vertex job.VertexID
	index  int
}

type looks struct{ before, last sighting }

type sighting struct {
	at            time.Time
	idle, blocked time.Duration
}

const (
	// apart is the least time between two looks that count.
	apart = 2 * time.Second
	// stale is when a look is of no use any more.
	stale = time.Minute
	// maxSeen is of how many tasks looks are kept.
	maxSeen = 20_000
)

// of is what a task does now, given its counts and when it has started.
func (p *pressures) of(id job.ID, c Count, started, now time.Time) Pressure {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || len(p.seen) > maxSeen {
		p.seen = make(map[pressureKey]*looks)
	}
	key := pressureKey{id, c.Vertex, c.Index}
	l, is := p.seen[key], sighting{now, c.Idle, c.Blocked}
	if l == nil || now.Sub(l.last.at) > stale || l.before.at.Before(started) {
		first := sighting{at: started}
		l = &looks{first, is}
		p.seen[key] = l
	} else if now.Sub(l.last.at) >= apart {
		l.before, l.last = l.last, is
	}
	took := now.Sub(l.before.at)
	if took <= 0 {
		return Pressure{Idle: 1}
	}
	part := func(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(took))) }
	s := Pressure{Idle: part(c.Idle - l.before.idle), Blocked: part(c.Blocked - l.before.blocked)}
	s.Busy = max(0, 1-s.Idle-s.Blocked)
	return s
}

// pressureOf is what a task of a vertex does; all zero when it does not run.
func (s *Server) pressureOf(id job.ID, counts []Count, v vertex, t coordinator.TaskLife) Pressure {
	a := t.Current()
	if a.Status != coordinator.TaskRunning {
		return Pressure{}
	}
	head, _ := countOf(counts, v, t.Task.Index)
	return s.pressures.of(id, head, a.Entered[coordinator.TaskRunning], s.o.Clock.Now())
}

// Backpressure is the reply of /jobs/:jobid/vertices/:vertexid/backpressure.
type Backpressure struct {
	Status    string                `json:"status"`
	Level     string                `json:"backpressureLevel"`
	OldLevel  string                `json:"backpressure-level"`
	EndMillis int64                 `json:"end-timestamp"`
	Subtasks  []SubtaskBackpressure `json:"subtasks"`
}

// SubtaskBackpressure is one task of Backpressure.
type SubtaskBackpressure struct {
	Index     int     `json:"subtask"`
	Attempt   int     `json:"attempt-number"`
	Level     string  `json:"backpressureLevel"`
	OldLevel  string  `json:"backpressure-level"`
	Ratio     float64 `json:"ratio"`
	IdleRatio float64 `json:"idleRatio"`
	BusyRatio float64 `json:"busyRatio"`
}

// level is Flink's word for a ratio of back-pressured time.
func level(ratio float64) string {
	switch {
	case ratio <= 0.10:
		return "ok"
	case ratio <= 0.5:
		return "low"
	}
	return "high"
}

func (s *Server) backpressure(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	counts, worst := j.Counts(), 0.0
	reply := Backpressure{Status: "ok", EndMillis: s.o.Clock.Now().UnixMilli(), Subtasks: []SubtaskBackpressure{}}
	for _, t := range v.tasks {
		p := s.pressureOf(j.ID(), counts, v, t)
		worst = max(worst, p.Blocked)
		reply.Subtasks = append(reply.Subtasks, SubtaskBackpressure{
			Index: t.Task.Index, Attempt: t.Current().Number, Level: level(p.Blocked), OldLevel: level(p.Blocked),
			Ratio: p.Blocked, IdleRatio: p.Idle, BusyRatio: p.Busy,
		})
	}
	reply.Level, reply.OldLevel = level(worst), level(worst)
	return reply, nil
}
