package window

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// SessionKind is the name of SessionAggregate in a graph. Its Config has a
// GapMillis and no size.
const SessionKind = "session-agg"

// numberColumn tells the sessions of a key apart, before the keys in the table
// of groups and behind them in the state tables.
const numberColumn = "$session"

// noSlot stands for the session of a row that is late.
const noSlot = ^uint32(0)

// SessionAggregate computes aggregate functions by key and session: windows
// that end when a key has had no row for the time of the gap. See sessions for
// what they are and when a row is late.
//
// Every session is a group of one table, named by its number and the key. Rows
// of a batch are given to sessions one by one, in a loop that looks only at
// times, and are then added together; before two sessions become one, and
// before sessions leave, what is waiting is added.
//
// State: a table "sessions" with a row for each open session, and one for each
// multiset of values (see package agg).
type SessionAggregate struct {
	in, out    *arrow.Schema
	keys       []int
	specs      []agg.Spec
	properties []Property
	changelog  bool
	gap        int64
	times      timing

	alloc  memory.Allocator
	layout *agg.Layout
	late   ops.Counter
	stored store

	open   *sessions
	table  *agg.Table
	slotOf []uint32 // by group
	wm     int64    // by wall clock
	dead   []uint32 // groups that are gone, but not from the state tables

	via   *agg.Table
	key   []uint32
	slots []uint32
	ids   []uint32
	nums  []int64
	fresh vector.Sel // rows that began sessions and wait
	sels  selections
}

var _ ops.Ticker = (*SessionAggregate)(nil)

// NewSession builds the operator of a vertex of kind SessionKind.
func NewSession(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return buildSession(v, in, nil)
}

// SessionWith is NewSession for aggregate functions of the user.
func SessionWith(functions map[string]agg.User) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildSession(v, in, functions) }
}

func buildSession(v job.Vertex, in []*arrow.Schema, functions map[string]agg.User) (ops.Operator, error) {
	c, t, err := sessionConfig(v, in)
	if err != nil {
		return nil, err
	}
	if err := agg.Resolve(c.Aggs, functions); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	out, err := c.output(v, in[0])
	if err != nil {
		return nil, err
	}
	a := &SessionAggregate{
		in: in[0], out: out, keys: c.Keys, specs: c.Aggs, properties: c.Properties, changelog: c.Changelog,
		gap: c.GapMillis, times: t,
	}
	if _, err := a.compile(nil); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return a, nil
}

func (a *SessionAggregate) compile(alloc memory.Allocator) (*agg.Layout, error) {
	return agg.Compile(a.specs, a.in, a.keys, agg.Options{
		Retract: a.changelog, Drops: true, Alloc: alloc,
		Prefix: []arrow.Field{{Name: numberColumn, Type: arrow.PrimitiveTypes.Int64}},
	})
}

// Open implements ops.Operator.
func (a *SessionAggregate) Open(ctx context.Context, rt ops.Runtime) error {
	a.alloc = rt.Allocator()
	a.late = rt.Counter("numLateRecordsDropped")
	a.times.nulls = rt.Counter("numNullRowTimeRecordsDropped")
	var err error
	if a.layout, err = a.compile(a.alloc); err != nil {
		return err
	}
	if a.table, err = a.layout.NewTable(); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if a.via, err = a.layout.NewTable(); err != nil {
		return err
	}
	if a.open, err = newSessions(a.gap, typesOf(a.in, a.keys)); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	a.wm = int64(a.times.restored(rt.Watermark()))
	return a.restore(ctx, rt)
}

