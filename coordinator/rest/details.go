package rest

import (
	"net/http"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// JobDetails is the reply of /jobs/:jobid.
type JobDetails struct {
	ID               job.ID           `json:"jid"`
	Name             string           `json:"name"`
	Stoppable        bool             `json:"isStoppable"`
	State            string           `json:"state"`
	Type             string           `json:"job-type"`
	StartMillis      int64            `json:"start-time"`
	EndMillis        int64            `json:"end-time"`
	DurationMillis   int64            `json:"duration"`
	MaxParallelism   int              `json:"maxParallelism"`
	NowMillis        int64            `json:"now"`
	Timestamps       map[string]int64 `json:"timestamps"`
	Vertices         []VertexSummary  `json:"vertices"`
	StatusCounts     map[string]int   `json:"status-counts"`
	Plan             Plan             `json:"plan"`
	PendingOperators int              `json:"pending-operators"`
}

// VertexSummary is a vertex of JobDetails.
type VertexSummary struct {
	ID             string         `json:"id"`
	Name           string         `json:"name"`
	MaxParallelism int            `json:"maxParallelism"`
	Parallelism    int            `json:"parallelism"`
	Status         string         `json:"status"`
	StartMillis    int64          `json:"start-time"`
	EndMillis      int64          `json:"end-time"`
	DurationMillis int64          `json:"duration"`
	Tasks          map[string]int `json:"tasks"`
	Metrics        IOMetrics      `json:"metrics"`
}

// IOMetrics is what went through a vertex or a task.
type IOMetrics struct {
	ReadBytes            int64   `json:"read-bytes"`
	ReadBytesComplete    bool    `json:"read-bytes-complete"`
	WriteBytes           int64   `json:"write-bytes"`
	WriteBytesComplete   bool    `json:"write-bytes-complete"`
	ReadRecords          int64   `json:"read-records"`
	ReadRecordsComplete  bool    `json:"read-records-complete"`
	WriteRecords         int64   `json:"write-records"`
	WriteRecordsComplete bool    `json:"write-records-complete"`
	BackpressuredMillis  int64   `json:"accumulated-backpressured-time"`
	IdleMillis           int64   `json:"accumulated-idle-time"`
	BusyMillis           float64 `json:"accumulated-busy-time"`
}

func (s *Server) jobDetails(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	start, end, took := s.span(l.Started, l.Ended)
	d := JobDetails{
		ID: l.Job, Name: l.Graph.Name, Stoppable: l.Durable, State: l.Status.String(), Type: jobType(j.Info().Bounded),
		StartMillis: start, EndMillis: end, DurationMillis: took, MaxParallelism: l.Graph.KeyGroups,
		NowMillis: s.o.Clock.Now().UnixMilli(), Timestamps: l.Timestamps(), StatusCounts: map[string]int{},
		Plan: PlanOf(l.Graph, l.Job, j.Info().Bounded),
	}
	for i := range coordinator.TaskStatuses {
		d.StatusCounts[coordinator.TaskStatus(i).String()] = 0
	}
	counts := j.Counts()
	for _, v := range verticesOf(l) {
		status := statusOfVertex(v.tasks)
		d.StatusCounts[status.String()]++
		start, end, took := s.spanOf(v.tasks)
		d.Vertices = append(d.Vertices, VertexSummary{
			ID: v.id, Name: v.name, MaxParallelism: l.Graph.KeyGroups, Parallelism: v.parallelism, Status: status.String(),
			StartMillis: start, EndMillis: end, DurationMillis: took, Tasks: countsOf(v.tasks), Metrics: s.ioOf(counts, v, v.tasks...),
		})
	}
	return d, nil
}

// statusOfVertex sums up its tasks: failed and canceling ones speak for all;
// otherwise it is as far as the last of them.
func statusOfVertex(tasks []coordinator.TaskLife) coordinator.TaskStatus {
	n := [coordinator.TaskStatuses]int{}
	for _, t := range tasks {
		n[t.Current().Status]++
	}
	for _, s := range []coordinator.TaskStatus{
		coordinator.TaskFailed, coordinator.TaskCanceling, coordinator.TaskCanceled,
		coordinator.TaskReconciling, coordinator.TaskInitializing, coordinator.TaskRunning,
	} {
		if n[s] > 0 {
			return s
		}
	}
	if n[coordinator.TaskFinished] == len(tasks) {
		return coordinator.TaskFinished
	}
	return coordinator.TaskCreated
}

// spanOf is when the first of the tasks began, when the last ended, or -1, and
// how long that took, or takes, in milliseconds.
func (s *Server) spanOf(tasks []coordinator.TaskLife) (start, end, took int64) {
	start, end = -1, -1
	running := false
	for _, t := range tasks {
		b, e := spanOfAttempt(t.Current())
		if b >= 0 && (start < 0 || b < start) {
			start = b
		}
		end = max(end, e)
		running = running || e < 0
	}
	if running {
		end = -1
	}
	return start, end, s.took(start, end)
}

// spanOfAttempt is when a task was deployed and when it ended; -1 when it was
// not or has not.
func spanOfAttempt(a coordinator.TaskAttempt) (start, end int64) {
	start, end = -1, -1
	if at := a.Entered[coordinator.TaskDeploying]; !at.IsZero() {
		start = at.UnixMilli()
	}
	if a.Status.Terminal() {
		end = a.Entered[a.Status].UnixMilli()
	}
	return start, end
}

func (s *Server) took(start, end int64) int64 {
	switch {
	case start < 0:
		return -1
	case end < 0:
		return s.o.Clock.Now().UnixMilli() - start
	}
	return end - start
}

// ioOf adds up what tasks of a vertex have counted.
func (s *Server) ioOf(counts []Count, v vertex, tasks ...coordinator.TaskLife) IOMetrics {
	m := IOMetrics{ReadBytesComplete: true, WriteBytesComplete: true, ReadRecordsComplete: true, WriteRecordsComplete: true}
	for _, t := range tasks {
		head, tail := countOf(counts, v, t.Task.Index)
		m.ReadRecords += head.In
		m.WriteRecords += tail.Out
		m.ReadBytes += head.Here.Bytes + head.Elsewhere.Bytes
		m.WriteBytes += head.Sent.Bytes
		m.IdleMillis += head.IdleMillis
		m.BackpressuredMillis += head.BlockedMillis
		start, end := spanOfAttempt(t.Current())
		m.BusyMillis += float64(max(0, s.took(start, end)-head.IdleMillis-head.BlockedMillis))
	}
	return m
}

// durations are how long an attempt was in each status, in milliseconds; -1
// where it never was.
func durations(a coordinator.TaskAttempt, now time.Time) map[string]int64 {
	order := []coordinator.TaskStatus{
		coordinator.TaskCreated, coordinator.TaskScheduled, coordinator.TaskDeploying, coordinator.TaskInitializing, coordinator.TaskRunning,
	}
	m := map[string]int64{}
	for i, status := range order {
		from := a.Entered[status]
		if from.IsZero() {
			m[status.String()] = -1
			continue
		}
		until := now
		if a.Status.Terminal() {
			until = a.Entered[a.Status]
		}
		for _, next := range order[i+1:] {
			if at := a.Entered[next]; !at.IsZero() {
				until = at
				break
			}
		}
		m[status.String()] = until.Sub(from).Milliseconds()
	}
	return m
}
