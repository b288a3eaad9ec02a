package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// fork makes a checkpoint of another job, or a savepoint, the first checkpoint
// of this job: its runs are copied, and what it held to be published stays with
// that job.
func (d *driver) fork(ctx context.Context) error {
	r := &d.Restore
	if r.From == nil {
		dir := strings.Trim(r.Path, "/")
		r.From, r.Folder = checkpoint.Sub(d.Store, path.Dir(dir)), path.Base(dir)
	}
	file := path.Join(r.Folder, checkpoint.ManifestFile)
	data, err := r.From.Get(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no checkpoint at %s: %w", job.ErrInvalid, r.Path, err)
	}
	if err != nil {
		return fmt.Errorf("read checkpoint %s: %w", r.Path, err)
	}
	m, err := checkpoint.DecodeManifest(file, data)
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if m.Kind == checkpoint.Aborted {
		return fmt.Errorf("%w: %s is not a checkpoint: the epoch was aborted (%s)", job.ErrInvalid, r.Path, m.Reason)
	}
	savepoint := m.Kind == checkpoint.Owned
	if err := copyFiles(ctx, r.From, m.Home(r.Folder), d.keeper.Store, m); err != nil {
		return fmt.Errorf("restore %s: %w", r.Path, err)
	}
	me, number, err := d.keeper.TakeOver(ctx, checkpoint.Takeover{Me: checkpoint.Owner{Nonce: d.nonce}, NewTerm: true, NewGeneration: true})
	if err != nil {
		return err
	}
	m.Kind, m.Job, m.Name, m.Owner, m.Epoch, m.Parent = checkpoint.Complete, d.id, d.Graph.Name, me, number+1, 0
	m.Created, m.Pending = d.now(), nil
	if _, err := d.keeper.Claim(ctx, m); err != nil {
		return err
	}
	if r.Claim && savepoint {
		d.dropSavepoint(ctx)
	}
	return nil
}

// dropSavepoint removes a savepoint that is this job's now. What stays is
// garbage, and no reason not to run.
func (d *driver) dropSavepoint(ctx context.Context) {
	if err := checkpoint.Dispose(ctx, checkpoint.Sub(d.Restore.From, d.Restore.Folder)); err != nil {
		d.Log.Warn("a savepoint that was claimed stays", slog.String("path", d.Restore.Path), slog.Any("error", err))
	}
}
