package wadi

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
)

// restoreOf is what a job begins with; dir is its checkpoint directory, or "".
func (e *Env) restoreOf(ctx context.Context, r Restore, dir string) (coordinator.Restore, error) {
	switch r {
	case RestoreRefuse:
		return coordinator.Restore{Mode: coordinator.RestoreRefuse}, nil
	case RestoreNone:
		return coordinator.Restore{Mode: coordinator.RestoreNone}, nil
	case RestoreLatest:
		return coordinator.Restore{Mode: coordinator.RestoreLatest}, nil
	}
	at := strings.TrimSuffix(strings.TrimRight(string(r), "/"), "/"+checkpoint.ManifestFile)
	if dir == "" {
		return coordinator.Restore{}, fmt.Errorf("%w: to go on from %s, the job needs a checkpoint directory: SET '%s'", job.ErrInvalid, at, keyCheckpointDir)
	}
	c := coordinator.Restore{Mode: coordinator.RestorePath, Path: at, Claim: strings.EqualFold(e.Config(keyClaimMode), "CLAIM")}
	if belowDirectory(at) {
		return c, nil
	}
	parent, folder := statetable.CutFolder(at)
	b, err := e.stores.Open(ctx, parent, nil)
	if err != nil {
		return c, fmt.Errorf("open %s: %w", at, err)
	}
	c.From, c.Folder = b, folder
	return c, nil
}

// belowDirectory reports whether a path is <job id>/chk-<n>, below the
// checkpoint directory of the job that is to start.
func belowDirectory(at string) bool {
	return strings.Count(at, "/") == 1 && !strings.HasPrefix(at, "/") && strings.HasPrefix(path.Base(at), "chk-")
}

// savepoints opens the folder of a new savepoint and says its URL.
func (e *Env) savepoints(ctx context.Context, target, folder string) (checkpoint.Store, string, error) {
	b, err := e.stores.Open(ctx, strings.TrimRight(target, "/")+"/"+folder, nil)
	if err != nil {
		return nil, "", err
	}
	return b, b.Root(), nil
}

// DisposeSavepoint removes a savepoint. A checkpoint, which belongs to its job,
// is refused.
func (e *Env) DisposeSavepoint(ctx context.Context, at string) error {
	at = strings.TrimSuffix(strings.TrimRight(at, "/"), "/"+checkpoint.ManifestFile)
	parent, folder := statetable.CutFolder(at)
	b, err := e.stores.Open(ctx, parent, nil)
	if err != nil {
		return err
	}
	if err := checkpoint.Dispose(ctx, checkpoint.Sub(b, folder)); err != nil {
		return fmt.Errorf("dispose %s: %w", at, err)
	}
	return nil
}

// Checkpoint takes a checkpoint now, and returns its number.
func (r *Run) Checkpoint(ctx context.Context) (uint64, error) {
	a, err := r.ask(ctx, coordinator.Request{Want: coordinator.WantCheckpoint})
	return uint64(a.Epoch), err
}

// Savepoint makes a savepoint in a folder of dir and returns its URL; the job
// goes on. "" is execution.checkpointing.savepoint-dir or, without it, the
// checkpoint directory. Any number of jobs may start from a savepoint, at any
// parallelism and wherever it is moved.
func (r *Run) Savepoint(ctx context.Context, dir string) (string, error) {
	a, err := r.ask(ctx, coordinator.Request{Want: coordinator.WantSavepoint, Target: dir})
	return a.Path, err
}

// StopWithSavepoint ends the job with a savepoint, as Savepoint makes it. With
// drain set, the job ends as if its input had: windows fire, and nothing can go
// on from the savepoint. When it fails, the job goes on.
func (r *Run) StopWithSavepoint(ctx context.Context, dir string, drain bool) (string, error) {
	want := coordinator.WantStop
	if drain {
		want = coordinator.WantDrain
	}
	a, err := r.ask(ctx, coordinator.Request{Want: want, Target: dir})
	if err != nil {
		return "", err
	}
	select {
	case <-r.done:
		_, err = r.Wait()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return a.Path, err
}

// savepoints is where savepoints go when nobody says where.
func (r *Run) savepoints() string {
	if dir := r.config[keySavepointDir]; dir != "" {
		return dir
	}
	return r.checkpoints
}

// ask sends a request to the coordinator of the job and waits for the answer.
func (r *Run) ask(ctx context.Context, q coordinator.Request) (coordinator.Answer, error) {
	if q.Target == "" {
		q.Target = r.savepoints()
	}
	answers := make(chan coordinator.Answer, 1)
	q.Answer = func(a coordinator.Answer) { answers <- a }
	select {
	case r.asks <- q:
	case <-r.done:
	case <-ctx.Done():
		return coordinator.Answer{}, ctx.Err()
	}
	select {
	case a := <-answers:
		return a, a.Err
	case <-ctx.Done():
		return coordinator.Answer{}, ctx.Err()
	case <-r.done:
	}
	select {
	case a := <-answers: // its last words
		return a, a.Err
	default:
		return coordinator.Answer{}, fmt.Errorf("%w: the job has ended", job.ErrInvalid)
	}
}
