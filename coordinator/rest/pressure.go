package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/metrics"
)

// pressureOf is what a task of a vertex does; all zero when it does not run.
func (s *Server) pressureOf(l coordinator.Life, counts []Count, v vertex, t coordinator.TaskLife) metrics.Rate {
	return s.rates.Pressure(metrics.Job{ID: l.Job, Graph: l.Graph, Counts: counts}, v.running(t), s.o.Clock.Now())
}

// running is a task as its metrics are read.
func (v vertex) running(t coordinator.TaskLife) metrics.Running {
	a := t.Current()
	r := metrics.Running{Chain: v.chain, Index: t.Task.Index, Attempt: a.Number}
	if a.Status == coordinator.TaskRunning {
		r.Started = a.Entered[coordinator.TaskRunning]
	}
	return r
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
	j, l, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	counts, worst := j.Counts(), 0.0
	reply := Backpressure{Status: "ok", EndMillis: s.o.Clock.Now().UnixMilli(), Subtasks: []SubtaskBackpressure{}}
	for _, t := range v.tasks {
		p := s.pressureOf(l, counts, v, t)
		worst = max(worst, p.Blocked)
		reply.Subtasks = append(reply.Subtasks, SubtaskBackpressure{
			Index: t.Task.Index, Attempt: t.Current().Number, Level: level(p.Blocked), OldLevel: level(p.Blocked),
			Ratio: p.Blocked, IdleRatio: p.Idle, BusyRatio: p.Busy,
		})
	}
	reply.Level, reply.OldLevel = level(worst), level(worst)
	return reply, nil
}
