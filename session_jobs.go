package wadi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

var _ rest.Job = sessionJob{}

// sessionJob is a job as the REST API sees it.
type sessionJob struct {
	startedJob
	summary coordinator.Summary
	worker  string // the process, when it has no workers
	session *Session
}

// Jobs are those that have begun, the newest first.
func (s *Session) Jobs() []rest.Job {
	var all []rest.Job
	for _, j := range slices.Backward(s.jobs.all()) {
		if of, ok := j.run.history.Summary(); ok {
			all = append(all, sessionJob{j, of, s.worker, s})
		}
	}
	return all
}

// Job finds a job by its id.
func (s *Session) Job(id job.ID) (rest.Job, bool) {
	j, ok := s.jobs.find(string(id))
	if !ok {
		return nil, false
	}
	of, ok := j.run.history.Summary()
	return sessionJob{j, of, s.worker, s}, ok
}

func (j sessionJob) ID() job.ID                   { return j.summary.Job }
func (j sessionJob) Summary() coordinator.Summary { return j.summary }

// Life is what has become of the job.
func (j sessionJob) Life() coordinator.Life {
	l, _ := j.run.Life() // it has begun
	return l
}

// Progress is what the job does and waits for.
func (j sessionJob) Progress() coordinator.Progress { return j.run.Progress().Progress }

func (j sessionJob) Info() rest.JobInfo {
	return rest.JobInfo{Bounded: j.run.bounded, Config: maskedConfig(j.run.config), Checkpoints: j.checkpoints}
}

// Counts are what the tasks have counted.
func (j sessionJob) Counts() []rest.Count {
	return engine.CountsOf(j.run.tasks.Stats(), time.Now()) //nolint:forbidigo // for how long tasks have waited
}

// Cost is what the job has used, and what that costs.
func (j sessionJob) Cost() cost.Statement { return j.run.Cost() }

// Place is where a task runs.
func (j sessionJob) Place(t checkpoint.TaskID) rest.Place {
	if j.run.tasks.elsewhere() {
		id, address := j.run.tasks.place(t)
		return rest.Place{Worker: id, Endpoint: address}
	}
	return rest.Place{Worker: j.worker, Endpoint: "localhost:0"}
}

func (j sessionJob) Cancel() { j.run.Cancel(errors.New("the user has canceled it")) }

// Checkpoint takes a checkpoint.
func (j sessionJob) Checkpoint(ctx context.Context) (uint64, error) { return j.run.Checkpoint(ctx) }

// Savepoint makes a savepoint.
func (j sessionJob) Savepoint(ctx context.Context, dir string) (string, error) {
	return j.run.Savepoint(ctx, dir)
}

// Stop ends the job with a savepoint.
func (j sessionJob) Stop(ctx context.Context, dir string, drain bool) (string, error) {
	return j.run.StopWithSavepoint(ctx, dir, drain)
}

// Ask asks the process of a worker, or with "" this one.
func (s *Session) Ask(ctx context.Context, worker string, a rpc.Ask) (rpc.Answer, error) {
	if worker == "" || s.cluster == nil && worker == s.worker {
		return s.o.Logs.Answer(a), nil
	}
	if s.cluster == nil {
		return rpc.Answer{}, fmt.Errorf("%w: no worker %s", job.ErrInvalid, worker)
	}
	return s.cluster.Ask(ctx, worker, a)
}

// Workers are those that have registered, or this process.
func (s *Session) Workers() []rest.Worker {
	if s.cluster != nil {
		return clusterWorkers(s.cluster.Workers())
	}
	now := time.Now() //nolint:forbidigo // when this process was last heard of
	w := rest.Worker{
		ID: s.worker, Address: "localhost:0", Heartbeat: now, CPUs: runtime.NumCPU(), Slots: max(runtime.NumCPU(), s.slots()),
		Here: true, Process: s.process.Read(),
	}
	used := 0
	for _, j := range s.Jobs() {
		if of := j.Summary(); !of.Status.Terminal() && !of.Gear.Brief() {
			used += of.Slots
		}
	}
	w.Free = max(0, w.Slots-used)
	return []rest.Worker{w}
}

func clusterWorkers(all []cluster.Worker) []rest.Worker {
	workers := make([]rest.Worker, len(all))
	for i, w := range all {
		workers[i] = rest.Worker{
			ID: w.ID, Address: w.Data, Heartbeat: w.Heartbeat, Slots: w.Slots, Free: w.Slots - w.Used, CPUs: w.Cores, Process: w.Process,
		}
		if _, port, err := net.SplitHostPort(w.Data); err == nil {
			workers[i].DataPort, _ = strconv.Atoi(port)
		}
	}
	return workers
}

// slots is taskmanager.numberOfTaskSlots.
func (s *Session) slots() int {
	k := &keyReader{get: s.config.Get}
	return k.int(keySlots)
}
