package hybrid

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// behind are the options by which the last part begins behind what the others hold:
// of each partition, behind the highest offset in their splits. What a filter has
// left out of those would be left out of the log as well.
func (e *enumerator) behind(ctx context.Context) (map[string]string, error) {
	highest := make(map[int32]int64)
	for i, of := range e.inner {
		if err := e.probe(ctx, i, of, highest); err != nil {
			return nil, fmt.Errorf("read the offsets of part %s: %w", e.parts[i].id, err)
		}
	}
	if len(highest) == 0 {
		return nil, nil
	}
	all := make([]string, 0, len(highest))
	for _, p := range slices.Sorted(maps.Keys(highest)) {
		all = append(all, fmt.Sprintf("partition:%d,offset:%d", p, highest[p]+1))
	}
	return map[string]string{startMode: "specific-offsets", "scan.startup.specific-offsets": strings.Join(all, ";")}, nil
}

// probe reads two columns of all splits that a part has found.
func (e *enumerator) probe(ctx context.Context, i int, of ops.SplitEnumerator, highest map[int32]int64) error {
	found, err := of.Snapshot()
	if err != nil {
		return err
	}
	only, err := e.open(ctx, i, [][]string{{e.change.partition}, {e.change.offset}}, nil)
	if err != nil {
		return err
	}
	splits, err := only.Enumerator(ctx, found)
	if err != nil {
		return err
	}
	defer splits.Close()
	r, err := only.Reader(ctx, alone{})
	if err != nil {
		return err
	}
	defer r.Close()
	for left := splits.Take(0, 1, 1); len(left) > 0; left = splits.Take(0, 1, 1) {
		if err := r.Assign(left); err != nil {
			return err
		}
		for open := len(left); open > 0; {
			f, err := r.Fetch(ctx)
			if err != nil {
				return err
			}
			if f.Done {
				open--
			}
			switch {
			case f.Batch != nil:
				raise(highest, f.Batch)
			case f.Ready != nil:
				select {
				case <-f.Ready:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			case f.After.ID == "":
				open = 0 // the reader says that it has no split left
			}
		}
	}
	return nil
}

// raise notes the offsets in a batch.
func raise(highest map[int32]int64, b *stream.Batch) {
	defer b.Release()
	partitions, ok := b.Rows.Column(0).(*array.Int32)
	offsets, is := b.Rows.Column(1).(*array.Int64)
	if !ok || !is {
		return // switchOf has seen to it
	}
	for i, p := range partitions.Values() {
		if partitions.IsNull(i) || offsets.IsNull(i) {
			continue
		}
		if was, ok := highest[p]; !ok || offsets.Value(i) > was {
			highest[p] = offsets.Value(i)
		}
	}
}

// alone is lent to a reader outside of a task.
type alone struct{}

var _ ops.Runtime = alone{}

// Task implements ops.Runtime.
func (alone) Task() ops.TaskInfo { return ops.TaskInfo{Parallelism: 1} }

// Table implements ops.Runtime: there is no state.
func (alone) Table(ops.TableSpec) (ops.Table, error) {
	return nil, fmt.Errorf("%w: a part that keeps state cannot be asked for its offsets", job.ErrInvalid)
}

// Durable implements ops.Runtime.
func (alone) Durable() bool { return false }

// Watermark implements ops.Runtime.
func (alone) Watermark() stream.Timestamp { return stream.Start }

// Allocator implements ops.Runtime.
func (alone) Allocator() memory.Allocator { return memory.DefaultAllocator }

// Counter implements ops.Runtime.
func (alone) Counter(string) ops.Counter { return uncounted{} }

type uncounted struct{}

// Add implements ops.Counter.
func (uncounted) Add(int64) {}
