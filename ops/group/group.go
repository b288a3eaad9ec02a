// Package group aggregates rows by key, without windows: its result is a table
// that changes as rows come.
package group

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// maxRows is how many groups an output batch has at most.
const maxRows = 16 << 10

// Aggregate computes aggregate functions by key and emits how the results
// change, once per batch and group, however many rows of the batch fell into
// it; a group whose results are the same as before is not emitted:
//
//	in                       results before → after        out
//	+I a 1, +I a 2, +I b 5   a: – → 3        b: – → 5      +I a 3, +I b 5
//	+I a 4, -D b 5           a: 3 → 7        b: 5 → –      -U a 3, +U a 7, -D b 5
//	-D a 4, +I a 4           a: 7 → 7                      nothing
//
// A group leaves when all its rows have been retracted. In a batch job
// (FinalOnly) every group is emitted at the end, once. Without keys there is a
// row even for no input, at its end.
//
// State: a table "groups" with a row per group, and one for each multiset of
// values (see vector/agg).
type Aggregate struct {
	out          *arrow.Schema
	in           *arrow.Schema
	keys         []int
	specs        []agg.Spec
	updateBefore bool
	finalOnly    bool
	changelog    bool
	forgets      bool // there is a TTL

	alloc  memory.Allocator
	layout *agg.Layout
	table  *agg.Table
	stored store
	empty  int // groups without rows since the last Flush

	lists   lists
	seen    []uint64 // bitmap of the groups in touched, while they are listed
	ids     []uint32
	touched []uint32
	changed []uint64 // bitmap of blocks of groups with changes since the last Flush
	dirty   []uint32
	fresh   []bool
	added   vector.Sel
	taken   vector.Sel
}

var (
	_ ops.Operator   = (*Aggregate)(nil)
	_ idle.Forgetter = (*Aggregate)(nil)
)

// NewAggregate builds the operator of a vertex over rows of schema in.
func NewAggregate(c Config, v job.Vertex, in *arrow.Schema) (*Aggregate, error) {
	out, err := c.output(v, in)
	if err != nil {
		return nil, err
	}
	a := &Aggregate{
		in: in, out: out, keys: c.Keys, specs: c.Aggs,
		updateBefore: c.UpdateBefore, finalOnly: c.FinalOnly, changelog: c.Changelog, forgets: c.TTLMillis > 0,
	}
	if _, err := a.compile(nil); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return a, nil
}

func (a *Aggregate) compile(alloc memory.Allocator) (*agg.Layout, error) {
	return agg.Compile(a.specs, a.in, a.keys, agg.Options{Retract: a.changelog, Drops: a.forgets, Alloc: alloc})
}

// Open implements ops.Operator.
func (a *Aggregate) Open(ctx context.Context, rt ops.Runtime) error {
	a.alloc = rt.Allocator()
	var err error
	if a.layout, err = a.compile(a.alloc); err != nil {
		return err
	}
	if a.table, err = a.layout.NewTable(); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return a.restore(ctx, rt)
}

// KeyColumns are the columns by which the input is grouped.
func (a *Aggregate) KeyColumns(int) []int { return a.keys }

// Process implements ops.Operator.
func (a *Aggregate) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	n := b.Len()
	if n == 0 {
		return nil
	}
	if cap(a.ids) < n {
		a.ids = make([]uint32, n)
	}
	ids := a.ids[:n]
	a.table.Groups(b.Rows, nil, ids)
	a.change(ids)
	if a.finalOnly {
		return a.apply(b, ids)
	}
	a.touch(ids)
	before := a.results(false)
	if a.forgets {
		a.table.Revive(a.touched)
	}
	if err := a.apply(b, ids); err != nil {
		release(before.cols)
		return err
	}
	after := a.results(true)
	if err := a.failed(); err != nil {
		release(before.cols)
		release(after.cols)
		return err
	}
	err := a.emit(ctx, before, after, out)
	a.forget()
	return err
}

// blockGroups is how many groups are looked at, when state is saved, because one
// of them has changed.
const blockGroups = 512

// change notes in which blocks of groups there are changes.
func (a *Aggregate) change(ids []uint32) {
	if n := a.table.Span()/(64*blockGroups) + 1; n > len(a.changed) {
		a.changed = append(a.changed, make([]uint64, n)...)
	}
	for _, g := range ids {
		a.changed[g/(64*blockGroups)] |= 1 << (g / blockGroups % 64)
	}
}

// StateKeys implements idle.Forgetter.
func (a *Aggregate) StateKeys() []int { return a.keys }

