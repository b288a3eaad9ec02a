package wadi

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Checkpoint describes a checkpoint that stands in a checkpoint directory.
type Checkpoint struct {
	Path    string // of the checkpoint: <directory>/<job id>/chk-<n>
	Job     string // pipeline.name
	Epoch   uint64
	Created time.Time
	// Aborted is why the number holds no checkpoint, or "".
	Aborted string
	Tables  []StateTable
	// Pending is how many epochs were staged and not yet known to be published.
	Pending int
}

// StateTable is one table of an operator's state.
type StateTable struct {
	UID   string // of the operator
	Name  string
	Runs  int
	Rows  int64 // in all runs: an upper bound of the rows that stand
	Bytes int64
}

// Checkpoints lists the checkpoints and savepoints below a directory, by job and
// epoch.
func (e *Env) Checkpoints(ctx context.Context, dir string) ([]Checkpoint, error) {
	b, err := e.stores.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	names, err := b.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []Checkpoint
	for _, n := range names {
		if depth := strings.Count(n, "/"); path.Base(n) != "_metadata" || depth > 2 {
			continue
		}
		data, err := b.Get(ctx, n)
		if err != nil {
			return nil, err
		}
		m, err := checkpoint.DecodeManifest(n, data)
		if err != nil {
			return nil, err
		}
		all = append(all, describe(b.URL(path.Dir(n)), m))
	}
	slices.SortFunc(all, func(x, y Checkpoint) int {
		if c := strings.Compare(path.Dir(x.Path), path.Dir(y.Path)); c != 0 {
			return c
		}
		return cmp.Compare(x.Epoch, y.Epoch)
	})
	return all, nil
}

func describe(at string, m *checkpoint.Manifest) Checkpoint {
	c := Checkpoint{Path: at, Job: m.Name, Epoch: uint64(m.Epoch), Created: time.UnixMilli(int64(m.Created)).UTC()}
	if m.Kind == checkpoint.Aborted {
		c.Aborted = m.Reason
		if c.Aborted == "" {
			c.Aborted = "aborted"
		}
	}
	for _, p := range m.Pending {
		c.Pending = max(c.Pending, len(p))
	}
	for _, t := range tablesOf(m) {
		s := StateTable{UID: t.UID, Name: t.Name, Runs: len(t.Runs)}
		for _, r := range t.Runs {
			s.Rows += r.Rows
			s.Bytes += r.Bytes
		}
		c.Tables = append(c.Tables, s)
	}
	return c
}

// tablesOf joins what the tasks of each operator hold.
func tablesOf(m *checkpoint.Manifest) []checkpoint.TableState {
	var all []checkpoint.TableState
	for _, h := range m.Handles {
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

// State yields the rows of one table of a checkpoint, whose path is that of
// its directory or of its _metadata. Records are valid until the next.
func (e *Env) State(ctx context.Context, checkpointPath, uid, table string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		store, m, err := e.manifest(ctx, checkpointPath)
		if err != nil {
			yield(nil, err)
			return
		}
		found := false
		for _, h := range m.Handles {
			for _, t := range h.Tables {
				if t.UID != uid || t.Name != table {
					continue
				}
				found = true
				for rec, err := range state.Read(ctx, store, t, mem.Default()) {
					if !yield(rec, err) || err != nil {
						return
					}
				}
			}
		}
		if !found {
			yield(nil, fmt.Errorf("%w: checkpoint %s has no table %s of %s", job.ErrInvalid, checkpointPath, table, uid))
		}
	}
}

// Checkpoint describes the checkpoint at a path.
func (e *Env) Checkpoint(ctx context.Context, checkpointPath string) (Checkpoint, error) {
	_, m, err := e.manifest(ctx, checkpointPath)
	if err != nil {
		return Checkpoint{}, err
	}
	return describe(checkpointPath, m), nil
}

// manifest reads a manifest, and opens the directory of its job.
func (e *Env) manifest(ctx context.Context, checkpointPath string) (checkpoint.Store, *checkpoint.Manifest, error) {
	at := strings.TrimSuffix(strings.TrimSuffix(checkpointPath, "/"), "/_metadata")
	dir, claim := path.Split(strings.TrimSuffix(at, "/"))
	b, err := e.stores.Open(ctx, strings.TrimSuffix(dir, "/"), nil)
	if err != nil {
		return nil, nil, err
	}
	name := claim + "/_metadata"
	data, err := b.Get(ctx, name)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: there is no checkpoint at %s: %w", job.ErrInvalid, checkpointPath, err)
	}
	m, err := checkpoint.DecodeManifest(name, data)
	if err != nil {
		return nil, nil, err
	}
	if home := m.Home(claim); home != "" {
		return checkpoint.Sub(b, home), m, nil
	}
	return b, m, nil
}
