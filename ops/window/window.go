// Package window aggregates rows by windows of event time: TUMBLE, HOP and
// CUMULATE.
package window

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// ErrNullTime is the error of a row without event time. The text is Flink's.
var ErrNullTime = fmt.Errorf("%w: RowTime field should not be null, please convert it to a non-null long value", job.ErrInvalid)

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// Aggregate computes aggregate functions by key and window. Rows are kept by
// pane: a piece of time that no window cuts (the slide, where it divides the
// size). Each pane has a table of its own, so that the window is not part of
// the key, a batch within one pane is added in one go, and what is done with
// is freed by resetting a table. With HOP(size 6, slide 2):
//
//	panes    │0: a1 b1│2: a1   │4: b1   │6: a1   │
//	         └────────── window 0–6 ────┘                at WM 5: merge 0, 2, 4 → a2 b2
//	                  └────────── window 2–8 ───┘        at WM 7: merge 2, 4, 6 → a2 b1
//
// A window is complete when its end - 1 ms is at or before the watermark. A
// row that lies in complete windows only is late: it is counted, and goes to
// the port ops.Late. A row that lies in others too still counts there.
//
// Windows become complete by the marks within a batch just as by Advance, so
// that the answer does not depend on how rows are cut into batches.
//
// State: a table "panes" with a row for each group of each pane that is still
// needed, and one for each multiset of values (see package agg).
type Aggregate struct {
	in, out    *arrow.Schema
	keys       []int
	specs      []agg.Spec
	properties []Property
	changelog  bool
	grid       grid
	timing     timing

	alloc  memory.Allocator
	layout *agg.Layout
	late   ops.Counter
	stored store

	panes panes
	wm    stream.Timestamp // as far as windows are complete
	due   int64            // the end of the next window, by wall clock
	live  int64            // rows before it are late

	merged *agg.Table
	held   leaving
	whole  leaving
	ids    []uint32
	sels   selections
}

var _ ops.Ticker = (*Aggregate)(nil)

// NewAggregate builds the operator of a vertex over rows of schema in.
func NewAggregate(c Config, v job.Vertex, in *arrow.Schema) (*Aggregate, error) {
	if err := c.check(in); err != nil {
		return nil, err
	}
	out, err := c.output(v, in)
	if err != nil {
		return nil, err
	}
	timing, err := newTiming(c)
	if err != nil {
		return nil, err
	}
	a := &Aggregate{
		in: in, out: out, keys: c.Keys, specs: c.Aggs, properties: c.Properties, changelog: c.Changelog,
		panes: panes{maxOwn: cmp.Or(c.OwnPanes, DefaultOwnPanes)},
		grid:  newGrid(c.SizeMillis, c.SlideMillis, c.OffsetMillis, c.Cumulate), timing: timing,
		wm: stream.Start, due: math.MinInt64, live: math.MinInt64,
	}
	if _, err := a.compile(nil); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return a, nil
}

func (a *Aggregate) compile(alloc memory.Allocator, prefix ...arrow.Field) (*agg.Layout, error) {
	return agg.Compile(a.specs, a.in, a.keys, agg.Options{Retract: a.changelog, Alloc: alloc, Prefix: prefix})
}

// Open implements ops.Operator.
func (a *Aggregate) Open(ctx context.Context, rt ops.Runtime) error {
	a.alloc = rt.Allocator()
	a.late = rt.Counter("numLateRecordsDropped")
	a.timing.nulls = rt.Counter("numNullRowTimeRecordsDropped")
	var err error
	if a.layout, err = a.compile(a.alloc); err != nil {
		return err
	}
	a.panes.layout, a.panes.rest.alloc = a.layout, a.alloc
	if a.panes.rest.layout, err = a.compile(a.alloc, arrow.Field{Name: paneColumn, Type: arrow.PrimitiveTypes.Int64}); err != nil {
		return err
	}
	if a.merged, err = a.layout.NewTable(); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if !a.timing.processed {
		a.complete(rt.Watermark())
	}
	return a.restore(ctx, rt)
}

// complete notes that the windows up to wm are.
func (a *Aggregate) complete(wm stream.Timestamp) {
	a.wm = wm
	a.due = max(a.due, a.grid.due(a.timing.clock.watermark(wm)))
	a.live = a.grid.live(a.due)
}

