// Package top shows what a cluster does: its jobs, and of one of them the vertices,
// with rates between two looks.
package top

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/job"
)

// Asker asks a cluster; it is a client.Client.
type Asker interface {
	Do(ctx context.Context, method, path string, body, v any) error
}

// Sample is what a cluster was like at a time.
type Sample struct {
	At       time.Time     `json:"at"`
	Overview rest.Overview `json:"overview"`
	Jobs     []Job         `json:"jobs"` // those that run first, the newest first
}

// Job is a job in a sample.
type Job struct {
	ID             job.ID `json:"jid"`
	Name           string `json:"name"`
	State          string `json:"state"`
	DurationMillis int64  `json:"duration"`
	Running        int    `json:"tasks-running"`
	Tasks          int    `json:"tasks"`
	// Read and Written are rows a second at the sources and at the sinks.
	Read    float64 `json:"read-per-second"`
	Written float64 `json:"written-per-second"`
	// The newest checkpoint that is complete; 0 for none.
	Checkpoint           uint64   `json:"checkpoint"`
	CheckpointAgeMillis  int64    `json:"checkpoint-age"`
	CheckpointTookMillis int64    `json:"checkpoint-duration"`
	StateBytes           int64    `json:"state-size"`
	FailedCheckpoints    int      `json:"failed-checkpoints"`
	Vertices             []Vertex `json:"vertices"`
}

// Vertex is a vertex of a job. In and Out are rows a second: into and out of its
// tasks, or where these are the first or the last of the job, out of its sources and
// into its sinks. Busy, Back and Idle are parts of the time, from 0 to
// 1; Back is the time in which the vertex was held back by those behind it.
type Vertex struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Status      string  `json:"status"`
	Parallelism int     `json:"parallelism"`
	In          float64 `json:"in-per-second"`
	Out         float64 `json:"out-per-second"`
	Busy        float64 `json:"busy"`
	Back        float64 `json:"back-pressured"`
	Idle        float64 `json:"idle"`
	// WatermarkMillis is the least of its tasks, or nil while one has none, and at
	// the end.
	WatermarkMillis *int64 `json:"watermark"`

	metrics  rest.IOMetrics
	duration int64
	ends     ends
}

// ends are what is counted where a job begins and ends.
type ends struct {
	sources, sinks []string // the metrics
	known          bool
	read, written  float64 // rows so far
}

// Take looks at a cluster. Rates are those since before, which may be nil: then they
// are those since the jobs began.
func Take(ctx context.Context, a Asker, at time.Time, before *Sample) (*Sample, error) {
	s := &Sample{At: at}
	if err := a.Do(ctx, http.MethodGet, "/overview", nil, &s.Overview); err != nil {
		return nil, err
	}
	var jobs rest.JobsOverview
	if err := a.Do(ctx, http.MethodGet, "/jobs/overview", nil, &jobs); err != nil {
		return nil, err
	}
	for _, j := range jobs.Jobs {
		of := Job{ID: j.ID, Name: j.Name, State: j.State, DurationMillis: j.DurationMillis, Running: j.Tasks.Running, Tasks: j.Tasks.Total, Vertices: []Vertex{}}
		if !of.ended() {
			if err := of.look(ctx, a, at, before.job(j.ID)); err != nil {
				return nil, err
			}
			of.rates(before.job(j.ID), s.since(before))
		}
		s.Jobs = append(s.Jobs, of)
	}
	slices.SortStableFunc(s.Jobs, func(a, b Job) int {
		switch {
		case a.ended() == b.ended():
			return 0
		case b.ended():
			return -1
		}
		return 1
	})
	return s, nil
}

// since is the time between two samples; 0 without an earlier one.
func (s *Sample) since(before *Sample) time.Duration {
	if before == nil {
		return 0
	}
	return s.At.Sub(before.At)
}

func (s *Sample) job(id job.ID) *Job {
	if s == nil {
		return nil
	}
	for i := range s.Jobs {
		if s.Jobs[i].ID == id {
			return &s.Jobs[i]
		}
	}
	return nil
}

func (j *Job) ended() bool {
	return slices.Contains([]string{"FINISHED", "CANCELED", "FAILED", "SUSPENDED"}, j.State)
}

