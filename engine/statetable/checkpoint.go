package statetable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
)

// Opener opens the store below a path or URL.
type Opener func(ctx context.Context, url string) (checkpoint.Store, error)

// Checkpoint is a checkpoint or a savepoint that is looked into.
type Checkpoint struct {
	*checkpoint.Manifest
	// Store is the directory below which the runs of the manifest are.
	Store checkpoint.Store
	// Path is that by which people call it.
	Path string
}

// Open reads the manifest of a checkpoint or savepoint, whose path is that of its
// folder or of the _metadata in it. That there is none is job.ErrInvalid.
func Open(ctx context.Context, open Opener, path string) (Checkpoint, error) {
	at := strings.TrimSuffix(strings.TrimRight(path, "/"), "/"+checkpoint.ManifestFile)
	dir, folder := CutFolder(at)
	s, err := open(ctx, dir)
	if err != nil {
		return Checkpoint{}, err
	}
	name := folder + "/" + checkpoint.ManifestFile
	data, err := s.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, fmt.Errorf("%w: there is no checkpoint at %s: %w", job.ErrInvalid, path, err)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	m, err := checkpoint.DecodeManifest(name, data)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	c := Checkpoint{Manifest: m, Store: s, Path: at}
	if home := m.Home(folder); home != "" {
		c.Store = checkpoint.Sub(s, home)
	}
	return c, nil
}

// CutFolder cuts a path or URL before its last folder.
func CutFolder(at string) (parent, folder string) {
	i := strings.LastIndexByte(at, '/')
	if i < 0 {
		return ".", at
	}
	return at[:max(i, 1)], at[i+1:]
}

// Tables are the tables of all operators, each joined from its tasks, in the
// order in which the manifest names them.
func (c Checkpoint) Tables() []checkpoint.TableState {
	var all []checkpoint.TableState
	for _, h := range c.Handles {
		for _, t := range h.Tables {
			i := slices.IndexFunc(all, func(o checkpoint.TableState) bool { return o.UID == t.UID && o.Name == t.Name })
			if i < 0 {
				t.Runs = slices.Clone(t.Runs)
				all = append(all, t)
				continue
			}
			all[i].Runs = append(all[i].Runs, t.Runs...)
		}
	}
	return all
}

// Parts are what each task holds of a table, without those that hold nothing. An
// error that is job.ErrInvalid names what there is instead.
func (c Checkpoint) Parts(uid, table string) ([]checkpoint.TableState, error) {
	if err := c.check(uid, table); err != nil {
		return nil, err
	}
	var parts []checkpoint.TableState
	for _, h := range c.Handles {
		for _, t := range h.Tables {
			if t.UID == uid && t.Name == table && len(t.Runs) > 0 {
				parts = append(parts, t)
			}
		}
	}
	return parts, nil
}

// maxNamed is how many names an error lists.
const maxNamed = 20

func (c Checkpoint) check(uid, table string) error {
	var uids, tables []string
	for _, t := range c.Tables() {
		if t.UID == uid {
			tables = append(tables, t.Name)
		}
		if !slices.Contains(uids, t.UID) {
			uids = append(uids, t.UID)
		}
	}
	switch {
	case len(uids) == 0:
		return fmt.Errorf("%w: checkpoint %s holds no state%s", job.ErrInvalid, c.Path, c.why())
	case len(tables) == 0:
		return fmt.Errorf("%w: checkpoint %s has no operator '%s'%s", job.ErrInvalid, c.Path, uid, instead(uid, uids))
	case !slices.Contains(tables, table):
		return fmt.Errorf("%w: operator %s of checkpoint %s has no table '%s'%s", job.ErrInvalid, uid, c.Path, table, instead(table, tables))
	}
	return nil
}

// why says of an aborted epoch that it was.
func (c Checkpoint) why() string {
	if c.Kind != checkpoint.Aborted {
		return ""
	}
	return ": its epoch was aborted (" + c.Reason + ")"
}

// instead is the name that may have been meant, or else all that there are.
func instead(name string, known []string) string {
	if near := nearest.Hint(name, known, "'"); near != "" {
		return near
	}
	if len(known) > maxNamed {
		return fmt.Sprintf("; there are %s and %d more", strings.Join(known[:maxNamed], ", "), len(known)-maxNamed)
	}
	return "; there are " + strings.Join(known, ", ")
}
