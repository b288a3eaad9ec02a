package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
)

// enumerator gives splits that are planned once.
type enumerator struct {
	of    string // for errors
	plan  func(ctx context.Context) ([]ops.Split, error)
	state struct {
		Planned bool        `json:"planned"`
		Splits  []ops.Split `json:"splits,omitempty"`
	}
}

func newEnumerator(of string, plan func(ctx context.Context) ([]ops.Split, error), state []byte) (*enumerator, error) {
	e := &enumerator{of: of, plan: plan}
	if state != nil {
		if err := json.Unmarshal(state, &e.state); err != nil {
			return nil, fmt.Errorf("%w: state of the source of %s: %w", job.ErrInvalid, of, err)
		}
	}
	return e, nil
}

// Discover implements ops.SplitEnumerator.
func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	if e.state.Planned {
		return true, nil
	}
	splits, err := e.plan(ctx)
	if err != nil {
		return false, err
	}
	e.state.Planned, e.state.Splits = true, splits
	return true, nil
}

// splits are those of the snapshot that is to be read.
func (s *Source) splits(ctx context.Context) ([]ops.Split, error) {
	c, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	splits, err := s.splitsOf(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("plan the scan of table %s: %w", s.place, err)
	}
	return splits, nil
}

func (s *Source) splitsOf(ctx context.Context, t *table.Table) ([]ops.Split, error) {
	snapshot, err := s.plan.version.of(t)
	if err != nil || snapshot == nil {
		return nil, err
	}
	pieces, err := s.pieces(ctx, t, snapshot)
	if err != nil {
		return nil, err
	}
	splits := make([]ops.Split, len(pieces))
	for i, p := range pieces {
		if splits[i], err = p.split(); err != nil {
			return nil, err
		}
	}
	return splits, nil
}

// tasks are the data files of a snapshot that may have rows for the filter.
// Those with fewer keys of deleted rows come first: the sets of keys of the
// others are made by adding to theirs.
func (s *Source) tasks(ctx context.Context, t *table.Table, snapshot *table.Snapshot) ([]table.FileScanTask, error) {
	options := []table.ScanOption{table.WithSnapshotID(snapshot.SnapshotID), table.WithScanPlanningMode(table.ScanPlanningLocal)}
	if f := s.pruning(t, snapshot); f != nil {
		options = append(options, table.WithRowFilter(f))
	}
	tasks, err := t.Scan(options...).PlanFiles(ctx)
	if err != nil {
		return nil, read.Unavailable(err)
	}
	slices.SortStableFunc(tasks, func(a, b table.FileScanTask) int {
		return len(a.EqualityDeleteFiles) - len(b.EqualityDeleteFiles)
	})
	return tasks, nil
}

// Take implements ops.SplitEnumerator.
func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.state.Splits))
	out := e.state.Splits[:n:n]
	e.state.Splits = e.state.Splits[n:]
	return out
}

// Return implements ops.SplitEnumerator.
func (e *enumerator) Return(splits []ops.Split) {
	e.state.Splits = append(splits[:len(splits):len(splits)], e.state.Splits...)
}

// Snapshot implements ops.SplitEnumerator.
func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }

// Close implements ops.SplitEnumerator.
func (e *enumerator) Close() error { return nil }
