package opstest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Task hosts one operator: it is its Runtime and its Output. Its own use, in
// benchmarks and in tests that need more than text, is through NewTask, Batch,
// Watermark, Barrier and Close.
type Task struct {
	info  ops.TaskInfo
	alloc memory.Allocator
	op    ops.Operator

	wm    stream.Timestamp
	state snapshot

	dead     bool
	counters map[string]int64
	// Discard lets tables forget what is written to them, for benchmarks.
	Discard bool
	// Emitted receives what the operator emits and owns it; nil releases it.
	Emitted func(p ops.Port, b *stream.Batch) error
}

// NewTask opens op alone, with empty state.
func NewTask(ctx context.Context, op ops.Operator, alloc memory.Allocator) (*Task, error) {
	t := newTask(op, alloc, 0, 1)
	return t, t.open(ctx)
}

func newTask(op ops.Operator, alloc memory.Allocator, index, parallelism int) *Task {
	return &Task{
		op:    op,
		alloc: alloc,
		info: ops.TaskInfo{
			Job: "0123456789abcdef0123456789abcdef", UID: "op", Index: index, Parallelism: parallelism,
			Groups: groups, KeyGroups: stream.RangeOf(groups, parallelism, index),
		},
		wm: stream.Start, state: snapshot{}, counters: map[string]int64{},
	}
}

func (t *Task) open(ctx context.Context) error {
	if err := t.op.Open(ctx, t); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return nil
}

var (
	_ ops.Runtime = (*Task)(nil)
	_ ops.Output  = (*Task)(nil)
)

// Task implements ops.Runtime.
func (t *Task) Task() ops.TaskInfo { return t.info }

// Durable implements ops.Runtime.
func (t *Task) Durable() bool { return true }

// Watermark implements ops.Runtime.
func (t *Task) Watermark() stream.Timestamp { return t.wm }

// Allocator implements ops.Runtime.
func (t *Task) Allocator() memory.Allocator { return t.alloc }

// Counter implements ops.Runtime.
func (t *Task) Counter(name string) ops.Counter { return counter{t, name} }

type counter struct {
	t    *Task
	name string
}

func (c counter) Add(n int64) { c.t.counters[c.name] += n }

// Table implements ops.Runtime.
func (t *Task) Table(spec ops.TableSpec) (ops.Table, error) {
	if spec.Keys < 1 || spec.Keys > spec.Schema.NumFields() || spec.Partition > spec.Keys {
		return nil, fmt.Errorf("table %s: %d keys, partition by %d, of %d columns", spec.Name, spec.Keys, spec.Partition, spec.Schema.NumFields())
	}
	if spec.Expiry != "" && len(spec.Schema.FieldIndices(spec.Expiry)) != 1 {
		return nil, fmt.Errorf("table %s: no expiry column %q", spec.Name, spec.Expiry)
	}
	s, ok := t.state[spec.Name]
	if !ok {
		s = newTableState(spec)
		t.state[spec.Name] = s
	}
	if !s.spec.Schema.Equal(spec.Schema) {
		return nil, fmt.Errorf("table %s: schema %v, but the checkpoint has %v", spec.Name, spec.Schema, s.spec.Schema)
	}
	return &table{state: s, alloc: t.alloc, dead: &t.dead, discard: &t.Discard}, nil
}

// Emit implements ops.Output.
func (t *Task) Emit(_ context.Context, p ops.Port, b *stream.Batch) error {
	if b.Kinds != nil && len(b.Kinds) != b.Len() {
		return fmt.Errorf("emitted %d kinds for %d rows", len(b.Kinds), b.Len())
	}
	if t.Emitted == nil {
		b.Release()
		return nil
	}
	return t.Emitted(p, b)
}

// Batch hands b to the operator, which owns it.
func (t *Task) Batch(ctx context.Context, input int, b *stream.Batch) error {
	return t.op.Process(ctx, input, b, t)
}

// Advance moves event time.
func (t *Task) Advance(ctx context.Context, wm stream.Timestamp) error {
	if wm <= t.wm {
		return nil
	}
	err := t.op.Advance(ctx, stream.Watermark{Time: wm}, t)
	t.wm = wm
	return err
}

// Tick moves processing time, when the operator wants it.
func (t *Task) Tick(ctx context.Context, now stream.Timestamp) error {
	if op, ok := t.op.(ops.Ticker); ok {
		return op.Tick(ctx, stream.Tick{Now: now}, t)
	}
	return nil
}

// Barrier ends epoch e.
func (t *Task) Barrier(ctx context.Context, e stream.Epoch) error {
	return t.op.Flush(ctx, e, t)
}

// StateRows is how many rows the task's tables hold.
func (t *Task) StateRows() int {
	n := 0
	for _, s := range t.state {
		n += len(s.rows)
	}
	return n
}

// Counters are the counters that are not 0, by name.
func (t *Task) Counters() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.counters)) {
		if n := t.counters[name]; n != 0 {
			out = append(out, fmt.Sprintf("%s %d", name, n))
		}
	}
	return out
}

// Close ends the task, whether it crashed or not.
func (t *Task) Close() error {
	t.dead = true
	return t.op.Close()
}

// sealed gives the state as of now.
func (t *Task) sealed() snapshot { return t.state.clone() }

// take copies the rows of b with these indices; the marks are remapped.
func take(alloc memory.Allocator, b *stream.Batch, sel []uint32) *stream.Batch {
	rows := make([]row, len(sel))
	for i, r := range sel {
		rows[i] = row{kind: b.Kind(int(r))}
		for _, c := range b.Rows.Columns() {
			rows[i].values = append(rows[i].values, value(c, int(r)))
		}
	}
	out, err := batch(alloc, b.Rows.Schema(), rows)
	if err != nil {
		panic(err) // the text came from value
	}
	out.Marks = stream.SelectMarks(b.Marks, sel)
	return out
}

// route gives the rows of b to tasks by the key group of the key columns.
func route(alloc memory.Allocator, b *stream.Batch, keys []int, parallelism int) []*stream.Batch {
	cols := make([]arrow.Array, len(keys))
	for i, k := range keys {
		cols[i] = b.Rows.Column(k)
	}
	sels := make([][]uint32, parallelism)
	for i := range sels {
		sels[i] = []uint32{}
	}
	for i := range b.Len() {
		to := stream.TaskOf(groups, parallelism, GroupOf(cols, i))
		sels[to] = append(sels[to], uint32(i))
	}
	out := make([]*stream.Batch, parallelism)
	for i, sel := range sels {
		out[i] = take(alloc, b, sel)
	}
	return out
}
