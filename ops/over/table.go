// Package over computes window functions: OVER (PARTITION BY … ORDER BY … frame).
// Every row of the input is a row of the output, with the results of the
// functions behind its columns.
package over

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/keyrows"
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
	rows  *keyrows.Rows
	eval  *evaluator

	place []int32 // of rows by id, in the results of before
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
	t := &Table{window: w}
	if t.rows, err = keyrows.New(w.in, w.c.Partition, w.c.Changelog); err != nil {
		return nil, err
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
	return t.rows.Open(ctx, rt)
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
	t.rows.Begin(b.Rows)
	if t.c.FinalOnly {
		t.rows.Apply(b.Rows, added, taken)
		t.rows.End()
		return nil
	}
	before := t.compute(t.rows.Touched)
	t.rows.Apply(b.Rows, added, taken)
	after := t.compute(t.rows.Touched)
	if err := t.eval.err(); err != nil {
		before.release()
		after.release()
		return err
	}
	err := t.emit(ctx, before, after, out)
	before.release()
	after.release()
	t.rows.End()
	return err
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
		for id := t.rows.Chains.Head(p); id != rowstore.None; id = t.rows.Chains.Next(id) {
			c.ids = append(c.ids, id)
		}
		spans = append(spans, span{lo: lo, from: lo, hi: len(c.ids)})
		c.ends = append(c.ends, len(c.ids))
	}
	t.sort(c.ids, spans)
	c.cols = t.rows.Store.Take(t.alloc, c.ids)
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
		cols = append(cols, t.rows.Store.TakeColumn(t.alloc, k.Column, ids))
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
	for _, p := range t.rows.Chains.Keys().Live(nil) {
		part = append(part, p)
		if rows += t.rows.Chains.Count(p); rows >= maxRows {
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
func (t *Table) Flush(context.Context, stream.Epoch, ops.Output) error { return t.rows.Save() }

// Close implements ops.Operator.
func (t *Table) Close() error {
	t.rows.Close()
	t.eval.release()
	return nil
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}
