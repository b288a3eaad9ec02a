package wadi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// StoredJob is a job whose checkpoints are in storage.
type StoredJob = rest.StoredJob

// Storage is where jobs are looked for whose checkpoints nobody goes on from.
type Storage struct {
	// Directory is that of checkpoints.
	Directory string
	// Runs says which jobs run, and which are to go on.
	Runs func(id job.ID) bool
	// Quiet is for how long nothing has been written of a job that is gone without
	// having ended: Runs may know nothing of it.
	Quiet time.Duration
	// Now is the time; the zero time is that of the clock.
	Now time.Time
}

// StoredJobs lists the jobs in a directory for checkpoints, the largest first. A job
// is gone when it is on record as over, or when a newer job has its name: nothing
// but its ID leads to its checkpoints then, and savepoints and jobs that started
// from them have copies. Who may go on by its name is not gone, and neither is who
// cannot be told.
func (e *Env) StoredJobs(ctx context.Context, s Storage) ([]StoredJob, error) {
	b, err := e.stores.Open(ctx, s.Directory, nil)
	if err != nil {
		return nil, err
	}
	found, err := storedFiles(ctx, b)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := s.judge(ctx, b, &found[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(x, y StoredJob) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), strings.Compare(string(x.ID), string(y.ID)))
	})
	return found, nil
}

// RemoveStoredJob deletes the checkpoints of a job that is gone, and says how many
// bytes they had. It looks again before it does.
func (e *Env) RemoveStoredJob(ctx context.Context, s Storage, id job.ID) (int64, error) {
	b, err := e.stores.Open(ctx, s.Directory, nil)
	if err != nil {
		return 0, err
	}
	found, err := storedFiles(ctx, b)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(found, func(j StoredJob) bool { return j.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("%w: there are no checkpoints of job %s in %s", job.ErrInvalid, id, s.Directory)
	}
	j := &found[i]
	if err := s.judge(ctx, b, j); err != nil {
		return 0, err
	}
	if !j.Gone {
		return 0, fmt.Errorf("%w: the checkpoints of job %s stay: %s", job.ErrInvalid, id, j.State)
	}
	k := s.keeper(b, id)
	if f, err := k.Load(ctx, nil); err != nil {
		return 0, err
	} else if _, over := checkpoint.Decide(checkpoint.Owner{}, f).(checkpoint.Done); !over {
		if err := k.Abandon(ctx, newID(), "its checkpoints were removed"); err != nil {
			return 0, err
		}
	}
	return j.Bytes, k.Discard(ctx)
}

// storedFiles adds up what is in the directory of each job that has checkpoints.
func storedFiles(ctx context.Context, b *objstore.Bucket) ([]StoredJob, error) {
	files, err := b.Walk(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []StoredJob
	at := map[job.ID]int{}
	for _, f := range files {
		dir, rest, _ := strings.Cut(f.Name, "/")
		id := job.ID(dir)
		if !isJobID(dir) || rest == "" {
			continue
		}
		i, ok := at[id]
		if !ok {
			i = len(all)
			at[id] = i
			all = append(all, StoredJob{ID: id})
		}
		j := &all[i]
		j.ChangedMillis = max(j.ChangedMillis, f.ModTime.UnixMilli())
		if strings.HasPrefix(rest, checkpoint.Shared) || path.Base(rest) == checkpoint.ManifestFile {
			j.Files++
			j.Bytes += f.Size
		}
	}
	return slices.DeleteFunc(all, func(j StoredJob) bool { return j.Files == 0 }), nil
}

// isJobID reports whether a name is 32 lower-case hex digits.
func isJobID(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

func (s Storage) now() time.Time {
	if s.Now.IsZero() {
		return engine.WallClock{}.Now()
	}
	return s.Now
}

func (s Storage) keeper(b *objstore.Bucket, id job.ID) checkpoint.Keeper {
	return checkpoint.Keeper{
		Store: checkpoint.Sub(b, checkpoint.JobDir(id)), Job: id, Pause: giveUp,
		Now: func() stream.Timestamp { return stream.Timestamp(s.now().UnixMilli()) },
	}
}

// giveUp tries nothing twice: the store has done so.
func giveUp(_ context.Context, _ int, cause error) error {
	return fmt.Errorf("%w: %w", job.ErrUnavailable, cause)
}

// judge finds out how a job stands. Only a store that does not answer is an error.
func (s Storage) judge(ctx context.Context, b *objstore.Bucket, j *StoredJob) error {
	k := s.keeper(b, j.ID)
	f, err := k.Load(ctx, nil)
	switch {
	case errors.Is(err, job.ErrUnavailable):
		return err
	case err != nil:
		j.State = "it cannot be read: " + err.Error()
		return nil
	}
	for _, c := range f.Claims {
		if c.Err != nil {
			j.State = "a checkpoint cannot be read: " + c.Err.Error()
			return nil
		}
		if c.Manifest.Name != "" {
			j.Name = c.Manifest.Name
		}
	}
	if s.Runs != nil && s.Runs(j.ID) {
		j.State = "it runs"
		return nil
	}
	if j.State, j.Gone, err = s.fate(ctx, b, j, f); err != nil || !j.Gone {
		return err
	}
	if quiet := s.now().Sub(time.UnixMilli(j.ChangedMillis)); f.Terminal == nil && quiet < s.Quiet {
		j.Gone = false
		j.State += fmt.Sprintf(", but written to %v ago, and less than %v", quiet.Round(time.Second), s.Quiet)
	}
	return nil
}

// fate says what is on record of a job.
func (s Storage) fate(ctx context.Context, b *objstore.Bucket, j *StoredJob, f checkpoint.Facts) (state string, gone bool, err error) {
	if _, over := checkpoint.Decide(checkpoint.Owner{}, f).(checkpoint.Done); over {
		return string(f.Terminal.State), true, nil
	}
	if j.Name == "" {
		return "it has no checkpoint that is complete", false, nil
	}
	newest, number, err := checkpoint.Names{Store: b, Pause: giveUp}.Newest(ctx, j.Name)
	switch {
	case errors.Is(err, job.ErrUnavailable):
		return "", false, err
	case err != nil:
		return "its name cannot be read: " + err.Error(), false, nil
	case number == 0:
		return "its name is not known here", false, nil
	case newest != j.ID:
		return fmt.Sprintf("left behind: job %s has its name", newest), true, nil
	case f.Terminal != nil:
		return string(f.Terminal.State) + "; it may go on from its latest", false, nil
	}
	return "it may go on from its latest", false, nil
}
