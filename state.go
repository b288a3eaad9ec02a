package wadi

import (
	"cmp"
	"context"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/engine/statetable"
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
		all = append(all, describe(b.URL(path.Dir(n)), statetable.Checkpoint{Manifest: m}))
	}
	slices.SortFunc(all, func(x, y Checkpoint) int {
		if c := strings.Compare(path.Dir(x.Path), path.Dir(y.Path)); c != 0 {
			return c
		}
		return cmp.Compare(x.Epoch, y.Epoch)
	})
	return all, nil
}

func describe(at string, m statetable.Checkpoint) Checkpoint {
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
	for _, t := range m.Tables() {
		s := StateTable{UID: t.UID, Name: t.Name, Runs: len(t.Runs)}
		for _, r := range t.Runs {
			s.Rows += r.Rows
			s.Bytes += r.Bytes
		}
		c.Tables = append(c.Tables, s)
	}
	return c
}

// State yields the rows of one table of a checkpoint, whose path is that of
// its directory or of its _metadata. Records are valid until the next.
func (e *Env) State(ctx context.Context, checkpointPath, uid, table string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		c, err := statetable.Open(ctx, e.openState, checkpointPath)
		if err != nil {
			yield(nil, err)
			return
		}
		parts, err := c.Parts(uid, table)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, t := range parts {
			for rec, err := range state.Read(ctx, c.Store, t, nil, mem.Default()) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

// Checkpoint describes the checkpoint at a path.
func (e *Env) Checkpoint(ctx context.Context, checkpointPath string) (Checkpoint, error) {
	c, err := statetable.Open(ctx, e.openState, checkpointPath)
	if err != nil {
		return Checkpoint{}, err
	}
	return describe(checkpointPath, c), nil
}

// openState opens the store below a path or URL.
func (e *Env) openState(ctx context.Context, url string) (checkpoint.Store, error) {
	b, err := e.stores.Open(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	return b, nil
}