// Process implements ops.Operator.
func (a *Aggregate) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	b = a.timing.timed(a.alloc, b)
	defer b.Release()
	times, err := a.timing.of(b.Rows.Column(a.timing.column), a.in)
	if err != nil {
		return err
	}
	from := 0
	for _, m := range b.Marks {
		if int(m.Row) >= b.Len() || a.timing.processed {
			break
		}
		if m.Time <= a.wm || a.grid.due(a.timing.clock.watermark(m.Time)) <= a.due {
			continue // completes no window
		}
		if err := a.add(ctx, b, from, int(m.Row), times, out); err != nil {
			return err
		}
		if err := a.fire(ctx, m.Time, out); err != nil {
			return err
		}
		from = int(m.Row)
	}
	return a.add(ctx, b, from, b.Len(), times, out)
}

// add puts the rows [from, to) of b into their panes, all at one watermark.
func (a *Aggregate) add(ctx context.Context, b *stream.Batch, from, to int, times []int64, out ops.Output) error {
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
	times = times[from:to]
	least, greatest := vector.MinMax(times)
	if start := a.grid.paneOf(least); least >= a.live && greatest < start+a.grid.pane {
		if err := a.addTo(start, rec, kinds, nil); err != nil {
			return err
		}
		return a.addShared(rec, kinds)
	}
	late := a.sels.split(times, a.grid, a.live)
	for i, start := range a.sels.starts {
		if err := a.addTo(start, rec, kinds, a.sels.rows[i]); err != nil {
			return err
		}
	}
	if err := a.addShared(rec, kinds); err != nil {
		return err
	}
	if len(late) == 0 {
		return nil
	}
	a.late.Add(int64(len(late)))
	l := stream.NewBatch(vector.TakeRecord(a.alloc, rec, late))
	if kinds != nil {
		l.Kinds = make([]stream.RowKind, len(late))
		vector.Gather(l.Kinds, kinds, late)
	}
	return out.Emit(ctx, ops.Late, l)
}

// addTo adds the rows of sel (nil: all) to one pane. Those of panes that share
// a table are only noted, for addShared.
func (a *Aggregate) addTo(start int64, rec arrow.RecordBatch, kinds []stream.RowKind, sel vector.Sel) error {
	p, err := a.panes.at(start)
	if err != nil {
		return err
	}
	if p.shared {
		a.panes.rest.note(start, sel, int(rec.NumRows()))
		return nil
	}
	ids := a.idsOf(sel, rec)
	p.table.Groups(rec, sel, ids)
	return a.apply(p.table, rec, kinds, sel, ids)
}

// addShared adds the rows that were noted to the panes that share a table.
func (a *Aggregate) addShared(rec arrow.RecordBatch, kinds []stream.RowKind) error {
	s := &a.panes.rest
	if len(s.rows) == 0 {
		return nil
	}
	defer func() { s.rows = s.rows[:0] }()
	keys := make([]arrow.Array, len(a.keys))
	for i, k := range a.keys {
		keys[i] = rec.Column(k)
	}
	keys = s.keysOf(s.starts[:rec.NumRows()], keys)
	defer keys[0].Release()
	ids := a.idsOf(s.rows, rec)
	if err := s.register(&a.panes, s.table.GroupsOf(keys, s.rows, ids)); err != nil {
		return err
	}
	return a.apply(s.table, rec, kinds, s.rows, ids)
}

// idsOf is space for the groups of the rows of sel.
func (a *Aggregate) idsOf(sel vector.Sel, rec arrow.RecordBatch) []uint32 {
	n := len(sel)
	if sel == nil {
		n = int(rec.NumRows())
	}
	if cap(a.ids) < n {
		a.ids = make([]uint32, n)
	}
	return a.ids[:n]
}

// apply adds or retracts the rows of sel, whose groups are ids.
func (a *Aggregate) apply(t *agg.Table, rec arrow.RecordBatch, kinds []stream.RowKind, sel vector.Sel, ids []uint32) error {
	if kinds == nil {
		t.Add(rec, sel, ids)
		return failed(t)
	}
	added, taken := a.sels.byKind(kinds, sel, ids)
	if len(taken.rows) > 0 && !a.changelog {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	if len(added.rows) > 0 {
		t.Add(rec, added.rows, added.ids)
	}
	if len(taken.rows) > 0 {
		t.Retract(rec, taken.rows, taken.ids)
	}
	return failed(t)
}

// failed is what is wrong with values that were aggregated.
func failed(t *agg.Table) error {
	if err := t.Err(); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return nil
}

// Advance implements ops.Operator.
func (a *Aggregate) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if a.timing.processed && wm.Time != stream.End {
		return nil
	}
	return a.fire(ctx, wm.Time, out)
}

