// Package rank keeps the first rows of each partition in some order: Top-N,
// ORDER BY … LIMIT over a stream, and the first row per window.
package rank

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// Rank keeps the rows with ranks From to To of each partition and emits how
// they change, once per batch and partition. Top 2 by price, descending:
//
//	in             kept before → after      with the rank          without
//	+I 10, +I 30   – → 30 10                +I 30 1, +I 10 2       +I 30, +I 10
//	+I 20          30 10 → 30 20            -U 10 2, +U 20 2       -D 10, +I 20
//	+I 5           30 20 → 30 20            nothing                nothing
//
// Equal rows keep the order in which they came. A partition is a list of rows
// in their order; each entry has the beginning of its order key, so that most
// comparisons look at nothing else:
//
//	partition ─▶ [key id][key id][key id] …     rows in the store: columns │ seq │ key │ known
//
// Over rows that are never taken back, what falls out of the first N is
// forgotten. Otherwise all rows are kept, and found by their content when they
// are taken back.
//
// In windows, and in a batch job (FinalOnly), rows are emitted once, when their
// partition is complete.
//
// State: a table "rows" of what is kept, by partition and sequence number.
type Rank struct {
	c       Config
	in, out *arrow.Schema
	keys    *vector.OrderKeys
	zone    *time.Location

	alloc memory.Allocator
	// durable says that the table of state keeps what it is told.
	durable bool
	late    ops.Counter
	saved   stateTable

	store *rowstore.Store
	tails []string // of rows by id, where keys are not fixed
	table *hashtable.Table
	lists *mem.Lists[entry]
	ends  map[int64][]uint32 // partitions by the end of their window
	wm    stream.Timestamp
	seq   uint64
	gone  []uint32 // rows that the state table still has

	batch   batch
	changes changes
	gids    []uint32
	ids     []uint32
	sels    [2]vector.Sel
	dirty   vector.Sel
	loose   []uint32 // rows to be freed when the batch is emitted
	empty   []uint32 // partitions that may have no rows
}

var _ ops.Operator = (*Rank)(nil)

// NewRank builds the operator of a vertex over rows of schema in.
func NewRank(c Config, v job.Vertex, in *arrow.Schema) (*Rank, error) {
	if err := c.check(in); err != nil {
		return nil, err
	}
	zone, err := c.Window.location()
	if err != nil {
		return nil, err
	}
	r := &Rank{c: c, in: in, out: c.output(v, in), keys: c.keys(in), zone: zone, ends: map[int64][]uint32{}, wm: stream.Start}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return r, nil
}

// open makes the empty store and table.
func (r *Rank) open() error {
	types := make([]arrow.DataType, r.in.NumFields())
	for i, f := range r.in.Fields() {
		types[i] = f.Type
	}
	var err error
	r.store, err = rowstore.New(rowstore.Options{Index: r.c.Changelog}, types, 8*(firstWord+r.keys.Width()))
	if err != nil {
		return err
	}
	keys := []arrow.DataType{arrow.Null}
	if len(r.c.Partition) > 0 {
		keys = keys[:0]
		for _, k := range r.c.Partition {
			keys = append(keys, types[k])
		}
	}
	r.lists = mem.NewLists[entry](mem.Default())
	r.table, err = hashtable.New(hashtable.Options{}, keys, int(unsafe.Sizeof(partition{})))
	return err
}

// Open implements ops.Operator.
func (r *Rank) Open(ctx context.Context, rt ops.Runtime) error {
	r.alloc, r.durable = rt.Allocator(), rt.Durable()
	r.late = rt.Counter("numLateRecordsDropped")
	r.wm = rt.Watermark()
	return r.restore(ctx, rt)
}

// final says that rows are emitted when their partition is complete.
func (r *Rank) final() bool { return r.c.FinalOnly || r.c.Window != nil }

