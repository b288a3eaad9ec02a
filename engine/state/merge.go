package state

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// add returns the runs and one of fresh rows, some of them merged when they are too
// many. It takes the rows over.
func (t frozenTable) add(ctx context.Context, to checkpoint.Store, runs []checkpoint.Run, fresh *rows, oldest, newest stream.Epoch) ([]checkpoint.Run, error) {
	defer func() { fresh.release() }()
	order := fresh.unexpired(fresh.latest(t.m.o.Bugs))
	if len(order) == 0 {
		return runs, nil
	}
	run := checkpoint.Run{Groups: t.m.o.Groups, Rows: int64(len(order)), Oldest: oldest, Newest: newest}
	kept := runs
	if len(runs) >= t.m.o.MaxRuns {
		all, first, err := t.merge(ctx, to, append(slices.Clone(runs), run), fresh)
		if err != nil {
			return nil, err
		}
		if all != nil {
			fresh, kept = all, runs[:first]
			order = all.unexpired(all.latest(t.m.o.Bugs))
			if first == 0 || t.m.o.Bugs.TombstonesDropped {
				order = all.live(order)
			}
			for _, r := range runs[first:] {
				run.Oldest = min(run.Oldest, r.Oldest)
			}
		}
	}
	if len(order) == 0 {
		return slices.Clone(kept), nil
	}
	run, err := t.write(ctx, to, fresh, order, run)
	return append(slices.Clone(kept), run), err
}

// write stores rows in this order as a run file.
func (t *table) write(ctx context.Context, to checkpoint.Store, all *rows, order vector.Sel, run checkpoint.Run) (checkpoint.Run, error) {
	at := []int{0, len(order)}
	if !t.local {
		at = cuts(func(i int) uint16 { return all.group[order[i]] }, len(order), t.m.o.PartRows)
	}
	data, err := encodeRun(t.m.o.Allocator, all, order, t.m.o.Compression, at)
	if err != nil {
		return run, err
	}
	run.Rows, run.Bytes, run.Sum = int64(len(order)), int64(len(data)), checkpoint.Sum(data)
	if len(at) > 2 {
		first := make([]uint16, len(at)-1)
		for i := range first {
			first[i] = all.group[order[at[i]]]
		}
		if err := describe(&run, data, first); err != nil {
			return run, err
		}
	}
	run.DroppedBefore, run.Latest = stream.Start, all.lastExpiry(order)
	run.File = checkpoint.RunFile(t.m.o.Generation, t.m.o.Task, run.Newest, run.Sum)
	if err := to.Put(ctx, run.File, data); err != nil {
		return run, fmt.Errorf("write run %s: %w", run.File, err)
	}
	return run, nil
}

// merge joins the newest runs, of which the last is the fresh one: back to the
// first that is more than twice as large as all after it together. Every row is
// then rewritten a logarithmic number of times.
//
//	rows   900  100  8  9  5  2  1  1        MaxRuns 7
//	                 └───────────────┘ 26    100 > 2·26: it stays
//
// A tombstone hides rows of older runs. It is dropped when there are none: when
// the oldest run is among those merged.
//
// It returns the rows from run first on, in place of fresh, or nil when the
// store is busy, and then the runs are merged another time, or when they are more
// than memory takes.
func (t frozenTable) merge(ctx context.Context, to checkpoint.Store, runs []checkpoint.Run, fresh *rows) (all *rows, first int, err error) {
	first = t.firstToMerge(runs)
	if first == len(runs)-1 {
		return nil, 0, nil
	}
	old, err := t.load(ctx, to, runs[first:len(runs)-1], t.dropped)
	if errors.Is(err, checkpoint.ErrCorrupt) {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, nil //nolint:nilerr // an upload does not need the merge
	}
	return concat(t.m.o.Allocator, []*rows{old, fresh}), first, nil
}

func (t *table) firstToMerge(runs []checkpoint.Run) int {
	most := int64(math.MaxInt64)
	if t.scarce() {
		most = coldMerge * int64(t.m.o.PieceRows)
	}
	first, total := len(runs)-1, runs[len(runs)-1].Rows
	for first > 0 && (runs[first-1].Rows <= 2*total || first == len(runs)-1) && total+runs[first-1].Rows <= most {
		first--
		total += runs[first].Rows
	}
	return first
}
