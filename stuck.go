package wadi

import (
	"context"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/stream"
)

// glance is for how long a job is watched to see what its tasks do.
const glance = time.Second

// StuckJob implements sql.Jobs: it watches the job for a moment.
func (j *jobs) StuckJob(ctx context.Context, id string) ([]sql.Holdup, error) {
	s, ok := j.find(id)
	if !ok {
		return nil, fmt.Errorf("%w: no job %s", job.ErrInvalid, id)
	}
	clock := engine.WallClock{}
	before := s.run.waits(clock.Now())
	select {
	case <-clock.After(glance):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	life, ok := s.run.Life()
	if !ok {
		return nil, nil
	}
	e := coordinator.Evidence{Now: clock.Now(), Life: life, Progress: s.run.Progress().Progress}
	for id, now := range s.run.waits(e.Now) {
		t := now.task
		t.Idle, t.Blocked = part(now.idle-before[id].idle), part(now.blocked-before[id].blocked)
		t.Busy = max(0, 1-t.Idle-t.Blocked)
		e.Tasks = append(e.Tasks, t)
	}
	var all []sql.Holdup
	for _, f := range coordinator.Stuck(e) {
		all = append(all, sql.Holdup{Kind: string(f.Kind), Title: f.Title, Text: f.Text, Advice: f.Advice})
	}
	return all, nil
}

// part is how much of a glance something took.
func part(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(glance))) }

// waited is for how long a task has waited since its start, and where it is.
type waited struct {
	idle, blocked time.Duration
	task          coordinator.TaskEvidence
}

// waits is what each task of the job has waited.
func (r *Run) waits(now time.Time) map[checkpoint.TaskID]waited {
	heads := map[job.VertexID]bool{}
	for _, c := range r.graph.Chains() {
		heads[c.Head()] = true
	}
	all := map[checkpoint.TaskID]waited{}
	for _, st := range r.tasks.Stats() {
		if !heads[st.Vertex] {
			continue
		}
		id := checkpoint.TaskID{Vertex: st.Vertex, Index: st.Index}
		w := waited{st.Idle.Total(now), st.Blocked.Total(now), coordinator.TaskEvidence{Task: id, Watermark: stream.Timestamp(st.Watermark.Load())}}
		w.task.Split, w.task.Ahead = st.Spread.Get()
		all[id] = w
	}
	return all
}
