// Package dedup keeps one row of each key: the first or the last.
package dedup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// Deduplicate keeps one row of each key, once per batch and key:
//
//	in                    last, by time                 first, by arrival   first, by time
//	+I a 10:00, +I b …    +I a 10:00, +I b …            +I a 10:00, +I b …
//	+I a 09:00            nothing: it is older          nothing
//	+I a 11:00            -U a 10:00, +U a 11:00        nothing
//	watermark 10:30                                                         +I a 09:00, …
//
// The first row by time is emitted when the watermark has passed it; rows at or
// before the watermark are late.
//
// The table holds for each key the time and the place of its row. The rows are
// kept beside it only where they are asked for again: for -U, and to be emitted
// later.
//
// State: a table "rows" with a row per key.
type Deduplicate struct {
	c  Config
	in *arrow.Schema

	alloc memory.Allocator
	// durable says that the tables of state keep what they are told.
	durable bool
	late    ops.Counter
	saved   stateTable

	table   *hashtable.Table
	store   *rowstore.Store // nil when only keys are kept
	wm      stream.Timestamp
	waiting []uint32 // keys whose first row has not been emitted

	gids    []uint32
	ids     []uint32
	touched []uint32
	rows    vector.Sel
	old     []uint32
	picks   rowstore.Picks
	kinds   []stream.RowKind
}

// acc is what the table holds of a key.
type acc struct {
	time  int64
	id    uint32 // of the row in the store + 1, or 0
	row   uint32 // of the batch that takes its place + 1, or 0
	state state
	known bool // the state table has it
	// doomed says that the key is to be forgotten when its row has left.
	doomed bool
}

// state is how far a key has come.
type state uint8

const (
	fresh   state = iota // a key without a row
	kept                 // a row that may be replaced
	emitted              // the first row has left
)

var _ ops.Operator = (*Deduplicate)(nil)

// NewDeduplicate builds the operator over rows of schema in.
func NewDeduplicate(c Config, in *arrow.Schema) (*Deduplicate, error) {
	if err := c.check(in); err != nil {
		return nil, err
	}
	d := &Deduplicate{c: c, in: in, wm: stream.Start}
	var keys, types []arrow.DataType
	for _, k := range c.Keys {
		keys = append(keys, in.Field(k).Type)
	}
	for _, f := range in.Fields() {
		types = append(types, f.Type)
	}
	var err error
	if d.table, err = hashtable.New(hashtable.Options{}, keys, int(unsafe.Sizeof(acc{}))); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if c.Rows() {
		if d.store, err = rowstore.New(rowstore.Options{}, types, 0); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	return d, nil
}

// Open implements ops.Operator.
func (d *Deduplicate) Open(ctx context.Context, rt ops.Runtime) error {
	d.alloc, d.durable = rt.Allocator(), rt.Durable()
	d.late = rt.Counter("numLateRecordsDropped")
	d.wm = rt.Watermark()
	return d.restore(ctx, rt)
}

func (d *Deduplicate) acc(gid uint32) *acc {
	return (*acc)(unsafe.Add(d.table.Accs(), uintptr(gid)*uintptr(d.table.Stride())))
}

// KeyColumns are the key, where rows of different keys may come in any order:
// where none is late.
func (d *Deduplicate) KeyColumns(int) []int {
	if d.c.Time != nil {
		return nil
	}
	return d.c.Keys
}

// Process implements ops.Operator.
func (d *Deduplicate) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	n := b.Len()
	if n == 0 {
		return nil
	}
	if slices.ContainsFunc(b.Kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	d.gids = grown(d.gids, n)
	d.touched = d.touched[:0]
	var sel vector.Sel
	if d.c.waits() && !d.c.FinalOnly {
		var err error
		if sel, err = d.inTime(ctx, b, out); err != nil {
			return err
		}
	}
	keys := make([]arrow.Array, len(d.c.Keys))
	for i, k := range d.c.Keys {
		keys[i] = b.Rows.Column(k)
	}
	gids := d.gids[:n]
	if sel != nil {
		gids = gids[:len(sel)]
	}
	d.table.FindOrInsert(keys, sel, gids)
	d.choose(b, sel, gids)
	if len(d.touched) == 0 {
		return nil
	}
	if err := d.emit(ctx, b, out); err != nil {
		return err
	}
	d.replace(b)
	return nil
}

// inTime is the rows that are not late, or nil for all.
func (d *Deduplicate) inTime(ctx context.Context, b *stream.Batch, out ops.Output) (vector.Sel, error) {
	times := d.times(b)
	var late vector.Sel
	wm, marks := d.wm, b.Marks
	for i := range b.Len() {
		for len(marks) > 0 && int(marks[0].Row) <= i {
			wm = max(wm, marks[0].Time)
			marks = marks[1:]
		}
		if times.at(i) <= int64(wm) {
			late = append(late, uint32(i))
		}
	}
	if late == nil {
		return nil, nil
	}
	sel := vector.Sel{}
	for i := range uint32(b.Len()) {
		if _, is := slices.BinarySearch(late, i); !is {
			sel = append(sel, i)
		}
	}
	d.late.Add(int64(len(late)))
	return sel, out.Emit(ctx, ops.Late, stream.NewBatch(vector.TakeRecord(d.alloc, b.Rows, late)))
}

// times reads the times of a batch's rows, in milliseconds; NULL is before all.
type times struct {
	ms  []int64
	col arrow.Array
}

func (d *Deduplicate) times(b *stream.Batch) times {
	if d.c.Time == nil {
		return times{}
	}
	col := b.Rows.Column(*d.c.Time)
	return times{ms: vector.Millis(nil, col.(*array.Timestamp)), col: col}
}

func (t times) at(i int) int64 {
	switch {
	case t.col == nil:
		return 0
	case t.col.NullN() > 0 && t.col.IsNull(i):
		return math.MinInt64
	}
	return t.ms[i]
}

// choose notes for each key of the batch which row takes its place, if any.
func (d *Deduplicate) choose(b *stream.Batch, sel vector.Sel, gids []uint32) {
	times := d.times(b)
	for i, g := range gids {
		row := i
		if sel != nil {
			row = int(sel[i])
		}
		a := d.acc(g)
		t := times.at(row)
		switch {
		case a.state == fresh:
		case d.c.Last && t >= a.time, d.c.waits() && a.state == kept && t < a.time:
		default:
			continue
		}
		if a.row == 0 {
			d.touched = append(d.touched, g)
		}
		a.row, a.time = uint32(row)+1, t
		if a.state == fresh {
			a.state = kept
		}
		a.doomed = false
	}
}

// emit writes what the rows that were chosen change.
func (d *Deduplicate) emit(ctx context.Context, b *stream.Batch, out ops.Output) error {
	if d.c.waits() || d.c.FinalOnly && d.c.Last {
		return nil
	}
	d.kinds = d.kinds[:0]
	updates := false
	for _, g := range d.touched {
		a := d.acc(g)
		kind := stream.Insert
		if d.known(a) {
			kind, updates = stream.UpdateAfter, true
			if d.c.UpdateBefore {
				d.picks.Stored(a.id - 1)
				d.kinds = append(d.kinds, stream.UpdateBefore)
			}
		}
		d.picks.Row(a.row - 1)
		d.kinds = append(d.kinds, kind)
	}
	o := stream.NewBatch(d.picks.Take(d.alloc, d.store, b.Rows))
	if updates {
		o.Kinds = slices.Clone(d.kinds)
	}
	return out.Emit(ctx, ops.Main, o)
}

// known reports whether a row of the key was emitted before the batch.
func (d *Deduplicate) known(a *acc) bool {
	if d.store != nil {
		return a.id != 0
	}
	return a.id == seen
}

// seen is the id of rows that are not kept.
const seen = math.MaxUint32

// replace puts the rows that were chosen in the place of those before.
func (d *Deduplicate) replace(b *stream.Batch) {
	d.table.Mark(d.touched)
	if d.store == nil {
		for _, g := range d.touched {
			a := d.acc(g)
			a.id, a.row = seen, 0
		}
		return
	}
	d.rows, d.old = d.rows[:0], d.old[:0]
	for _, g := range d.touched {
		a := d.acc(g)
		d.rows = append(d.rows, a.row-1)
		switch {
		case a.id != 0:
			d.old = append(d.old, a.id-1)
		case d.c.waits():
			d.waiting = append(d.waiting, g)
		}
	}
	d.store.Free(d.old)
	d.ids = grown(d.ids, len(d.rows))
	d.store.Append(b.Rows.Columns(), d.rows, d.ids)
	for i, g := range d.touched {
		a := d.acc(g)
		a.id, a.row = d.ids[i]+1, 0
	}
}

// Advance implements ops.Operator.
func (d *Deduplicate) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	d.wm = max(d.wm, wm.Time)
	switch {
	case d.c.waits() && (!d.c.FinalOnly || wm.Time == stream.End):
		return d.fire(ctx, out)
	case d.c.Last && d.c.FinalOnly && wm.Time == stream.End:
		return d.final(ctx, d.table.Live(nil), out)
	}
	return nil
}

