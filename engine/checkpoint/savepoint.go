package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/wadi-engine/wadi/job"
)

// ManifestFile is the name of a manifest in the folder of its checkpoint.
const ManifestFile = "_metadata"

// Home is the folder below which the runs of a manifest are, when it was read
// from a folder: a savepoint holds its own, those of a checkpoint are beside it.
func (m *Manifest) Home(folder string) string {
	if m.Kind == Owned {
		return folder
	}
	return ""
}

// Dispose removes a savepoint, whose folder is the root of s: first its
// manifest, so that what is half removed is no savepoint. Anything but a
// savepoint is job.ErrInvalid.
func Dispose(ctx context.Context, s Store) error {
	data, err := s.Get(ctx, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no savepoint: %w", job.ErrInvalid, err)
	}
	if err != nil {
		return fmt.Errorf("read the savepoint: %w", err)
	}
	m, err := DecodeManifest(ManifestFile, data)
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if m.Kind != Owned {
		return fmt.Errorf("%w: it is a checkpoint of job %s, which belongs to the job, and no savepoint", job.ErrInvalid, m.Job)
	}
	files := []string{ManifestFile}
	for _, f := range m.Files() {
		files = append(files, f.Name)
	}
	for _, f := range files {
		if err := s.Delete(ctx, f); err != nil {
			return fmt.Errorf("remove %s: %w", f, err)
		}
	}
	return nil
}
