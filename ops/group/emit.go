package group

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// EmitKind is the name of Emit in a graph.
const EmitKind = "window-emit"

// EmitConfig is that of a vertex of kind EmitKind, whose input has a row for each
// window of a row. The output's columns are those of the keys and then of the
// results that Pick picks.
type EmitConfig struct {
	Config
	// Time is the key, by its place in Keys, that is the last millisecond of the
	// window: a TIMESTAMP in milliseconds.
	Time int `json:"time"`
	// Width is how many columns of the input late rows leave with.
	Width int `json:"width"`
	// EarlyMillis and LateMillis are how long after a change before and behind
	// the end of the window its results are given: 0 at once, and nil not before
	// the window is complete, and at once.
	EarlyMillis *int64 `json:"earlyMillis,omitempty"`
	LateMillis  *int64 `json:"lateMillis,omitempty"`
	// LatenessMillis is how long windows take rows when they are complete.
	LatenessMillis int64 `json:"latenessMillis,omitempty"`
	// Once says that each window is given once, when it takes no rows any more.
	Once bool `json:"once,omitempty"`
	// Processing says that windows are of processing time.
	Processing bool  `json:"processing,omitempty"`
	Pick       []int `json:"pick"`
}

// Emit aggregates by key and window, and gives the results of a window also
// before it is complete, and again when rows come behind its end. With a lateness
// of 5 seconds, and results given when windows are complete:
//
//	window 00–10     01 a, 07 a   WM 10          08 a (late)       WM 15
//	results                       +I a 2         -U a 2, +U a 3    forgotten: 09 a is dropped
//
// The groups that have changed since their results were given wait in the list of
// their window. Of what was given, package normalize keeps the rows, and says how
// they change.
//
// State: that of the aggregation, and a table "rows" of the results that were
// given. Which groups wait is not kept: all do after a restart, and what was
// given already is not given again.
type Emit struct {
	c      EmitConfig
	groups *Aggregate
	given  *normalize.Normalize
	out    *arrow.Schema

	alloc   memory.Allocator
	late    ops.Counter
	wm      stream.Timestamp
	now     int64
	windows map[int64]*window
	order   []int64  // their times, ascending
	waits   []uint64 // bitmap of the groups that wait

	sel   vector.Sel
	lates vector.Sel
}

// window is what is known of one window, which is called by its last millisecond.
type window struct {
	groups  []uint32 // that it has, some twice
	waiting []uint32
	due     int64 // when those that wait are to be given; 0 when time does not matter
	done    bool  // it was complete
	emptied bool  // some of its groups have lost their rows since the last Flush
}

var _ ops.Ticker = (*Emit)(nil)

// EmitWith builds the operator of a vertex of kind EmitKind, for aggregate
// functions of the user.
func EmitWith(functions map[string]agg.User) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
		c, err := ops.DecodeConfig[EmitConfig](v)
		if err != nil {
			return nil, err
		}
		if len(in) != 1 {
			return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
		}
		if err := agg.Resolve(c.Aggs, functions); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		return newEmit(c, v, in[0])
	}
}

func newEmit(c EmitConfig, v job.Vertex, in *arrow.Schema) (*Emit, error) {
	if c.Time < 0 || c.Time >= len(c.Keys) || len(c.Pick) != v.Output.NumFields() {
		return nil, fmt.Errorf("%w: %s: time %d of %d keys, %d of %d columns", job.ErrInvalid, v.Name, c.Time, len(c.Keys), len(c.Pick), v.Output.NumFields())
	}
	fields := make([]arrow.Field, len(c.Keys)+len(c.Aggs))
	for i, k := range c.Keys {
		fields[i] = in.Field(k)
	}
	for i, p := range c.Pick {
		if p >= len(c.Keys) {
			fields[p] = v.Output.Field(i)
		}
	}
	inner := v
	inner.Output = job.Schema{Schema: arrow.NewSchema(fields, nil)}
	c.FinalOnly, c.TTLMillis = true, 1 // nothing is given by itself, and groups are forgotten
	e := &Emit{c: c, out: v.Output.Schema, wm: stream.Start, windows: map[int64]*window{}}
	var err error
	if e.groups, err = NewAggregate(c.Config, inner, in); err != nil {
		return nil, err
	}
	keys := make([]int, len(c.Keys))
	for i := range keys {
		keys[i] = i
	}
	e.given, err = normalize.NewNormalize(normalize.Config{Keys: keys, UpdateBefore: c.UpdateBefore}, inner.Output.Schema)
	return e, err
}

