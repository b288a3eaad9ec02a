// Package state keeps keyed state and moves it to object storage as sorted
// columnar runs.
package state

import (
	"context"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Backend owns the tables of all operators of one task.
type Backend interface {
	// Table opens the table spec.Name of the operator with this UID.
	Table(uid string, spec ops.TableSpec) (ops.Table, error)
	// Durable says whether tables keep what they are told.
	Durable() bool
	// Freeze fixes the state at the end of epoch e. It is quick and is the only
	// part of a checkpoint that stops rows.
	Freeze(e stream.Epoch) (Frozen, error)
	// Confirm says that the checkpoint of epoch e is claimed: what was frozen
	// up to it need not be kept for the next one.
	Confirm(e stream.Epoch)
	// Close ends the use of the tables. What was frozen before can still be
	// uploaded.
	Close() error
}

// Frozen is state that no longer changes.
type Frozen interface {
	// Upload copies what storage lacks and returns the whole state as of the
	// epoch: earlier runs and new ones. It runs beside the task; uploads of one
	// task do not overlap and are in epoch order. The store's root is the
	// directory of the job.
	Upload(ctx context.Context, to checkpoint.Store) ([]checkpoint.TableState, error)
	Release()
}
