package state

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// store writes the logs of some epochs as one run.
func (t *table) store(ctx context.Context, to checkpoint.Store, logs []sealed, dropped stream.Timestamp) (checkpoint.Run, error) {
	all := t.gather(logs, dropped)
	defer all.release()
	order := all.unexpired(all.latest(t.m.o.Bugs))
	run := checkpoint.Run{Groups: t.m.o.Groups, Oldest: logs[0].epoch, Newest: logs[len(logs)-1].epoch}
	if len(order) == 0 {
		return run, nil
	}
	return t.write(ctx, to, all, order, run)
}

// write stores rows in this order as a run file.
func (t *table) write(ctx context.Context, to checkpoint.Store, all *rows, order vector.Sel, run checkpoint.Run) (checkpoint.Run, error) {
	data, err := encodeRun(t.m.o.Allocator, all, order, t.m.o.Compression)
	if err != nil {
		return run, err
	}
	run.Rows, run.Bytes, run.Sum = int64(len(order)), int64(len(data)), checkpoint.Sum(data)
	run.DroppedBefore, run.Latest = stream.Start, all.lastExpiry(order)
	run.File = checkpoint.RunFile(t.m.o.Generation, t.m.o.Task, run.Newest, run.Sum)
	if err := to.Put(ctx, run.File, data); err != nil {
		return run, fmt.Errorf("write run %s: %w", run.File, err)
	}
	return run, nil
}

// merge joins runs when there are more than MaxRuns: the newest ones, back to
// the first that is more than twice as large as all after it together. Every
// row is then rewritten a logarithmic number of times.
//
//	rows   900  100  8  9  5  2  1  1        MaxRuns 7
//	                 └───────────────┘ 26    100 > 2·26: it stays
//
// A tombstone hides rows of older runs. It is dropped when there are none: when
// the oldest run is among those merged.
func (t *table) merge(ctx context.Context, to checkpoint.Store, runs []checkpoint.Run, e stream.Epoch, dropped stream.Timestamp) ([]checkpoint.Run, error) {
	if t.spec == nil || len(runs) <= t.m.o.MaxRuns {
		return runs, nil
	}
	first := firstToMerge(runs)
	all, err := t.load(ctx, to, runs[first:], dropped)
	if err != nil {
		if errors.Is(err, checkpoint.ErrCorrupt) {
			return nil, err
		}
		return runs, nil // the store is busy: another time
	}
	defer all.release()
	order := all.latest(t.m.o.Bugs)
	if first == 0 || t.m.o.Bugs.TombstonesDropped {
		order = all.live(order)
	} else {
		order = all.unexpired(order)
	}
	kept := slices.Clone(runs[:first])
	if len(order) == 0 {
		return kept, nil
	}
	merged := checkpoint.Run{Groups: t.m.o.Groups, Oldest: runs[first].Oldest, Newest: e}
	for _, r := range runs[first:] {
		merged.Oldest = min(merged.Oldest, r.Oldest)
	}
	if merged, err = t.write(ctx, to, all, order, merged); err != nil {
		return runs, nil
	}
	return append(kept, merged), nil
}

func firstToMerge(runs []checkpoint.Run) int {
	first, total := len(runs)-1, runs[len(runs)-1].Rows
	for first > 0 && (runs[first-1].Rows <= 2*total || first == len(runs)-1) {
		first--
		total += runs[first].Rows
	}
	return first
}