// Open implements ops.Operator.
func (e *Emit) Open(ctx context.Context, rt ops.Runtime) error {
	e.alloc, e.late = rt.Allocator(), rt.Counter("numLateRecordsDropped")
	if !e.c.Processing {
		e.wm = rt.Watermark()
	}
	if err := e.groups.Open(ctx, rt); err != nil {
		return err
	}
	if err := e.given.Open(ctx, rt); err != nil {
		return err
	}
	t := e.groups.table
	for from := 0; from < t.Span(); from += maxRows {
		ids := slices.Clone(t.In(from, from+maxRows))
		for i, at := range e.timesOf(ids) {
			w := e.at(at)
			w.groups = append(w.groups, ids[i])
			e.wait(w, ids[i])
			w.due = 1
		}
	}
	return nil
}

// KeyColumns are the columns by which the input is grouped.
func (e *Emit) KeyColumns(int) []int { return e.c.Keys }

// timesOf are the windows of groups.
func (e *Emit) timesOf(ids []uint32) []int64 {
	keys := e.groups.table.Keys(ids)
	defer release(keys)
	return millisOf(keys[e.c.Time])
}

func millisOf(col arrow.Array) []int64 {
	ts := col.(*array.Timestamp)
	out := make([]int64, ts.Len())
	for i, v := range ts.Values() {
		out[i] = int64(v)
	}
	return out
}

// at is the window with this last millisecond.
func (e *Emit) at(time int64) *window {
	w, ok := e.windows[time]
	if !ok {
		w = &window{done: time <= int64(e.wm)}
		e.windows[time] = w
		i, _ := slices.BinarySearch(e.order, time)
		e.order = slices.Insert(e.order, i, time)
	}
	return w
}

// wait notes that a group has changed.
func (e *Emit) wait(w *window, g uint32) {
	if n := int(g)/64 + 1; n > len(e.waits) {
		e.waits = append(e.waits, make([]uint64, max(n, 2*len(e.waits))-len(e.waits))...)
	}
	if bit := uint64(1) << (g % 64); e.waits[g/64]&bit == 0 {
		e.waits[g/64] |= bit
		w.waiting = append(w.waiting, g)
	}
}

// Process implements ops.Operator.
func (e *Emit) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	top := e.wm
	if n := len(b.Marks); n > 0 {
		top = max(top, b.Marks[n-1].Time)
	}
	part, err := e.timely(ctx, b, out)
	if err != nil {
		return err
	}
	if part != nil {
		defer part.Release()
		if err := e.add(ctx, part, out); err != nil {
			return err
		}
	}
	if e.c.Processing {
		return nil
	}
	return e.advance(ctx, top, out)
}

