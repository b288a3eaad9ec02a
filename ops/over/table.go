// Package over computes window functions: OVER (PARTITION BY … ORDER BY … frame).
// Every row of the input is a row of the output, with the results of the
// functions behind its columns.
package over

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows is how many rows an output batch has, about.
const maxRows = 16 << 10

// Table computes window functions over a table that changes: it holds all rows,
// and computes a partition again when the partition has changed. The sum by
// time:
//
//	in         partition → results              out
//	+I 2:00 5  2:00 5 → 5                       +I 2:00 5, 5
//	+I 1:00 1  1:00 1, 2:00 5 → 1, 6            +I 1:00 1, 1   -U 2:00 5, 5   +U 2:00 5, 6
//	-D 2:00 5  1:00 1 → 1                       -D 2:00 5, 6
//
// It takes any order and any frame. In a batch job (FinalOnly) every partition
// is computed once, at the end.
//
// State: a table "rows" of all rows.
type Table struct {
	*window

	alloc memory.Allocator
	saved savedRows

	store  *rowstore.Store
	chains *rowstore.Chains
	eval   *evaluator
	seq    uint64
	gone   []uint32 // rows that the state table still has

	numbers []uint32
	ids     []uint32
	touched []uint32
	seen    map[uint32]bool
	place   []int32 // of rows by id, in the results of before
	loose   []uint32
}

// extra is what stands beside a row in the store, behind its place in a chain.
type extra struct {
	seq   uint64
	known uint64 // to the state table
}

var _ ops.Operator = (*Table)(nil)

// NewTable builds the operator of a vertex of kind TableKind.
func NewTable(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildTable(v, in, nil) }

// TableWith is NewTable for aggregate functions of the user.
func TableWith(functions map[string]agg.User) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildTable(v, in, functions) }
}