// Process implements ops.Operator.
func (a *SessionAggregate) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	b = a.times.timed(a.alloc, b)
	defer b.Release()
	times, err := a.times.of(b.Rows.Column(a.times.column), a.in)
	if err != nil {
		return err
	}
	n := b.Len()
	a.key, a.slots, a.ids = resized(a.key, n), resized(a.slots, n), resized(a.ids, n)
	a.open.find(columnsOf(b.Rows, a.keys), a.key)
	from, at := 0, 0
	for _, m := range b.Marks {
		if int(m.Row) >= n {
			break
		}
		if from, err = a.assign(ctx, b, from, at, int(m.Row), times, out); err != nil {
			return err
		}
		at = int(m.Row)
		wm, moved := a.times.mark(m.Time)
		if !moved || int64(wm) <= a.wm {
			continue
		}
		a.wm = int64(wm)
		if !a.open.due.ready(wm) {
			continue
		}
		if err := a.add(ctx, b, from, at, out); err != nil {
			return err
		}
		from = at
		if err := a.fire(ctx, wm, out); err != nil {
			return err
		}
	}
	if from, err = a.assign(ctx, b, from, at, n, times, out); err != nil {
		return err
	}
	if err := a.add(ctx, b, from, n, out); err != nil {
		return err
	}
	a.open.forget()
	return nil
}

// assign gives the rows [at, to) to sessions. Those from from on wait to be
// added; it returns the first that still does.
func (a *SessionAggregate) assign(ctx context.Context, b *stream.Batch, from, at, to int, times []int64, out ops.Output) (int, error) {
	for i := at; i < to; i++ {
		key, t := a.key[i], times[i]
		slot, bridges, ok := a.open.touch(key, t)
		switch {
		case bridges:
			if err := a.add(ctx, b, from, i, out); err != nil {
				return i, err
			}
			from = i
			slot = a.bridge(key, t)
		case !ok && t+a.gap-1 <= a.wm && !a.times.processed:
			a.slots[i] = noSlot
			a.open.idle = append(a.open.idle, key)
			continue
		case !ok:
			slot = a.open.begin(key, t)
			a.fresh = append(a.fresh, uint32(i))
		}
		a.open.extend(slot, t)
		a.slots[i] = slot
	}
	return from, nil
}

// bridge makes the sessions that the row at t touches one.
func (a *SessionAggregate) bridge(key uint32, t int64) uint32 {
	touched := a.open.touched(key, t)
	to := touched[0]
	for _, from := range touched[1:] {
		g := a.open.list[from].group
		if a.table.Known(g) {
			a.dead = append(a.dead, g)
		}
		a.table.Transfer(a.via, a.open.list[to].group, g)
		a.open.absorb(to, from)
	}
	return to
}

// add puts the rows [from, to) of b into their sessions.
func (a *SessionAggregate) add(ctx context.Context, b *stream.Batch, from, to int, out ops.Output) error {
	if from >= to {
		return nil
	}
	rec, kinds := b.Rows, b.Kinds
	if to-from < b.Len() {
		rec = rec.NewSlice(int64(from), int64(to))
		defer rec.Release()
		if kinds != nil {
			kinds = kinds[from:to]
		}
	}
	slots := a.slots[from:to]
	a.group(rec, slots, from)
	var late, sel vector.Sel
	ids := a.ids[:0]
	for i, slot := range slots {
		if slot == noSlot {
			if late == nil {
				sel = vector.All(a.sels.late[:0], i)
			}
			late = append(late, uint32(i))
			continue
		}
		ids = append(ids, a.open.list[slot].group)
		if late != nil {
			sel = append(sel, uint32(i))
		}
	}
	if err := a.apply(rec, kinds, sel, ids); err != nil || len(late) == 0 {
		return err
	}
	a.late.Add(int64(len(late)))
	return out.Emit(ctx, ops.Late, taken(a.alloc, rec, kinds, late))
}

// group makes groups for the sessions that the waiting rows began.
func (a *SessionAggregate) group(rec arrow.RecordBatch, slots []uint32, from int) {
	if len(a.fresh) == 0 {
		return
	}
	a.nums = resized(a.nums, len(slots))
	for i := range a.fresh {
		a.fresh[i] -= uint32(from)
		a.nums[a.fresh[i]] = a.open.list[slots[a.fresh[i]]].number
	}
	num := wordsOf(a.nums)
	defer num.Release()
	ids := make([]uint32, len(a.fresh))
	a.table.GroupsOf(append([]arrow.Array{num}, columnsOf(rec, a.keys)...), a.fresh, ids)
	for i, g := range ids {
		a.place(g, slots[a.fresh[i]])
	}
	a.fresh = a.fresh[:0]
}