// timely gives the rows that are not late, or nil; the others leave.
func (e *Emit) timely(ctx context.Context, b *stream.Batch, out ops.Output) (*stream.Batch, error) {
	times := millisOf(b.Rows.Column(e.c.Keys[e.c.Time]))
	e.sel, e.lates = e.sel[:0], e.lates[:0]
	wm, mark := e.wm, 0
	for i, t := range times {
		for ; mark < len(b.Marks) && int(b.Marks[mark].Row) <= i; mark++ {
			wm = max(wm, b.Marks[mark].Time)
		}
		if !e.c.Processing && expiry(t, e.c.LatenessMillis) <= int64(wm) {
			e.lates = append(e.lates, uint32(i))
		} else {
			e.sel = append(e.sel, uint32(i))
		}
	}
	if len(e.lates) == 0 {
		b.Rows.Retain()
		return &stream.Batch{Rows: b.Rows, Kinds: b.Kinds}, nil
	}
	e.late.Add(int64(len(e.lates)))
	l := e.taken(b, e.lates)
	defer l.Release()
	fields := l.Rows.Schema().Fields()[:e.c.Width]
	narrow := array.NewRecordBatch(arrow.NewSchema(fields, nil), l.Rows.Columns()[:e.c.Width], l.Rows.NumRows())
	if err := out.Emit(ctx, ops.Late, &stream.Batch{Rows: narrow, Kinds: l.Kinds}); err != nil || len(e.sel) == 0 {
		return nil, err
	}
	return e.taken(b, e.sel), nil
}

func (e *Emit) taken(b *stream.Batch, sel vector.Sel) *stream.Batch {
	out := stream.NewBatch(vector.TakeRecord(e.alloc, b.Rows, sel))
	if b.Kinds != nil {
		out.Kinds = make([]stream.RowKind, len(sel))
		vector.Gather(out.Kinds, b.Kinds, sel)
	}
	return out
}

// expiry is when a window is forgotten.
func expiry(time, lateness int64) int64 {
	if time > math.MaxInt64-lateness {
		return math.MaxInt64
	}
	return time + lateness
}

// add aggregates rows, and gives the results for which nothing is to be awaited.
func (e *Emit) add(ctx context.Context, b *stream.Batch, out ops.Output) error {
	if b.Len() == 0 {
		return nil
	}
	a := e.groups
	ids := make([]uint32, b.Len())
	a.table.Groups(b.Rows, nil, ids)
	a.change(ids)
	a.touch(ids)
	a.table.Revive(a.touched)
	if err := a.apply(b, ids); err != nil {
		return err
	}
	var open []int64
	for i, t := range e.timesOf(a.touched) {
		w, g := e.at(t), a.touched[i]
		if len(w.waiting) == 0 {
			open = append(open, t)
		}
		if a.fresh[i] {
			w.groups = append(w.groups, g)
		}
		e.wait(w, g)
	}
	slices.Sort(open)
	for _, t := range slices.Compact(open) {
		if err := e.react(ctx, e.windows[t], out); err != nil {
			return err
		}
	}
	return nil
}

// react gives the results of a window that has changed, or says when.
func (e *Emit) react(ctx context.Context, w *window, out ops.Output) error {
	delay := e.c.EarlyMillis
	if w.done {
		if delay = e.c.LateMillis; delay == nil {
			delay = new(int64)
		}
	}
	switch {
	case delay == nil || e.c.Once: // until the window is complete
		return nil
	case *delay <= 0:
		return e.give(ctx, w, out)
	}
	w.due = max(1, e.now+*delay)
	return nil
}

