package checkpoint

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Copies is a store that keeps what this process has written and read of state on
// local disk, too: tasks that are started again here read it there, and only what
// others have written comes from the store. It is right without any of it: a file's
// name holds the checksum of its bytes, and one that is missing or damaged is read
// from the store.
type Copies struct {
	Store
	// Dir is the directory of the copies, which nobody else uses.
	Dir string
	// Local says that copies are read, and not only kept.
	Local bool
	// Room limits how much is kept; nil does not.
	Room *Room
	Log  *slog.Logger

	broken sync.Once // the disk has failed, and it was said
}

// sumIn is the checksum in the name of a file of state, or "".
func sumIn(name string) string {
	dir, file := filepath.Split(name)
	if !strings.HasSuffix(dir, "/"+Shared) {
		return ""
	}
	file = strings.TrimSuffix(file, filepath.Ext(file))
	return file[strings.LastIndexByte(file, '-')+1:]
}

func (c *Copies) at(name string) string { return filepath.Join(c.Dir, filepath.FromSlash(name)) }

// Put implements Store.
func (c *Copies) Put(ctx context.Context, name string, data []byte) error {
	err := c.Store.Put(ctx, name, data)
	if err == nil {
		c.keep(name, data)
	}
	return err
}

// Get implements Store.
func (c *Copies) Get(ctx context.Context, name string) ([]byte, error) {
	sum := sumIn(name)
	if sum != "" && c.Local {
		if data, err := os.ReadFile(c.at(name)); err == nil && Sum(data) == sum {
			c.Room.use(c.at(name), int64(len(data)))
			return data, nil
		}
	}
	data, err := c.Store.Get(ctx, name)
	if err == nil {
		c.keep(name, data)
	}
	return data, err
}

// GetRange implements Store. What is read of a file that is not here is not kept.
func (c *Copies) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	sum := sumIn(name)
	if sum != "" && c.Local {
		if data, err := os.ReadFile(c.at(name)); err == nil && Sum(data) == sum && at >= 0 && n >= 0 && at <= int64(len(data))-n {
			c.Room.use(c.at(name), int64(len(data)))
			return data[at : at+n], nil
		}
	}
	return c.Store.GetRange(ctx, name, at, n)
}

// keep writes a copy of a file of state. That there is none harms nobody.
func (c *Copies) keep(name string, data []byte) {
	path := c.at(name)
	if sumIn(name) == "" || !c.Room.use(path, int64(len(data))) {
		return
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		_ = os.Remove(path) // what is half written is not read, but takes room
		c.broken.Do(func() {
			c.Log.Warn("state is not kept on local disk", slog.String("dir", c.Dir), slog.Any("error", err))
		})
	}
}

// Prune removes the copies of the files of a job that are not among these: they are
// not part of its newest checkpoint here.
func (c *Copies) Prune(folder string, needed map[string]bool) {
	dir := filepath.Join(c.Dir, filepath.FromSlash(folder), Shared)
	files, err := os.ReadDir(dir)
	if err != nil {
		return // there are none
	}
	for _, f := range files {
		if !needed[Shared+f.Name()] {
			_ = os.Remove(filepath.Join(dir, f.Name())) // it goes with the directory
		}
	}
}

// Close removes all copies.
func (c *Copies) Close() error { return os.RemoveAll(c.Dir) }