func buildTable(v job.Vertex, in []*arrow.Schema, functions map[string]agg.User) (ops.Operator, error) {
	w, err := open(v, in, functions)
	if err != nil {
		return nil, err
	}
	t := &Table{window: w, seen: map[uint32]bool{}}
	t.store, err = rowstore.New(rowstore.Options{Index: w.c.Changelog}, w.types, rowstore.ChainBytes+int(unsafe.Sizeof(extra{})))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if t.chains, err = rowstore.NewChains(nil, t.store, 0, w.parts, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	t.eval, err = newEvaluator(w, memory.DefaultAllocator, func(Frame) bool { return false })
	if err != nil {
		return nil, err
	}
	t.eval.release()
	return t, nil
}

// Open implements ops.Operator.
func (t *Table) Open(ctx context.Context, rt ops.Runtime) error {
	t.alloc = rt.Allocator()
	var err error
	if t.eval, err = newEvaluator(t.window, t.alloc, func(Frame) bool { return false }); err != nil {
		return err
	}
	return t.restore(ctx, rt)
}

func (t *Table) extra(id uint32) *extra {
	return (*extra)(unsafe.Add(t.store.Extra(id), rowstore.ChainBytes))
}

// partition are the key columns among cols.
func (w *window) partition(cols []arrow.Array) []arrow.Array {
	out := make([]arrow.Array, len(w.c.Partition))
	for i, k := range w.c.Partition {
		out[i] = cols[k]
	}
	return out
}

// Process implements ops.Operator.
func (t *Table) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	var added, taken vector.Sel
	for i := range b.Len() {
		if b.Kind(i).Retracts() {
			taken = append(taken, uint32(i))
		} else {
			added = append(added, uint32(i))
		}
	}
	if len(taken) > 0 && !t.c.Changelog {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	cols := b.Rows.Columns()
	t.numbers = grown(t.numbers, b.Len())
	t.chains.FindOrInsert(t.partition(cols), nil, t.numbers)
	if t.c.FinalOnly {
		t.apply(cols, added, taken)
		t.settle()
		return nil
	}
	t.touch()
	before := t.compute(t.touched)
	t.apply(cols, added, taken)
	after := t.compute(t.touched)
	if err := t.eval.err(); err != nil {
		before.release()
		after.release()
		return err
	}
	err := t.emit(ctx, before, after, out)
	before.release()
	after.release()
	t.settle()
	return err
}

// touch lists the partitions of the batch, each once.
func (t *Table) touch() {
	clear(t.seen)
	t.touched = t.touched[:0]
	for _, n := range t.numbers {
		if !t.seen[n] {
			t.seen[n] = true
			t.touched = append(t.touched, n)
		}
	}
}

// apply adds and removes rows of the batch.
func (t *Table) apply(cols []arrow.Array, added, taken vector.Sel) {
	if len(added) > 0 {
		t.ids = grown(t.ids, len(added))
		t.store.Append(cols, added, t.ids)
		numbers := make([]uint32, len(added))
		vector.Gather(numbers, t.numbers, added)
		t.chains.Append(numbers, t.ids)
		for _, id := range t.ids {
			t.seq++
			t.extra(id).seq = t.seq
		}
		t.store.Mark(t.ids)
	}
	if len(taken) == 0 {
		return
	}
	t.ids = grown(t.ids, len(taken))
	t.store.Claim(cols, taken, t.ids)
	for _, id := range t.ids {
		if id != rowstore.None {
			t.chains.Unlink(id)
			t.loose = append(t.loose, id)
		}
	}
}

// settle frees the rows that have left, and the partitions without rows.
func (t *Table) settle() {
	t.free(t.loose)
	t.loose = t.loose[:0]
	clear(t.seen)
	var empty []uint32
	for _, n := range t.numbers {
		if t.chains.Count(n) == 0 && !t.seen[n] {
			t.seen[n] = true
			empty = append(empty, n)
		}
	}
	t.chains.Drop(empty)
}

// free gives rows back, at once or, when the state table knows them, when it
// has been told.
func (t *Table) free(ids []uint32) {
	now := ids[:0]
	for _, id := range ids {
		if t.extra(id).known != 0 {
			t.gone = append(t.gone, id)
		} else {
			now = append(now, id)
		}
	}
	t.store.Free(now)
}

// computed are the rows of some partitions with their results.
type computed struct {
	ids  []uint32
	cols []arrow.Array // of the output
	ends []int         // of the partitions' rows
}

func (c *computed) release() { release(c.cols) }

// compute sorts the rows of partitions and computes the functions over them.
func (t *Table) compute(partitions []uint32) computed {
	var c computed
	var spans []span
	for _, p := range partitions {
		lo := len(c.ids)
		for id := t.chains.Head(p); id != rowstore.None; id = t.chains.Next(id) {
			c.ids = append(c.ids, id)
		}
		spans = append(spans, span{lo: lo, from: lo, hi: len(c.ids)})
		c.ends = append(c.ends, len(c.ids))
	}
	t.sort(c.ids, spans)
	c.cols = t.store.Take(t.alloc, c.ids)
	c.cols = append(c.cols, t.eval.results(t.newRows(c.cols, len(c.ids), spans), nil)...)
	return c
}

// sort orders the rows of each span; equal rows stay in the order in which
// they came.
func (t *Table) sort(ids []uint32, spans []span) {
	if len(t.c.Order) == 0 || len(ids) == 0 {
		return
	}
	buf, v := vector.NewValues[int64](t.alloc, len(ids))
	for k, s := range spans {
		for i := s.lo; i < s.hi; i++ {
			v[i] = int64(k)
		}
	}
	cols := []arrow.Array{vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf)}
	orders := []vector.Order{{}}
	for _, k := range t.c.Order {
		cols = append(cols, t.store.TakeColumn(t.alloc, k.Column, ids))
		orders = append(orders, k.order())
	}
	defer release(cols)
	sorted := make([]uint32, len(ids))
	vector.Gather(sorted, ids, vector.Sort(t.alloc, cols, orders))
	copy(ids, sorted)
}