// give gives the results of the groups that wait.
func (e *Emit) give(ctx context.Context, w *window, out ops.Output) error {
	ids := w.waiting
	w.waiting, w.due = w.waiting[:0], 0
	t := e.groups.table
	for _, g := range ids {
		e.waits[g/64] &^= 1 << (g % 64)
	}
	for from := 0; from < len(ids); from += maxRows {
		part := ids[from:min(from+maxRows, len(ids))]
		cols := append(t.Keys(part), t.Results(part)...)
		if err := t.Err(); err != nil {
			release(cols)
			return fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		b := stream.NewBatch(array.NewRecordBatch(e.groups.out, cols, int64(len(part))))
		release(cols)
		b.Kinds = make([]stream.RowKind, len(part))
		for i, g := range part {
			if t.Rows(g) <= 0 {
				b.Kinds[i], w.emptied = stream.Delete, true
			}
		}
		if err := e.given.Process(ctx, 0, b, picker{e, out}); err != nil {
			return err
		}
	}
	return nil
}

// picker gives results the columns of the output.
type picker struct {
	of *Emit
	to ops.Output
}

// Emit implements ops.Output.
func (p picker) Emit(ctx context.Context, port ops.Port, b *stream.Batch) error {
	defer b.Release()
	cols := make([]arrow.Array, len(p.of.c.Pick))
	for i, at := range p.of.c.Pick {
		cols[i] = b.Rows.Column(at)
	}
	return p.to.Emit(ctx, port, &stream.Batch{Rows: array.NewRecordBatch(p.of.out, cols, b.Rows.NumRows()), Kinds: b.Kinds})
}

// Advance implements ops.Operator.
func (e *Emit) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if e.c.Processing && wm.Time != stream.End {
		return nil
	}
	return e.advance(ctx, wm.Time, out)
}

// Tick implements ops.Ticker.
func (e *Emit) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	e.now = int64(now.Now)
	for _, t := range e.order {
		w := e.windows[t]
		if w.due != 0 && w.due <= e.now && len(w.waiting) > 0 && !e.c.Once && (w.done || e.c.EarlyMillis != nil) {
			if err := e.give(ctx, w, out); err != nil {
				return err
			}
		}
	}
	if e.c.Processing {
		return e.advance(ctx, now.Now, out)
	}
	return nil
}

// advance gives the results of the windows that are complete at wm, and forgets
// those whose rows would be late.
func (e *Emit) advance(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	if wm <= e.wm {
		return nil
	}
	e.wm = wm
	gone := 0
	for _, t := range e.order {
		if t > int64(wm) {
			break
		}
		w := e.windows[t]
		forget := expiry(t, e.c.LatenessMillis) <= int64(wm)
		give := forget || !w.done && !e.c.Once
		w.done = true
		if give {
			if err := e.give(ctx, w, out); err != nil {
				return err
			}
		}
		if forget {
			if err := e.forget(t, w); err != nil {
				return err
			}
			gone++
		}
	}
	e.order = slices.Delete(e.order, 0, gone)
	return nil
}

// forget removes the groups of a window.
func (e *Emit) forget(time int64, w *window) error {
	delete(e.windows, time)
	slices.Sort(w.groups)
	ids := slices.Compact(w.groups)
	for from := 0; from < len(ids); from += maxRows {
		keys := e.groups.table.Keys(ids[from:min(from+maxRows, len(ids))])
		err := e.groups.Forget(keys)
		if err == nil {
			err = e.given.Forget(keys)
		}
		release(keys)
		if err != nil {
			return err
		}
	}
	return nil
}

// Flush implements ops.Operator. Groups without rows leave the table with it, so
// what is to be said of them is said before.
func (e *Emit) Flush(ctx context.Context, epoch stream.Epoch, out ops.Output) error {
	rows := e.groups.table.Rows
	for _, t := range e.order {
		w := e.windows[t]
		empty := &window{}
		w.waiting = slices.DeleteFunc(w.waiting, func(g uint32) bool {
			if rows(g) <= 0 {
				empty.waiting = append(empty.waiting, g)
			}
			return rows(g) <= 0
		})
		if err := e.give(ctx, empty, out); err != nil {
			return err
		}
		if w.emptied || empty.emptied {
			w.groups = slices.DeleteFunc(w.groups, func(g uint32) bool { return rows(g) <= 0 })
			w.emptied = false
		}
	}
	if err := e.groups.Flush(ctx, epoch, out); err != nil {
		return err
	}
	return e.given.Flush(ctx, epoch, out)
}

// Close implements ops.Operator.
func (e *Emit) Close() error {
	if err := e.groups.Close(); err != nil {
		return err
	}
	return e.given.Close()
}