// look asks for the vertices and the checkpoints of a job.
func (j *Job) look(ctx context.Context, a Asker, at time.Time, before *Job) error {
	path := "/jobs/" + url.PathEscape(string(j.ID))
	var d rest.JobDetails
	if err := a.Do(ctx, http.MethodGet, path, nil, &d); err != nil {
		return err
	}
	for _, v := range d.Vertices {
		of := Vertex{ID: v.ID, Name: v.Name, Status: v.Status, Parallelism: v.Parallelism, metrics: v.Metrics, duration: v.DurationMillis}
		var marks []rest.Metric
		if err := a.Do(ctx, http.MethodGet, path+"/vertices/"+url.PathEscape(v.ID)+"/watermarks", nil, &marks); err != nil {
			return err
		}
		of.WatermarkMillis = least(marks, v.Parallelism)
		if was := before.vertex(v.ID); was != nil {
			of.ends = was.ends
		}
		if err := of.ends.look(ctx, a, path+"/vertices/"+url.PathEscape(v.ID)+"/subtasks/metrics"); err != nil {
			return err
		}
		j.Vertices = append(j.Vertices, of)
	}
	var c rest.Checkpoints
	if err := a.Do(ctx, http.MethodGet, path+"/checkpoints", nil, &c); err != nil {
		return err
	}
	j.FailedCheckpoints = c.Counts.Failed
	if newest := c.Latest.Completed; newest != nil {
		j.Checkpoint, j.StateBytes = uint64(newest.ID), newest.StateSize
		j.CheckpointTookMillis = newest.EndToEndMillis
		j.CheckpointAgeMillis = max(0, at.UnixMilli()-newest.TriggerMillis-newest.EndToEndMillis)
	}
	return nil
}

func (j *Job) vertex(id string) *Vertex {
	if j == nil {
		return nil
	}
	for i := range j.Vertices {
		if j.Vertices[i].ID == id {
			return &j.Vertices[i]
		}
	}
	return nil
}

// look asks what sources and sinks have counted. Which there are, is asked once.
func (e *ends) look(ctx context.Context, a Asker, path string) error {
	if !e.known {
		var all []rest.Metric
		if err := a.Do(ctx, http.MethodGet, path, nil, &all); err != nil {
			return err
		}
		for _, m := range all {
			switch {
			case strings.HasPrefix(m.ID, "source-") && strings.HasSuffix(m.ID, ".numRecordsOut"):
				e.sources = append(e.sources, m.ID)
			case strings.HasPrefix(m.ID, "sink-") && strings.HasSuffix(m.ID, ".numRecordsIn"):
				e.sinks = append(e.sinks, m.ID)
			}
		}
		e.known = true
	}
	wanted := slices.Concat(e.sources, e.sinks)
	if len(wanted) == 0 {
		return nil
	}
	var all []rest.AggregatedMetric
	if err := a.Do(ctx, http.MethodGet, path+"?agg=sum&get="+url.QueryEscape(strings.Join(wanted, ",")), nil, &all); err != nil {
		return err
	}
	e.read, e.written = 0, 0
	for _, m := range all {
		switch {
		case m.Sum == nil:
		case slices.Contains(e.sources, m.ID):
			e.read += *m.Sum
		default:
			e.written += *m.Sum
		}
	}
	return nil
}

// end is where event time is when everything is read.
const end = math.MaxInt64

// least is the least watermark of the tasks of a vertex.
func least(marks []rest.Metric, tasks int) *int64 {
	if len(marks) == 0 || len(marks) < tasks {
		return nil
	}
	low := int64(end)
	for _, m := range marks {
		if n, err := strconv.ParseInt(m.Value, 10, 64); err == nil {
			low = min(low, n)
		}
	}
	if low == end {
		return nil
	}
	return &low
}

// rates computes what went through in the time since before.
func (j *Job) rates(before *Job, took time.Duration) {
	for i := range j.Vertices {
		v := &j.Vertices[i]
		var was Vertex
		seconds := float64(v.duration) / 1000
		if old := before.vertex(v.ID); old != nil && old.duration <= v.duration {
			was, seconds = *old, took.Seconds()
		}
		if seconds <= 0 {
			continue
		}
		v.In = max(0, float64(v.metrics.ReadRecords-was.metrics.ReadRecords)/seconds)
		v.Out = max(0, float64(v.metrics.WriteRecords-was.metrics.WriteRecords)/seconds)
		read, written := max(0, (v.ends.read-was.ends.read)/seconds), max(0, (v.ends.written-was.ends.written)/seconds)
		if len(v.ends.sources) > 0 {
			v.In = read
			j.Read += read
		}
		if len(v.ends.sinks) > 0 {
			v.Out = max(v.Out, written)
			j.Written += written
		}
		of := seconds * 1000 * float64(max(1, v.Parallelism))
		v.Busy = part((v.metrics.BusyMillis - was.metrics.BusyMillis) / of)
		v.Back = part(float64(v.metrics.BackpressuredMillis-was.metrics.BackpressuredMillis) / of)
		v.Idle = part(float64(v.metrics.IdleMillis-was.metrics.IdleMillis) / of)
	}
}

func part(x float64) float64 { return min(1, max(0, x)) }