// Forget implements idle.Forgetter.
func (a *Aggregate) Forget(keys []arrow.Array) error {
	groups := a.table.Find(keys)
	a.change(groups)
	a.table.Forget(groups)
	return nil
}

// touch lists the groups of a batch, each once, in the order of their first
// rows, and notes which of them are new.
func (a *Aggregate) touch(ids []uint32) {
	a.touched, a.fresh = a.touched[:0], a.fresh[:0]
	if n := a.table.Span()/64 + 1; n > len(a.seen) {
		a.seen = append(a.seen, make([]uint64, max(n, 2*len(a.seen))-len(a.seen))...)
	}
	seen := a.seen
	for _, g := range ids {
		if bit := uint64(1) << (g % 64); seen[g/64]&bit == 0 {
			seen[g/64] |= bit
			a.touched = append(a.touched, g)
			a.fresh = append(a.fresh, a.table.Fresh(g))
		}
	}
	for _, g := range a.touched {
		seen[g/64] = 0
	}
}

// apply adds and retracts the rows of b, whose groups are ids.
func (a *Aggregate) apply(b *stream.Batch, ids []uint32) error {
	if b.Kinds == nil {
		a.table.Add(b.Rows, nil, ids)
		return a.failed()
	}
	a.added, a.taken = a.added[:0], a.taken[:0]
	for i, k := range b.Kinds {
		if k.Retracts() {
			a.taken = append(a.taken, uint32(i))
		} else {
			a.added = append(a.added, uint32(i))
		}
	}
	if len(a.taken) == 0 {
		a.table.Add(b.Rows, nil, ids)
		return a.failed()
	}
	if !a.changelog {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	if a.forgets {
		a.taken = a.remembered(b, ids)
	}
	if len(a.added) > 0 {
		a.table.Add(b.Rows, a.added, gather(ids, a.added))
	}
	a.table.Retract(b.Rows, a.taken, gather(ids, a.taken))
	return a.failed()
}

// failed is what is wrong with values that were aggregated.
func (a *Aggregate) failed() error {
	if err := a.table.Err(); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return nil
}

// remembered are the rows of the batch that take rows back, without those that come
// when their group has none: it was forgotten.
func (a *Aggregate) remembered(b *stream.Batch, ids []uint32) vector.Sel {
	rows := make(map[uint32]int64, len(a.touched))
	for _, g := range a.touched {
		rows[g] = a.table.Rows(g)
	}
	kept := a.taken[:0]
	for i, k := range b.Kinds {
		switch g := ids[i]; {
		case !k.Retracts():
			rows[g]++
		case rows[g] > 0:
			rows[g]--
			kept = append(kept, uint32(i))
		}
	}
	return kept
}

func gather(ids []uint32, sel vector.Sel) []uint32 {
	out := make([]uint32, len(sel))
	vector.Gather(out, ids, sel)
	return out
}

// results are those of the touched groups that have rows: cols row at[i] is
// that of touched[i], or at[i] is -1.
type results struct {
	at   []int32
	rows int
	cols []arrow.Array
}

// lists are space that emitting uses again.
type lists struct {
	at     [2][]int32
	groups []uint32
	rows   vector.Sel
	kinds  []stream.RowKind
	pairs  [2][]uint32
	differ []bool
}

func (a *Aggregate) results(after bool) results {
	which := 0
	if after {
		which = 1
	}
	at, groups := a.lists.at[which][:0], a.lists.groups[:0]
	for i, g := range a.touched {
		fresh := a.fresh[i]
		if after {
			fresh = a.table.Fresh(g)
		}
		if fresh {
			at = append(at, -1)
			continue
		}
		at = append(at, int32(len(groups)))
		groups = append(groups, g)
	}
	a.lists.at[which], a.lists.groups = at, groups
	return results{at: at, rows: len(groups), cols: a.table.Results(groups)}
}

// emit writes how the touched groups changed. It takes over the results.
func (a *Aggregate) emit(ctx context.Context, before, after results, out ops.Output) error {
	defer release(before.cols)
	defer release(after.cols)
	a.decide(before, after)
	groups, rows, kinds := a.lists.groups, a.lists.rows, a.lists.kinds
	if len(groups) == 0 {
		return nil
	}
	cols := a.table.Keys(groups)
	for i := range before.cols {
		both := vector.Concat(a.alloc, []arrow.Array{before.cols[i], after.cols[i]})
		cols = append(cols, vector.Take(a.alloc, both, rows))
		both.Release()
	}
	b := stream.NewBatch(array.NewRecordBatch(a.out, cols, int64(len(groups))))
	release(cols)
	if slices.ContainsFunc(kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		b.Kinds = slices.Clone(kinds)
	}
	return out.Emit(ctx, ops.Main, b)
}

// decide lists the rows to emit: their groups, their kinds, and where they
// stand in the results before and behind them those after.
func (a *Aggregate) decide(before, after results) {
	differ := a.differ(before, after)
	groups, rows, kinds := a.lists.groups[:0], a.lists.rows[:0], a.lists.kinds[:0]
	put := func(g uint32, row int32, k stream.RowKind) {
		groups, rows, kinds = append(groups, g), append(rows, uint32(row)), append(kinds, k)
	}
	old := int32(before.rows)
	both := 0 // groups that were there before and are there still
	for i, g := range a.touched {
		was, is := before.at[i], after.at[i]
		switch {
		case was < 0 && is < 0:
		case was < 0:
			put(g, old+is, stream.Insert)
		case is < 0:
			put(g, was, stream.Delete)
			a.empty++
		default:
			if differ[both] {
				if a.updateBefore {
					put(g, was, stream.UpdateBefore)
				}
				put(g, old+is, stream.UpdateAfter)
			}
			both++
		}
	}
	a.lists.groups, a.lists.rows, a.lists.kinds = groups, rows, kinds
}

// differ says of each touched group that was there before and is there still
// whether a result has changed.
func (a *Aggregate) differ(before, after results) []bool {
	l := &a.lists
	x, y := l.pairs[0][:0], l.pairs[1][:0]
	for i, was := range before.at {
		if is := after.at[i]; was >= 0 && is >= 0 {
			x, y = append(x, uint32(was)), append(y, uint32(is))
		}
	}
	l.pairs[0], l.pairs[1] = x, y
	if cap(l.differ) < len(x) {
		l.differ = make([]bool, len(x))
	}
	differ := l.differ[:len(x)]
	clear(differ)
	if a.forgets && len(a.specs) > 0 {
		for i := range differ {
			differ[i] = true
		}
		return differ
	}
	for i := range before.cols {
		vector.Differ(differ, before.cols[i], after.cols[i], x, y)
	}
	return differ
}

// forget removes groups without rows of which no state table knows, when they
// are many: without checkpoints nobody else does.
func (a *Aggregate) forget() {
	if a.empty < 4096 || a.empty < a.table.Len()/2 {
		return
	}
	var gone []uint32
	for from := 0; from < a.table.Span(); from += maxRows {
		for _, g := range a.table.In(from, from+maxRows) {
			if a.table.Rows(g) == 0 && !a.table.Known(g) {
				gone = append(gone, g)
			}
		}
	}
	a.table.Remove(gone)
	a.empty = 0
}

// Advance implements ops.Operator.
func (a *Aggregate) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if wm.Time != stream.End {
		return nil
	}
	if len(a.keys) == 0 && len(a.specs) > 0 && !a.finalOnly {
		return a.nothing(ctx, out)
	}
	if !a.finalOnly {
		return nil
	}
	if len(a.keys) == 0 {
		var only [1]uint32
		a.table.GroupsOf(nil, nil, only[:])
		a.change(only[:])
		return a.final(ctx, only[:], out)
	}
	for from := 0; from < a.table.Span(); from += maxRows {
		groups := a.touched[:0]
		for _, g := range a.table.In(from, from+maxRows) {
			if a.table.Rows(g) > 0 {
				groups = append(groups, g)
			}
		}
		a.touched = groups
		if len(groups) == 0 {
			continue
		}
		if err := a.final(ctx, groups, out); err != nil {
			return err
		}
	}
	return nil
}

// nothing emits the result over no rows, when the input has ended without one.
func (a *Aggregate) nothing(ctx context.Context, out ops.Output) error {
	if a.table.Len() > 0 {
		return nil
	}
	var only [1]uint32
	a.table.GroupsOf(nil, nil, only[:])
	return a.final(ctx, only[:], out)
}

func (a *Aggregate) final(ctx context.Context, groups []uint32, out ops.Output) error {
	cols := append(a.table.Keys(groups), a.table.Results(groups)...)
	if err := a.failed(); err != nil {
		release(cols)
		return err
	}
	b := stream.NewBatch(array.NewRecordBatch(a.out, cols, int64(len(groups))))
	release(cols)
	return out.Emit(ctx, ops.Main, b)
}

// Flush implements ops.Operator.
func (a *Aggregate) Flush(context.Context, stream.Epoch, ops.Output) error { return a.save() }

// Close implements ops.Operator.
func (a *Aggregate) Close() error {
	if a.table != nil {
		a.table.Release()
	}
	return nil
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