// fire emits the first rows that the watermark has passed, in the order of
// their times.
func (d *Deduplicate) fire(ctx context.Context, out ops.Output) error {
	var due []uint32
	left := d.waiting[:0]
	for _, g := range d.waiting {
		if d.acc(g).time <= int64(d.wm) {
			due = append(due, g)
		} else {
			left = append(left, g)
		}
	}
	d.waiting = left
	if len(due) == 0 {
		return nil
	}
	slices.SortStableFunc(due, func(x, y uint32) int {
		a, b := d.acc(x).time, d.acc(y).time
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	if err := d.final(ctx, due, out); err != nil {
		return err
	}
	d.old = d.old[:0]
	for _, g := range due {
		a := d.acc(g)
		d.old = append(d.old, a.id-1)
		a.id, a.state = 0, emitted
	}
	d.store.Free(d.old)
	d.table.Mark(due)
	var doomed []uint32
	for _, g := range due {
		if d.acc(g).doomed {
			doomed = append(doomed, g)
		}
	}
	d.forget(doomed)
	return nil
}

// final emits the rows of keys.
func (d *Deduplicate) final(ctx context.Context, gids []uint32, out ops.Output) error {
	for from := 0; from < len(gids); from += maxRows {
		part := gids[from:min(from+maxRows, len(gids))]
		d.ids = grown(d.ids, len(part))
		for i, g := range part {
			d.ids[i] = d.acc(g).id - 1
		}
		cols := d.store.Take(d.alloc, d.ids[:len(part)])
		rec := array.NewRecordBatch(d.in, cols, int64(len(part)))
		release(cols)
		if err := out.Emit(ctx, ops.Main, stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements ops.Operator.
func (d *Deduplicate) Flush(context.Context, stream.Epoch, ops.Output) error { return d.save() }

// Close implements ops.Operator.
func (d *Deduplicate) Close() error {
	d.table.Free()
	if d.store != nil {
		d.store.Release()
	}
	return nil
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