// KeyColumns are the columns of a partition, where rows of different partitions
// may come in any order: where none is late.
func (r *Rank) KeyColumns(int) []int {
	if r.c.Window != nil {
		return nil
	}
	return r.c.Partition
}

// Process implements ops.Operator.
func (r *Rank) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	added, taken, err := r.split(ctx, b, out)
	if err != nil {
		return err
	}
	r.batch.begin(r, b)
	r.add(added)
	if err := r.take(taken); err != nil {
		return err
	}
	if !r.final() {
		if err := r.emitChanges(ctx, out); err != nil {
			return err
		}
	}
	r.settle()
	return nil
}

// split gives the rows that are added and those that are taken away. Rows whose
// window is complete are late.
func (r *Rank) split(ctx context.Context, b *stream.Batch, out ops.Output) (added, taken vector.Sel, err error) {
	if r.c.Window == nil && b.Kinds == nil {
		r.sels[0] = vector.All(r.sels[0], b.Len())
		return r.sels[0], nil, nil
	}
	added, taken = r.sels[0][:0], r.sels[1][:0]
	var late vector.Sel
	if r.c.Window != nil {
		r.batch.ends = r.windowEnds(b.Rows.Column(r.c.Window.End))
	}
	wm, marks := r.wm, b.Marks
	for i := range b.Len() {
		for len(marks) > 0 && int(marks[0].Row) <= i {
			wm = max(wm, marks[0].Time)
			marks = marks[1:]
		}
		switch {
		case r.c.Window != nil && complete(r.batch.ends[i], wm):
			late = append(late, uint32(i))
		case b.Kind(i).Retracts():
			taken = append(taken, uint32(i))
		default:
			added = append(added, uint32(i))
		}
	}
	r.sels = [2]vector.Sel{added, taken}
	if len(late) == 0 {
		return added, taken, nil
	}
	r.late.Add(int64(len(late)))
	l := stream.NewBatch(vector.TakeRecord(r.alloc, b.Rows, late))
	if b.Kinds != nil {
		l.Kinds = make([]stream.RowKind, len(late))
		vector.Gather(l.Kinds, b.Kinds, late)
	}
	return added, taken, out.Emit(ctx, ops.Late, l)
}

// complete reports that a window that ends at end has all its rows.
func complete(end int64, wm stream.Timestamp) bool {
	return wm == stream.End || end-1 <= int64(wm)
}

// windowEnds are the ends of the rows' windows as points in time.
func (r *Rank) windowEnds(col arrow.Array) []int64 {
	ms := vector.Values[int64](col)
	switch col.DataType().(*arrow.TimestampType).Unit {
	case arrow.Millisecond:
	case arrow.Second:
		ms = scaled(ms, 1000, 1)
	case arrow.Microsecond:
		ms = scaled(ms, 1, 1000)
	case arrow.Nanosecond:
		ms = scaled(ms, 1, 1_000_000)
	}
	if r.zone == nil {
		return ms
	}
	out := make([]int64, len(ms))
	for i, t := range ms {
		if i > 0 && t == ms[i-1] {
			out[i] = out[i-1]
			continue
		}
		at := time.UnixMilli(t).UTC()
		out[i] = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), r.zone).UnixMilli()
	}
	return out
}

func scaled(v []int64, times, by int64) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = x * times / by
	}
	return out
}

// partitions writes the partitions of rows to gids.
func (r *Rank) partitions(cols []arrow.Array, sel vector.Sel, n int) []uint32 {
	if cap(r.gids) < n {
		r.gids = make([]uint32, n)
	}
	gids := r.gids[:n]
	r.table.FindOrInsert(cols, sel, gids)
	return gids
}

// keyColumns are the columns of the partition, or one of NULLs.
func (r *Rank) keyColumns(cols []arrow.Array) []arrow.Array {
	out := make([]arrow.Array, len(r.c.Partition))
	for i, k := range r.c.Partition {
		out[i] = cols[k]
	}
	return out
}

