package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Names finds jobs by pipeline.name in a checkpoint directory.
type Names struct {
	Store Store // its root is the checkpoint directory
	Now   func() stream.Timestamp
	Pause func(ctx context.Context, n int, cause error) error
}

// Newest is the newest job of this name and its number, or 0 when there is none.
func (n Names) Newest(ctx context.Context, name string) (id job.ID, number uint64, err error) {
	dir := nameDir(name)
	k := Keeper{Store: n.Store, Pause: n.Pause}
	var files []string
	err = k.retry(ctx, func() (err error) { files, err = n.Store.List(ctx, dir); return err })
	if err != nil {
		return "", 0, fmt.Errorf("look for jobs named %q: %w", name, err)
	}
	for _, f := range files {
		if i, ok := numbered(f, dir); ok {
			number = max(number, i)
		}
	}
	if number == 0 {
		return "", 0, nil
	}
	file := fmt.Sprintf("%s%d", dir, number)
	data, err := k.get(ctx, file)
	if err != nil {
		return "", 0, fmt.Errorf("read %s: %w", file, err)
	}
	r, err := decode[NameRecord]("name", file, data)
	return r.Job, number, err
}

// Claim makes id the job of this name with the number after the newest. An
// error that is job.ErrFenced says that another process did so first.
func (n Names) Claim(ctx context.Context, name string, number uint64, id job.ID, nonce string) error {
	file := fmt.Sprintf("%s%d", nameDir(name), number)
	doc := encode("name", NameRecord{Job: id, Nonce: nonce, Created: n.Now()})
	for try := 1; ; try++ {
		won, err := n.Store.PutIfAbsent(ctx, file, doc)
		if err == nil && won {
			return nil
		}
		if err == nil {
			var data []byte
			if data, err = n.Store.Get(ctx, file); err == nil {
				if r, err := decode[NameRecord]("name", file, data); err == nil && r.Nonce == nonce {
					return nil
				}
				return fmt.Errorf("%w: another process has just started a job named %q", job.ErrFenced, name)
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
		}
		if err := n.Pause(ctx, try, err); err != nil {
			return fmt.Errorf("claim the name %q: %w", name, err)
		}
	}
}
