package rest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// JobIDs is the reply of /jobs.
type JobIDs struct {
	Jobs []JobIDStatus `json:"jobs"`
}

// JobIDStatus is one job of JobIDs.
type JobIDStatus struct {
	ID     job.ID `json:"id"`
	Status string `json:"status"`
}

func (s *Server) jobIDs(*http.Request) (any, error) {
	reply := JobIDs{Jobs: []JobIDStatus{}}
	for _, j := range s.cluster.Jobs() {
		reply.Jobs = append(reply.Jobs, JobIDStatus{j.ID(), j.Summary().Status.String()})
	}
	return reply, nil
}

// JobsOverview is the reply of /jobs/overview.
type JobsOverview struct {
	Jobs []JobSummary `json:"jobs"`
}

// JobSummary is one job of JobsOverview.
type JobSummary struct {
	ID               job.ID     `json:"jid"`
	Name             string     `json:"name"`
	State            string     `json:"state"`
	StartMillis      int64      `json:"start-time"`
	EndMillis        int64      `json:"end-time"`
	DurationMillis   int64      `json:"duration"`
	ModifiedMillis   int64      `json:"last-modification"`
	Tasks            TaskCounts `json:"tasks"`
	PendingOperators int        `json:"pending-operators"`
}

// TaskCounts is how many tasks have each status.
type TaskCounts struct {
	Total        int `json:"total"`
	Created      int `json:"created"`
	Scheduled    int `json:"scheduled"`
	Deploying    int `json:"deploying"`
	Initializing int `json:"initializing"`
	Running      int `json:"running"`
	Finished     int `json:"finished"`
	Canceling    int `json:"canceling"`
	Canceled     int `json:"canceled"`
	Failed       int `json:"failed"`
	Reconciling  int `json:"reconciling"`
}

func (s *Server) jobsOverview(*http.Request) (any, error) {
	all := s.cluster.Jobs()
	reply := JobsOverview{Jobs: make([]JobSummary, 0, len(all))}
	for _, j := range all {
		l := j.Summary()
		start, end, took := s.span(l.Started, l.Ended)
		reply.Jobs = append(reply.Jobs, JobSummary{
			ID: l.Job, Name: l.Name, State: l.Status.String(), StartMillis: start, EndMillis: end, DurationMillis: took,
			ModifiedMillis: coordinator.Millis(l.Changed), Tasks: taskCounts(l.Tasks),
		})
	}
	return reply, nil
}

// span is when a job began, when it ended, or -1, and how long that took, or
// takes, in milliseconds.
func (s *Server) span(started, ended time.Time) (start, end, took int64) {
	start, end = started.UnixMilli(), -1
	if ended.IsZero() {
		return start, end, s.o.Clock.Now().UnixMilli() - start
	}
	end = ended.UnixMilli()
	return start, end, end - start
}

// countsOf is how many tasks have each status.
func countsOf(tasks []coordinator.TaskLife) map[string]int {
	m := make(map[string]int, coordinator.TaskStatuses)
	for i := range coordinator.TaskStatuses {
		m[coordinator.TaskStatus(i).String()] = 0
	}
	for _, t := range tasks {
		m[t.Current().Status.String()]++
	}
	return m
}

func taskCounts(n [coordinator.TaskStatuses]int) TaskCounts {
	c := TaskCounts{
		Created: n[coordinator.TaskCreated], Scheduled: n[coordinator.TaskScheduled], Deploying: n[coordinator.TaskDeploying],
		Initializing: n[coordinator.TaskInitializing], Running: n[coordinator.TaskRunning], Finished: n[coordinator.TaskFinished],
		Canceling: n[coordinator.TaskCanceling], Canceled: n[coordinator.TaskCanceled], Failed: n[coordinator.TaskFailed],
		Reconciling: n[coordinator.TaskReconciling],
	}
	for _, n := range n {
		c.Total += n
	}
	return c
}

// JobStatus is the reply of /jobs/:jobid/status.
type JobStatus struct {
	Status string `json:"status"`
}

