package wadi

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/job"
)

// storedQuiet is for how long nothing of a job has been written that is gone,
// although this cluster does not know of it: it may be another's.
const storedQuiet = time.Hour

// Stored are the jobs whose checkpoints are in the cluster's directory.
func (s *Session) Stored(ctx context.Context) ([]rest.StoredJob, error) {
	e, at, err := s.storage(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.Close() }() // nothing runs in it
	return e.StoredJobs(ctx, at)
}

// RemoveStored deletes the checkpoints of a job that is gone.
func (s *Session) RemoveStored(ctx context.Context, id job.ID) (int64, error) {
	e, at, err := s.storage(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = e.Close() }() // nothing runs in it
	return e.RemoveStoredJob(ctx, at, id)
}

// storage is the cluster's directory, with the jobs that it knows to run.
func (s *Session) storage(ctx context.Context) (*Env, Storage, error) {
	e, err := s.env(nil, 0)
	if err != nil {
		return nil, Storage{}, err
	}
	at := Storage{Directory: e.Config(keyCheckpointDir), Quiet: storedQuiet}
	if at.Directory == "" {
		_ = e.Close() // nothing was opened
		return nil, at, fmt.Errorf("%w: the cluster has no directory for checkpoints ('%s')", job.ErrInvalid, keyCheckpointDir)
	}
	to, err := e.JobsToGoOn(ctx)
	if err != nil {
		_ = e.Close() // the error is the one to tell
		return nil, at, err
	}
	at.Runs = func(id job.ID) bool {
		j, ok := s.jobs.find(string(id))
		return to[id] || ok && j.run.running()
	}
	return e, at, nil
}

// JobsToGoOn are the jobs that a cluster with high availability has on record, by
// whichever coordinator; none without.
func (e *Env) JobsToGoOn(ctx context.Context) (map[job.ID]bool, error) {
	store, err := e.haStore(ctx)
	if err != nil || store == nil {
		return nil, err
	}
	names, err := store.List(ctx, "jobs/")
	if err != nil {
		return nil, fmt.Errorf("%w: list the jobs of the cluster: %w", job.ErrUnavailable, err)
	}
	all := map[job.ID]bool{}
	for _, n := range names {
		all[job.ID(path.Base(n))] = true
	}
	return all, nil
}
