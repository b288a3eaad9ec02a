package objstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sweeper is a Driver on which a process that dies leaves something of the
// objects that it was writing.
type Sweeper interface {
	Driver
	// Sweep removes it, of objects whose keys start with prefix.
	Sweep(ctx context.Context, prefix string) error
}

// Sweep removes what writes that were never finished have left of objects whose
// names start with prefix: temporary files, and the parts of uploads. Nobody may
// be writing there.
func (b *Bucket) Sweep(ctx context.Context, prefix string) error {
	_, err := retry(ctx, b, OpDelete, "sweep", prefix, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.driver.sweep(ctx, prefix)
	})
	return err
}

// Sweep implements Sweeper. A temporary file stands beside what it was to become.
func (d fileDriver) Sweep(ctx context.Context, prefix string) error {
	dir, err := d.path(prefix)
	if err != nil {
		return err
	}
	dirs := map[string]bool{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), tempPrefix) {
			dirs[filepath.Dir(path)] = true
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for dir := range dirs {
		d.prune(dir)
	}
	return reason(err)
}