// add puts rows of the batch into their partitions.
func (r *Rank) add(sel vector.Sel) {
	if len(sel) == 0 {
		return
	}
	b := &r.batch
	gids := r.partitions(b.partition, sel, len(sel))
	if r.c.Changelog {
		ids := r.space(len(sel))
		r.store.Append(b.cols, sel, ids)
		r.keep(sel, ids)
		for i, row := range sel {
			r.relieve(i)
			p := r.touch(gids[i], row)
			e := entry{key: b.key(row), id: ids[i]}
			r.lists.Insert(&p.list, r.after(r.lists.Of(&p.list), e), e)
		}
		return
	}
	for i, row := range sel {
		r.relieve(i)
		p := r.touch(gids[i], row)
		e := entry{key: b.key(row), id: pending | row}
		rows := r.lists.Of(&p.list)
		if n := len(rows); int64(n) >= p.to {
			if p.to == 0 || r.c.Function == RowNumber && !r.before(e, rows[n-1]) {
				continue
			}
			if r.c.Function == RowNumber {
				r.drop(rows[n-1])
				rows = rows[:n-1]
				r.lists.Cut(&p.list, n-1)
			}
		}
		r.lists.Insert(&p.list, r.after(rows, e), e)
	}
	r.appendPending()
}

// relieve lets cold pages leave memory, each few hundred rows.
func (r *Rank) relieve(i int) {
	if i%512 == 0 {
		r.store.Relieve()
	}
}

// drop forgets a row that has fallen out of its partition.
func (r *Rank) drop(e entry) {
	if e.id&pending == 0 {
		r.loose = append(r.loose, e.id)
	}
}

// appendPending cuts the partitions at their last rank, and gives the rows of
// the batch that are still in them their ids.
func (r *Rank) appendPending() {
	b := &r.batch
	for _, g := range b.touched {
		p := r.part(g)
		rows := r.lists.Of(&p.list)
		if r.c.Function != RowNumber {
			n := r.visible(rows, p.to)
			for _, e := range rows[n:] {
				r.drop(e)
			}
			rows = rows[:n]
			r.lists.Cut(&p.list, n)
		}
		for _, e := range rows {
			if e.id&pending != 0 {
				b.mark(e.id &^ pending)
			}
		}
	}
	b.marked()
	if len(b.kept) == 0 {
		return
	}
	ids := r.space(len(b.kept))
	r.store.Append(b.cols, b.kept, ids)
	r.keep(b.kept, ids)
	b.number(ids)
	for _, g := range b.touched {
		rows := r.lists.Of(&r.part(g).list)
		for i, e := range rows {
			if e.id&pending != 0 {
				rows[i].id = b.ids[e.id&^pending]
			}
		}
	}
}

// keep notes the order keys of rows that were appended to the store.
func (r *Rank) keep(sel vector.Sel, ids []uint32) {
	b := &r.batch
	for i, id := range ids {
		x := r.extra(id)
		r.seq++
		x.seq = r.seq
		copy(r.wordsOf(id), b.wordsOf(sel[i]))
		if !r.keys.Fixed() {
			r.setTail(id, b.tails[sel[i]])
		}
	}
	r.store.Mark(ids)
}

func (r *Rank) setTail(id uint32, tail string) {
	for int(id) >= len(r.tails) {
		r.tails = append(r.tails, "")
	}
	r.tails[id] = tail
}