// Tick implements ops.Ticker: windows of processing time follow it.
func (a *Aggregate) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	if _, moved := a.timing.tick(now.Now); !moved {
		return nil
	}
	return a.fire(ctx, now.Now, out)
}

// fire emits the windows that wm completes, in the order of their ends, and
// gives back the panes that no other window needs.
func (a *Aggregate) fire(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	if wm <= a.wm {
		return nil
	}
	next := a.grid.due(a.timing.clock.watermark(wm)) // the first window that stays open
	for end := a.due; end < next; end += a.grid.slide {
		first := a.panes.from(a.grid.live(end))
		if first == nil {
			break
		}
		end = max(end, a.grid.endAfter(first.start)) // over windows without rows
		if end >= next {
			break
		}
		if err := a.window(ctx, end, out); err != nil {
			return err
		}
	}
	if err := a.emit(ctx, &a.held, out); err != nil {
		return err
	}
	a.complete(wm)
	return a.panes.drop(a.live)
}

// window emits the window with this end. Windows of one pane in the shared
// table are held back, to leave together.
func (a *Aggregate) window(ctx context.Context, end int64, out ops.Output) error {
	parts := a.panes.within(a.grid.startOf(end), end)
	if len(parts) == 1 && parts[0].shared {
		a.held.pane = parts[0]
		a.held.add(parts[0].groups, end)
		if len(a.held.groups) < maxRows {
			return nil
		}
		return a.emit(ctx, &a.held, out)
	}
	if err := a.emit(ctx, &a.held, out); err != nil || len(parts) == 0 {
		return err
	}
	w := parts[0]
	if len(parts) > 1 {
		w = a.merge(parts)
	}
	a.whole.pane = w
	for ids := w.ids(); len(ids) > 0; {
		n := min(maxRows, len(ids))
		a.whole.add(ids[:n], end)
		if err := a.emit(ctx, &a.whole, out); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// merge gives the rows of several panes as one.
func (a *Aggregate) merge(parts []*pane) *pane {
	a.merged.Reset()
	for _, p := range parts {
		if !p.shared {
			a.merged.Merge(p.table)
			continue
		}
		keys := p.keys(p.groups)
		a.merged.MergeGroups(p.table, p.groups, keys)
		release(keys)
	}
	return &pane{table: a.merged}
}

// leaving are groups of one table that are to be emitted, with the ends of
// their windows.
type leaving struct {
	pane   *pane // that has the table
	groups []uint32
	ends   []int64
}

func (l *leaving) add(groups []uint32, end int64) {
	for _, g := range groups {
		if l.pane.table.Rows(g) > 0 {
			l.groups, l.ends = append(l.groups, g), append(l.ends, end)
		}
	}
}

// emit writes the groups of l, and empties it.
func (a *Aggregate) emit(ctx context.Context, l *leaving, out ops.Output) error {
	groups, ends := l.groups, l.ends
	l.groups, l.ends = l.groups[:0], l.ends[:0]
	for from := 0; from < len(groups); from += maxRows {
		to := min(from+maxRows, len(groups))
		cols := append(l.pane.keys(groups[from:to]), l.pane.table.Results(groups[from:to])...)
		if err := failed(l.pane.table); err != nil {
			release(cols)
			return err
		}
		for i, p := range a.properties {
			cols = append(cols, a.property(p, ends[from:to], a.out.Field(len(a.keys)+len(a.specs)+i).Type))
		}
		rec := array.NewRecordBatch(a.out, cols, int64(to-from))
		release(cols)
		if err := out.Emit(ctx, ops.Main, stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return nil
}

// property is a column of the windows with these ends.
func (a *Aggregate) property(p Property, ends []int64, of arrow.DataType) arrow.Array {
	col, values := newTimes(a.alloc, of, len(ends))
	t := of.(*arrow.TimestampType)
	for i, end := range ends {
		if i > 0 && end == ends[i-1] {
			values[i] = values[i-1]
			continue
		}
		values[i] = p.at(a.grid.startOf(end), end, t, a.timing.clock)
	}
	return col
}

// Flush implements ops.Operator.
func (a *Aggregate) Flush(context.Context, stream.Epoch, ops.Output) error {
	return a.save()
}

// Close implements ops.Operator.
func (a *Aggregate) Close() error {
	a.panes.release()
	if a.merged != nil {
		a.merged.Release()
	}
	return nil
}
