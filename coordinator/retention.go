package coordinator

import (
	"context"
	"errors"
	"log/slog"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// Retention says which checkpoints of a job outlive it
// (execution.checkpointing.externalized-checkpoint-retention). Savepoints always do.
type Retention uint8

const (
	// RetainOnCancellation keeps the newest, however the job ends.
	RetainOnCancellation Retention = iota
	// DeleteOnCancellation keeps them only of a job that has failed.
	DeleteOnCancellation
	// NoExternalized keeps none.
	NoExternalized
)

// discards reports whether the job's checkpoints are deleted at this end of it. A
// job that was only stopped goes on from them, unless it has left a savepoint. What
// is not published yet is in a checkpoint: then it stays.
func (m *machine) discards(at End) bool {
	if !m.durable || m.settings.Retention == RetainOnCancellation {
		return false
	}
	for _, k := range m.sinks {
		if len(k.pending) > 0 {
			return false
		}
	}
	switch at {
	case Finished:
		return true
	case Canceled: // by somebody, and not with the process
		return !errors.Is(m.ending.err, job.ErrUnavailable)
	case Stopped:
		return !m.stop
	case Failed:
		return m.settings.Retention == NoExternalized
	case Fenced, Left:
	}
	return false
}

// terminal is the record of the end of the job, and whether there is one: a job
// that may go on has none.
func (m *machine) terminal() (checkpoint.Terminal, bool) {
	t := checkpoint.Terminal{State: checkpoint.Canceled, Owner: m.owner, Job: m.job, Discarded: m.discards(m.ending.state)}
	switch m.ending.state {
	case Finished:
		t.State = checkpoint.Finished
	case Failed:
		t.State, t.Reason = checkpoint.Failed, m.ending.err.Error()
	case Canceled, Stopped, Fenced, Left:
		if !t.Discarded {
			return t, false
		}
	}
	if m.manifest != nil {
		t.Epoch = m.manifest.Epoch
	}
	return t, m.durable && m.owner.Generation > 0
}

// record carries out Record: the checkpoints of a job are deleted when it is on
// record that it does not go on from them.
func (d *driver) record(ctx context.Context, t checkpoint.Terminal) error {
	if err := d.keeper.Record(ctx, t); err != nil || !t.Discarded {
		return err
	}
	if err := d.keeper.Discard(ctx); err != nil {
		d.Log.Warn("the checkpoints of a job that has ended stay", slog.Any("error", err))
	}
	return nil
}