// place notes that group g is the session in slot.
func (a *SessionAggregate) place(g, slot uint32) {
	a.open.list[slot].group = g
	if int(g) >= len(a.slotOf) {
		a.slotOf = append(a.slotOf, make([]uint32, int(g)+1)...)
	}
	a.slotOf[g] = slot
}

func (a *SessionAggregate) apply(rec arrow.RecordBatch, kinds []stream.RowKind, sel vector.Sel, ids []uint32) error {
	if len(ids) == 0 {
		return nil
	}
	if kinds == nil {
		a.table.Add(rec, sel, ids)
		return failed(a.table)
	}
	added, gone := a.sels.byKind(kinds, sel, ids)
	if len(gone.rows) > 0 && !a.changelog {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	if len(added.rows) > 0 {
		a.table.Add(rec, added.rows, added.ids)
	}
	if len(gone.rows) > 0 {
		a.table.Retract(rec, gone.rows, gone.ids)
	}
	return failed(a.table)
}

// fire emits the sessions that wm completes.
func (a *SessionAggregate) fire(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	due := a.open.complete(wm)
	for from := 0; from < len(due); from += maxRows {
		if err := a.emit(ctx, due[from:min(from+maxRows, len(due))], out); err != nil {
			return err
		}
	}
	groups := make([]uint32, 0, len(due))
	for _, slot := range due {
		g := a.open.list[slot].group
		if a.table.Known(g) {
			a.dead = append(a.dead, g)
		}
		groups = append(groups, g)
		a.open.close(slot)
	}
	a.table.Drop(groups)
	return nil
}

func (a *SessionAggregate) emit(ctx context.Context, slots []uint32, out ops.Output) error {
	groups, starts, ends := make([]uint32, 0, len(slots)), make([]int64, 0, len(slots)), make([]int64, 0, len(slots))
	for _, slot := range slots {
		if x := a.open.list[slot]; a.table.Rows(x.group) > 0 {
			groups, starts, ends = append(groups, x.group), append(starts, x.start), append(ends, x.end)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	keys := a.table.Keys(groups)
	defer keys[0].Release()
	cols := append(keys[1:len(keys):len(keys)], a.table.Results(groups)...)
	if err := failed(a.table); err != nil {
		release(cols)
		return err
	}
	for i, p := range a.properties {
		of := a.out.Field(len(a.keys) + len(a.specs) + i).Type
		cols = append(cols, spanColumn(a.alloc, p, starts, ends, of, a.times.clock))
	}
	rec := array.NewRecordBatch(a.out, cols, int64(len(groups)))
	release(cols)
	return out.Emit(ctx, ops.Main, stream.NewBatch(rec))
}

// Advance implements ops.Operator.
func (a *SessionAggregate) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	t, moved := a.times.mark(wm.Time)
	return a.advance(ctx, t, moved, out)
}

// Tick implements ops.Ticker: sessions of processing time follow it.
func (a *SessionAggregate) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	t, moved := a.times.tick(now.Now)
	return a.advance(ctx, t, moved, out)
}

func (a *SessionAggregate) advance(ctx context.Context, wm stream.Timestamp, moved bool, out ops.Output) error {
	if !moved || int64(wm) <= a.wm {
		return nil
	}
	a.wm = int64(wm)
	if !a.open.due.ready(wm) {
		return nil
	}
	err := a.fire(ctx, wm, out)
	a.open.forget()
	return err
}

// Flush implements ops.Operator.
func (a *SessionAggregate) Flush(context.Context, stream.Epoch, ops.Output) error { return a.save() }

// Close implements ops.Operator.
func (a *SessionAggregate) Close() error {
	for _, t := range []*agg.Table{a.table, a.via} {
		if t != nil {
			t.Release()
		}
	}
	if a.open != nil {
		a.open.release()
	}
	return nil
}
