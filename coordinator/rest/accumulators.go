package rest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Accumulator is a counter that an operator keeps, such as
// numLateRecordsDropped: the nearest that there is to accumulators of a user.
type Accumulator struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// accumulate adds up the counters of those counts that are wanted.
func accumulate(counts []Count, want func(Count) bool) []Accumulator {
	sums := map[string]int64{}
	for _, c := range counts {
		if want(c) {
			for name, n := range c.Counters {
				sums[name] += n
			}
		}
	}
	all := []Accumulator{}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		all = append(all, Accumulator{name, "LongCounter", strconv.FormatInt(sums[name], 10)})
	}
	return all
}

// JobAccumulators is the reply of /jobs/:jobid/accumulators.
type JobAccumulators struct {
	Job        []struct{}        `json:"job-accumulators"`
	Tasks      []Accumulator     `json:"user-task-accumulators"`
	Serialized map[string]string `json:"serialized-user-task-accumulators"`
}

func (s *Server) accumulators(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	return JobAccumulators{
		Job: []struct{}{}, Serialized: map[string]string{},
		Tasks: accumulate(j.Counts(), func(Count) bool { return true }),
	}, nil
}

// VertexAccumulators is the reply of /jobs/:jobid/vertices/:vertexid/accumulators.
type VertexAccumulators struct {
	ID   string        `json:"id"`
	User []Accumulator `json:"user-accumulators"`
}

func (s *Server) vertexAccumulators(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	return VertexAccumulators{v.id, accumulate(j.Counts(), func(c Count) bool { return slices.Contains(v.chain.Vertices, c.Vertex) })}, nil
}

// SubtasksAccumulators is the reply of
// /jobs/:jobid/vertices/:vertexid/subtasks/accumulators.
type SubtasksAccumulators struct {
	ID          string                `json:"id"`
	Parallelism int                   `json:"parallelism"`
	Subtasks    []SubtaskAccumulators `json:"subtasks"`
}

// SubtaskAccumulators are those of one task.
type SubtaskAccumulators struct {
	Index    int           `json:"subtask"`
	Attempt  int           `json:"attempt"`
	Endpoint string        `json:"endpoint,omitempty"`
	ID       string        `json:"id,omitempty"`
	User     []Accumulator `json:"user-accumulators"`
}

func ofTask(v vertex, index int) func(Count) bool {
	return func(c Count) bool { return c.Index == index && slices.Contains(v.chain.Vertices, c.Vertex) }
}

func (s *Server) subtasksAccumulators(r *http.Request) (any, error) {
	j, _, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	reply := SubtasksAccumulators{ID: v.id, Parallelism: v.parallelism, Subtasks: []SubtaskAccumulators{}}
	counts := j.Counts()
	for _, t := range v.tasks {
		reply.Subtasks = append(reply.Subtasks, SubtaskAccumulators{
			Index: t.Task.Index, Attempt: t.Current().Number, Endpoint: j.Place(t.Task).Endpoint, User: accumulate(counts, ofTask(v, t.Task.Index)),
		})
	}
	return reply, nil
}

func (s *Server) attemptAccumulators(r *http.Request) (any, error) {
	j, v, t, a, err := s.attemptIn(r)
	if err != nil {
		return nil, err
	}
	reply := SubtaskAccumulators{Index: t.Task.Index, Attempt: a.Number, ID: v.id, User: []Accumulator{}}
	if a.Number == t.Current().Number {
		reply.User = accumulate(j.Counts(), ofTask(v, t.Task.Index))
	}
	return reply, nil
}
