package rest

import (
	"net/http"
	"strconv"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/stream"
)

// VertexDetails is the reply of /jobs/:jobid/vertices/:vertexid.
type VertexDetails struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	Parallelism    int        `json:"parallelism"`
	MaxParallelism int        `json:"maxParallelism"`
	NowMillis      int64      `json:"now"`
	Subtasks       []Subtask  `json:"subtasks"`
	Aggregated     Aggregated `json:"aggregated"`
}

// Subtask is one task of a vertex, in its newest attempt or an earlier one.
type Subtask struct {
	Index           int              `json:"subtask"`
	Status          string           `json:"status"`
	Attempt         int              `json:"attempt"`
	Endpoint        string           `json:"endpoint"`
	StartMillis     int64            `json:"start-time"`
	EndMillis       int64            `json:"end-time"`
	DurationMillis  int64            `json:"duration"`
	Metrics         IOMetrics        `json:"metrics"`
	Worker          string           `json:"taskmanager-id"`
	StatusDurations map[string]int64 `json:"status-duration"`
}

// Aggregated are statistics over the tasks of a vertex.
type Aggregated struct {
	Metrics         map[string]map[string]int64 `json:"metrics"`
	StatusDurations map[string]map[string]int64 `json:"status-duration"`
}

func (s *Server) vertexDetails(r *http.Request) (any, error) {
	j, l, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	d := VertexDetails{
		ID: v.id, Name: v.name, Parallelism: v.parallelism, MaxParallelism: l.Graph.KeyGroups, NowMillis: s.o.Clock.Now().UnixMilli(),
		Subtasks: s.subtasks(j, v),
	}
	d.Aggregated = aggregate(d.Subtasks)
	return d, nil
}

func (s *Server) subtasks(j Job, v vertex) []Subtask {
	counts := j.Counts()
	all := []Subtask{}
	for _, t := range v.tasks {
		all = append(all, s.subtaskOf(j, t, t.Current(), s.ioOf(counts, v, t)))
	}
	return all
}

func (s *Server) subtaskOf(j Job, t coordinator.TaskLife, a coordinator.TaskAttempt, io IOMetrics) Subtask {
	start, end := spanOfAttempt(a)
	at := j.Place(t.Task)
	return Subtask{
		Index: t.Task.Index, Status: a.Status.String(), Attempt: a.Number, Endpoint: at.Endpoint, Worker: at.Worker,
		StartMillis: start, EndMillis: end, DurationMillis: s.took(start, end), Metrics: io, StatusDurations: durations(a, s.o.Clock.Now()),
	}
}

func aggregate(tasks []Subtask) Aggregated {
	metrics, status := map[string][]int64{}, map[string][]int64{}
	for _, t := range tasks {
		metrics["read-records"] = append(metrics["read-records"], t.Metrics.ReadRecords)
		metrics["write-records"] = append(metrics["write-records"], t.Metrics.WriteRecords)
		metrics["read-bytes"] = append(metrics["read-bytes"], t.Metrics.ReadBytes)
		metrics["write-bytes"] = append(metrics["write-bytes"], t.Metrics.WriteBytes)
		metrics["accumulated-busy-time"] = append(metrics["accumulated-busy-time"], int64(t.Metrics.BusyMillis))
		metrics["accumulated-idle-time"] = append(metrics["accumulated-idle-time"], t.Metrics.IdleMillis)
		metrics["accumulated-backpressured-time"] = append(metrics["accumulated-backpressured-time"], t.Metrics.BackpressuredMillis)
		for name, n := range t.StatusDurations {
			status[name] = append(status[name], n)
		}
	}
	a := Aggregated{Metrics: map[string]map[string]int64{}, StatusDurations: map[string]map[string]int64{}}
	for name, v := range metrics {
		a.Metrics[name] = whole(v)
	}
	for name, v := range status {
		a.StatusDurations[name] = whole(v)
	}
	return a
}

func (s *Server) subtask(r *http.Request) (any, error) {
	j, _, v, t, err := s.taskIn(r)
	if err != nil {
		return nil, err
	}
	return s.subtaskOf(j, t, t.Current(), s.ioOf(j.Counts(), v, t)), nil
}