func (s *Server) jobStatus(r *http.Request) (any, error) {
	_, l, err := s.lifeOf(r)
	return JobStatus{l.Status.String()}, err
}

// terminate is PATCH /jobs/:jobid.
func (s *Server) terminate(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	switch mode := r.URL.Query().Get("mode"); strings.ToLower(mode) {
	case "", "cancel":
		j.Cancel()
		return accepted{empty{}}, nil
	case "stop":
		return nil, Error{http.StatusPermanentRedirect, "The termination mode \"stop\" has been removed. For an ungraceful shutdown, please use \"cancel\" instead. For a graceful shutdown, please use \"jobs/:jobId/stop\" instead."}
	default:
		return nil, unresolved("query", "mode", mode)
	}
}

// heartbeat takes the life signs of a client. Jobs do not depend on it.
func (s *Server) heartbeat(r *http.Request) (any, error) {
	if _, err := s.job(r); err != nil {
		return nil, err
	}
	return accepted{empty{}}, nil
}

// JobConfig is the reply of /jobs/:jobid/config.
type JobConfig struct {
	ID        job.ID          `json:"jid"`
	Name      string          `json:"name"`
	Execution ExecutionConfig `json:"execution-config"`
}

// ExecutionConfig is how a job is executed.
type ExecutionConfig struct {
	RestartStrategy string            `json:"restart-strategy"`
	Parallelism     int               `json:"job-parallelism"`
	ObjectReuse     bool              `json:"object-reuse-mode"`
	UserConfig      map[string]string `json:"user-config"`
}

func (s *Server) jobConfig(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	c := JobConfig{ID: l.Job, Name: l.Graph.Name, Execution: ExecutionConfig{
		RestartStrategy: restartText(l.Settings.Restart), ObjectReuse: true, UserConfig: j.Info().Config,
	}}
	for _, v := range l.Graph.Vertices {
		c.Execution.Parallelism = max(c.Execution.Parallelism, v.Parallelism)
	}
	if c.Execution.UserConfig == nil {
		c.Execution.UserConfig = map[string]string{}
	}
	return c, nil
}

// restartText says when tasks are started again.
func restartText(r coordinator.RestartStrategy) string {
	switch {
	case r.Attempts == 0:
		return "none"
	case r.Attempts < 0:
		return fmt.Sprintf("restart after %v, up to %v, any number of times", r.Delay, max(r.Delay, r.MaxDelay))
	}
	return fmt.Sprintf("restart after %v, up to %v, at most %d times", r.Delay, max(r.Delay, r.MaxDelay), r.Attempts)
}

// ExecutionResult is the reply of /jobs/:jobid/execution-result.
type ExecutionResult struct {
	Status QueueStatus `json:"status"`
	Result *JobResult  `json:"job-execution-result,omitempty"`
}

// JobResult is how a job has ended.
type JobResult struct {
	ID           job.ID            `json:"id"`
	Status       string            `json:"application-status"`
	Accumulators map[string]string `json:"accumulator-results"`
	RunMillis    int64             `json:"net-runtime"`
	Failure      *Throwable        `json:"failure-cause,omitempty"`
}

func (s *Server) executionResult(r *http.Request) (any, error) {
	_, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	if l.Result == nil {
		return ExecutionResult{Status: inProgress}, nil
	}
	status := "SUCCEEDED"
	if l.Status != coordinator.StatusFinished {
		status = strings.ToUpper(l.Status.String())
	}
	if l.Status == coordinator.Suspended {
		status = "UNKNOWN"
	}
	res := &JobResult{ID: l.Job, Status: status, Accumulators: map[string]string{}, RunMillis: l.Ended.Sub(l.Started).Milliseconds()}
	if l.Result.Err != nil && l.Status == coordinator.StatusFailed {
		t := throwable(l.Result.Err)
		res.Failure = &t
	}
	return ExecutionResult{Status: completed, Result: res}, nil
}
