package wadi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql"
)

var _ sql.Jobs = (*jobs)(nil)

// maxEndedJobs is how many jobs that have ended SHOW JOBS lists, unless
// somebody has said otherwise.
const maxEndedJobs = 100

// jobs are those that an Env has started, or all Envs of a Session.
type jobs struct {
	kept    int        // how many that have ended; 0 means maxEndedJobs, less means all
	changed func(*Run) // called when a job has changed; it must not wait
	span    atomic.Pointer[spans]

	mu   sync.Mutex
	list []startedJob // the oldest first
}

// all is a copy of the list.
func (j *jobs) all() []startedJob {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.list)
}

type startedJob struct {
	run         *Run
	env         *Env
	at          time.Time
	checkpoints string // where they are, or "" when the job takes none
}

// add notes a job; the oldest that have ended are forgotten.
func (j *jobs) add(r *Run, e *Env, at time.Time, checkpoints string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, startedJob{r, e, at, checkpoints})
	ended, kept := 0, j.kept
	switch {
	case kept == 0:
		kept = maxEndedJobs
	case kept < 0:
		kept = math.MaxInt
	}
	for i := len(j.list) - 1; i >= 0; i-- {
		if j.list[i].run.running() {
			continue
		}
		if ended++; ended > kept {
			j.list = append(j.list[:i], j.list[i+1:]...)
		}
	}
}

// Jobs implements sql.Jobs.
func (j *jobs) Jobs() []sql.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]sql.Job, 0, len(j.list))
	for _, s := range j.list {
		id, status, problem := s.run.state()
		if id == "" { // it has not begun yet
			continue
		}
		out = append(out, sql.Job{ID: string(id), Name: s.run.Name(), Status: status, Start: s.at, Problem: problem})
	}
	return out
}

// StopJob implements sql.Jobs.
func (j *jobs) StopJob(ctx context.Context, id string, savepoint, drain bool) (string, error) {
	s, ok := j.find(id)
	if !ok {
		return "", fmt.Errorf("%w: no job %s", job.ErrInvalid, id)
	}
	if !savepoint {
		s.run.Cancel(fmt.Errorf("it was stopped by STOP JOB"))
		<-s.run.Done()
		return "", nil
	}
	return s.run.StopWithSavepoint(ctx, "", drain)
}

func (j *jobs) find(id string) (startedJob, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.list {
		if of, _, _ := s.run.state(); strings.EqualFold(string(of), id) {
			return s, true
		}
	}
	return startedJob{}, false
}

func (r *Run) running() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// state is the job's id, how it is in Flink's words, and what is wrong.
func (r *Run) state() (id job.ID, status, problem string) {
	ended := !r.running()
	r.mu.Lock()
	defer r.mu.Unlock()
	id = r.progress.Job
	if !ended {
		return id, r.progress.State, r.progress.Problem
	}
	switch r.result.State {
	case coordinator.Finished, coordinator.Stopped:
		return id, "FINISHED", ""
	case coordinator.Canceled:
		return id, "CANCELED", ""
	case coordinator.Fenced, coordinator.Left:
		return id, "SUSPENDED", ""
	case coordinator.Failed:
	}
	if err := errors.Join(r.err, r.result.Err); err != nil {
		problem = err.Error()
	}
	return id, "FAILED", problem
}