// emit writes how the results of partitions changed.
func (t *Table) emit(ctx context.Context, before, after computed, out ops.Output) error {
	t.mark(before.ids)
	defer t.unmark(before.ids)
	n := len(t.types)
	var x, y []uint32 // rows that are in both
	for i, id := range after.ids {
		if at := t.placeOf(id); at >= 0 {
			x, y = append(x, uint32(at)), append(y, uint32(i))
		}
	}
	differ := make([]bool, len(x))
	for k := n; k < len(after.cols); k++ {
		vector.Differ(differ, before.cols[k], after.cols[k], x, y)
	}
	stays := make([]bool, len(before.ids))
	for _, at := range x {
		stays[at] = true
	}
	var idx vector.Sel
	var kinds []stream.RowKind
	both, lo, hi := 0, 0, 0
	base := uint32(len(before.ids))
	for p := range before.ends {
		for ; lo < before.ends[p]; lo++ {
			if !stays[lo] {
				idx, kinds = append(idx, uint32(lo)), append(kinds, stream.Delete)
			}
		}
		for ; hi < after.ends[p]; hi++ {
			if both == len(y) || y[both] != uint32(hi) {
				idx, kinds = append(idx, base+uint32(hi)), append(kinds, stream.Insert)
				continue
			}
			if differ[both] {
				if t.c.UpdateBefore {
					idx, kinds = append(idx, x[both]), append(kinds, stream.UpdateBefore)
				}
				idx, kinds = append(idx, base+uint32(hi)), append(kinds, stream.UpdateAfter)
			}
			both++
		}
	}
	return t.send(ctx, before, after, idx, kinds, out)
}

// mark notes where the rows stand, by id.
func (t *Table) mark(ids []uint32) {
	for i, id := range ids {
		for len(t.place) <= int(id) {
			t.place = append(t.place, -1)
		}
		t.place[id] = int32(i)
	}
}

func (t *Table) unmark(ids []uint32) {
	for _, id := range ids {
		t.place[id] = -1
	}
}

func (t *Table) placeOf(id uint32) int32 {
	if int(id) >= len(t.place) {
		return -1
	}
	return t.place[id]
}

// send emits rows of before and, behind them, of after.
func (t *Table) send(ctx context.Context, before, after computed, idx vector.Sel, kinds []stream.RowKind, out ops.Output) error {
	if len(idx) == 0 {
		return nil
	}
	cols := make([]arrow.Array, len(after.cols))
	for i := range cols {
		cols[i] = t.eval.pick(before.cols[i], after.cols[i], idx)
	}
	b := stream.NewBatch(array.NewRecordBatch(t.out, cols, int64(len(idx))))
	release(cols)
	for _, k := range kinds {
		if k != stream.Insert {
			b.Kinds = kinds
		}
	}
	return out.Emit(ctx, ops.Main, b)
}

// Advance implements ops.Operator.
func (t *Table) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if !t.c.FinalOnly || wm.Time != stream.End {
		return nil
	}
	var part []uint32
	rows := 0
	for _, p := range t.chains.Keys().Live(nil) {
		part = append(part, p)
		if rows += t.chains.Count(p); rows >= maxRows {
			if err := t.final(ctx, part, out); err != nil {
				return err
			}
			part, rows = part[:0], 0
		}
	}
	return t.final(ctx, part, out)
}

// final emits partitions.
func (t *Table) final(ctx context.Context, partitions []uint32, out ops.Output) error {
	if len(partitions) == 0 {
		return nil
	}
	c := t.compute(partitions)
	if err := t.eval.err(); err != nil {
		c.release()
		return err
	}
	rec := array.NewRecordBatch(t.out, c.cols, int64(len(c.ids)))
	c.release()
	if rec.NumRows() == 0 {
		rec.Release()
		return nil
	}
	return out.Emit(ctx, ops.Main, stream.NewBatch(rec))
}

// Flush implements ops.Operator.
func (t *Table) Flush(context.Context, stream.Epoch, ops.Output) error { return t.save() }

// Close implements ops.Operator.
func (t *Table) Close() error {
	t.store.Release()
	t.chains.Release()
	t.eval.release()
	return nil
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}
