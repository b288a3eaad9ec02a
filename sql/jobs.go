package sql

import (
	"context"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// Job is a job as SHOW JOBS lists it.
type Job struct {
	ID, Name string
	// Status is Flink's: RUNNING, FINISHED, FAILED, CANCELED and so on.
	Status string
	Start  time.Time
	// Problem is what the job waits for, or why it failed; "" when all is well.
	Problem string
}

// Jobs are the jobs that a session can see and stop.
type Jobs interface {
	// Jobs lists them, the oldest first.
	Jobs() []Job
	// StopJob ends a job, with a last checkpoint when it takes checkpoints,
	// whose path it returns. With drain, its watermark goes to the end first.
	StopJob(ctx context.Context, id string, savepoint, drain bool) (path string, err error)
	// StuckJob says what a job waits for, the likeliest reason first.
	StuckJob(ctx context.Context, id string) ([]Holdup, error)
}

// Holdup is one thing that a job waits for.
type Holdup struct {
	Kind        string // failure, input, start, commit, backpressure, checkpoint, watermark
	Title, Text string
	Advice      string // what somebody may do, or ""
}

// jobColumns are those of SHOW JOBS, and of DESCRIBE JOB, which has the problem too.
var jobColumns = []string{"job id", "job name", "status", "start time"}

func (s *Session) jobs() []Job {
	if s.o.Jobs == nil {
		return nil
	}
	return s.o.Jobs.Jobs()
}

func (s *Session) jobRow(j Job) []any {
	return []any{j.ID, j.Name, j.Status, j.Start.In(s.config.Zone()).Format("2006-01-02T15:04:05.000")}
}

func (s *Session) showJobs() Result {
	var rows [][]any
	for _, j := range s.jobs() {
		rows = append(rows, s.jobRow(j))
	}
	return stringRows(jobColumns, rows)
}

// job finds a job by its id.
func (s *Session) job(pos ast.Pos, id string) (Job, error) {
	all := s.jobs()
	for _, j := range all {
		if strings.EqualFold(j.ID, id) {
			return j, nil
		}
	}
	if len(all) == 0 {
		return Job{}, diag.At(pos, "no job %s: this process has started none; a job of another process is stopped there, by a signal", id)
	}
	return Job{}, diag.At(pos, "no job %s; SHOW JOBS lists those of this process", id)
}

func (s *Session) describeJob(q *ast.Describe) (Result, error) {
	j, err := s.job(q.Pos, q.Name.Last())
	if err != nil {
		return nil, err
	}
	return stringRows(append(jobColumns[:len(jobColumns):len(jobColumns)], "problem"), [][]any{append(s.jobRow(j), j.Problem)}), nil
}

// stopJob answers STOP JOB.
func (s *Session) stopJob(ctx context.Context, q *ast.StopJob) (Result, error) {
	j, err := s.job(q.Job.Pos, q.Job.Value)
	if err != nil {
		return nil, err
	}
	if j.Status != "RUNNING" && j.Status != "INITIALIZING" && j.Status != "RESTARTING" {
		return nil, diag.At(q.Pos, "job %s is not running: it is %s", j.ID, j.Status)
	}
	path, err := s.o.Jobs.StopJob(ctx, j.ID, q.Savepoint, q.Drain)
	if err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	if q.Savepoint {
		return stringRows([]string{"savepoint path"}, [][]any{{path}}), nil
	}
	return ok()
}

// explainStuck answers EXPLAIN STUCK: no rows when nothing holds the job.
func (s *Session) explainStuck(ctx context.Context, q *ast.ExplainStuck) (Result, error) {
	j, err := s.job(q.Job.Pos, q.Job.Value)
	if err != nil {
		return nil, err
	}
	all, err := s.o.Jobs.StuckJob(ctx, j.ID)
	if err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	var rows [][]any
	for _, h := range all {
		rows = append(rows, []any{h.Kind, h.Title, h.Text, h.Advice})
	}
	return stringRows([]string{"kind", "what holds the job", "why", "what to do"}, rows), nil
}