// take removes rows of the batch, by their content, from their partitions.
func (r *Rank) take(sel vector.Sel) error {
	if len(sel) == 0 {
		return nil
	}
	if !r.c.Changelog {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	b := &r.batch
	gids := r.partitions(b.partition, sel, len(sel))
	ids := r.space(len(sel))
	r.store.Claim(b.cols, sel, ids)
	for i, id := range ids {
		r.relieve(i)
		if id == rowstore.None {
			r.empty = append(r.empty, gids[i])
			continue
		}
		p := r.touch(gids[i], sel[i])
		r.lists.Remove(&p.list, r.find(r.lists.Of(&p.list), entry{key: b.key(sel[i]), id: id}))
		r.loose = append(r.loose, id)
	}
	return nil
}

func (r *Rank) space(n int) []uint32 {
	if cap(r.ids) < n {
		r.ids = make([]uint32, n)
	}
	return r.ids[:n]
}

// touch is a partition, with a copy of its first rows as they were before the
// batch.
func (r *Rank) touch(g, row uint32) *partition {
	p := r.part(g)
	b := &r.batch
	if p.batch == b.serial {
		return p
	}
	p.batch = b.serial
	if !p.begun {
		r.begin(p, g, row)
	}
	p.old = uint32(len(b.old))
	if rows := r.lists.Of(&p.list); !r.final() {
		b.old = append(b.old, rows[:r.visible(rows, p.to)]...)
	}
	p.oldRows = uint32(len(b.old)) - p.old
	b.touched = append(b.touched, g)
	return p
}

// begin sets up a new partition whose first row is that of the batch.
func (r *Rank) begin(p *partition, g, row uint32) {
	p.to, p.begun = r.c.To, true
	if r.c.Limit != nil {
		p.to = 0
		if col := r.batch.cols[*r.c.Limit]; col.IsValid(int(row)) {
			p.to = max(vector.Values[int64](col)[row], 0)
		}
	}
	if !r.c.Changelog {
		r.lists.Reserve(&p.list, int(min(p.to, few)))
	}
	if r.c.Window != nil {
		p.end = r.batch.ends[row]
		r.ends[p.end] = append(r.ends[p.end], g)
	}
}

// few is for how many rows a partition has room from the beginning.
const few = 4

// settle frees the rows that have left, and partitions without rows.
func (r *Rank) settle() {
	r.free(r.loose, false)
	r.loose = r.loose[:0]
	for _, g := range r.batch.touched {
		if r.part(g).list.Len() == 0 {
			r.empty = append(r.empty, g)
		}
	}
	r.forget()
}

// free gives rows back, at once or, when the state table knows them, when it
// has been told; of rows that expire it knows by itself.
func (r *Rank) free(ids []uint32, expired bool) {
	now := ids[:0]
	for _, id := range ids {
		if r.extra(id).known != 0 && !expired {
			r.gone = append(r.gone, id)
			continue
		}
		if r.tails != nil {
			r.tails[id] = ""
		}
		now = append(now, id)
	}
	r.store.Free(now)
}

// forget removes the partitions of r.empty, each once.
func (r *Rank) forget() {
	gone := r.empty[:0]
	for _, g := range r.empty {
		p := r.part(g)
		if p.list.Len() > 0 || p.dead {
			continue
		}
		p.dead = true
		r.lists.Clear(&p.list)
		gone = append(gone, g)
		if r.c.Window != nil && p.begun {
			r.leaveWindow(p.end, g)
		}
	}
	r.table.Delete(gone)
	r.empty = r.empty[:0]
}

// Advance implements ops.Operator.
func (r *Rank) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	r.wm = max(r.wm, wm.Time)
	if r.c.Window != nil {
		return r.fire(ctx, out)
	}
	if !r.c.FinalOnly || wm.Time != stream.End {
		return nil
	}
	for from := 0; from < r.table.Gids(); from += maxRows {
		r.table.Relieve()
		if err := r.emitFinal(ctx, r.table.LiveIn(nil, uint32(from), uint32(from+maxRows)), out); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements ops.Operator.
func (r *Rank) Flush(context.Context, stream.Epoch, ops.Output) error { return r.save() }

// Close implements ops.Operator.
func (r *Rank) Close() error {
	r.store.Release()
	r.table.Free()
	r.lists.Free()
	return nil
}

// none is the rank of no row.
const none = math.MaxInt64