// attemptIn finds the attempt of a path.
func (s *Server) attemptIn(r *http.Request) (Job, vertex, coordinator.TaskLife, coordinator.TaskAttempt, error) {
	j, _, v, t, err := s.taskIn(r)
	if err != nil {
		return nil, v, t, coordinator.TaskAttempt{}, err
	}
	n, err := pathNumber(r, "attempt")
	if err != nil {
		return nil, v, t, coordinator.TaskAttempt{}, err
	}
	for _, a := range t.Attempts {
		if a.Number == n {
			return j, v, t, a, nil
		}
	}
	return nil, v, t, coordinator.TaskAttempt{}, notFound("Could not find execution attempt %d of subtask %d of vertex %s", n, t.Task.Index, v.id)
}

func (s *Server) attempt(r *http.Request) (any, error) {
	j, v, t, a, err := s.attemptIn(r)
	if err != nil {
		return nil, err
	}
	var io IOMetrics // earlier attempts' counters are gone
	if a.Number == t.Current().Number {
		io = s.ioOf(j.Counts(), v, t)
	}
	return s.subtaskOf(j, t, a, io), nil
}

// SubtaskTimes is the reply of /jobs/:jobid/vertices/:vertexid/subtasktimes.
type SubtaskTimes struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	NowMillis int64         `json:"now"`
	Subtasks  []SubtaskTime `json:"subtasks"`
}

// SubtaskTime is one task of SubtaskTimes.
type SubtaskTime struct {
	Index          int              `json:"subtask"`
	Endpoint       string           `json:"endpoint"`
	DurationMillis int64            `json:"duration"`
	Timestamps     map[string]int64 `json:"timestamps"`
}

func (s *Server) subtaskTimes(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	reply := SubtaskTimes{ID: v.id, Name: v.name, NowMillis: s.o.Clock.Now().UnixMilli(), Subtasks: []SubtaskTime{}}
	for _, t := range v.tasks {
		start, end := spanOfAttempt(t.Current())
		reply.Subtasks = append(reply.Subtasks, SubtaskTime{
			Index: t.Task.Index, Endpoint: j.Place(t.Task).Endpoint, DurationMillis: s.took(start, end), Timestamps: t.Current().Timestamps(),
		})
	}
	return reply, nil
}

// VertexWorkers is the reply of /jobs/:jobid/vertices/:vertexid/taskmanagers.
type VertexWorkers struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	NowMillis int64          `json:"now"`
	Workers   []VertexWorker `json:"taskmanagers"`
}

// VertexWorker is the tasks of a vertex that one worker runs.
type VertexWorker struct {
	Endpoint       string         `json:"endpoint"`
	Status         string         `json:"status"`
	StartMillis    int64          `json:"start-time"`
	EndMillis      int64          `json:"end-time"`
	DurationMillis int64          `json:"duration"`
	Metrics        IOMetrics      `json:"metrics"`
	StatusCounts   map[string]int `json:"status-counts"`
	Worker         string         `json:"taskmanager-id"`
	Aggregated     Aggregated     `json:"aggregated"`
}

func (s *Server) vertexWorkers(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	reply := VertexWorkers{ID: v.id, Name: v.name, NowMillis: s.o.Clock.Now().UnixMilli(), Workers: []VertexWorker{}}
	var order []Place
	at := map[Place][]coordinator.TaskLife{}
	for _, t := range v.tasks {
		p := j.Place(t.Task)
		if at[p] == nil {
			order = append(order, p)
		}
		at[p] = append(at[p], t)
	}
	counts := j.Counts()
	for _, p := range order {
		part := v
		part.tasks = at[p]
		w := VertexWorker{Endpoint: p.Endpoint, Worker: p.Worker, Status: statusOfVertex(at[p]).String(), StatusCounts: countsOf(at[p])}
		w.StartMillis, w.EndMillis, w.DurationMillis = s.spanOf(at[p])
		w.Metrics = s.ioOf(counts, v, at[p]...)
		w.Aggregated = aggregate(s.subtasks(j, part))
		reply.Workers = append(reply.Workers, w)
	}
	return reply, nil
}

func (s *Server) watermarks(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	reply := []Metric{}
	counts := j.Counts()
	for _, t := range v.tasks {
		head, _ := countOf(counts, v, t.Task.Index)
		if head.Watermark != stream.Start {
			reply = append(reply, Metric{strconv.Itoa(t.Task.Index) + ".currentInputWatermark", strconv.FormatInt(int64(head.Watermark), 10)})
		}
	}
	return reply, nil
}
