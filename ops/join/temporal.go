package join

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// TemporalKind is the name in a graph of a join with the versions of a table.
const TemporalKind = "temporal-join"

// TemporalConfig is that of a vertex of kind TemporalKind. The type is Inner or
// Left.
type TemporalConfig struct {
	Config
	// LeftTime is the column of the left input that says which version a row is
	// joined with; RightTime that of the right one from which on a version holds.
	LeftTime  int `json:"leftTime"`
	RightTime int `json:"rightTime"`
}

// Temporal joins each row of the left input with the version of the right one that
// held at its time: of the rows with its key the one with the greatest time at or
// before it; of several with that time, the one that came last.
//
//	right   (eur, 00:00, 1.1)           (eur, 00:10, 1.2)
//	left              (00:05, eur)              (00:12, eur)
//	joined            1.1                       1.2
//
// A row waits until the watermark has reached its time, since versions may come out
// of order until then. A row -D of the right input ends the version before it at
// its time; a -U says nothing that the +U behind it does not say. Of the versions
// that the watermark has passed, the last of each key is kept.
type Temporal struct {
	how  Type
	in   [2]side
	out  *arrow.Schema
	cond *condition

	alloc    memory.Allocator
	wm       stream.Timestamp
	waiting  due // rows of the left input
	versions due // rows of the right input

	numbers []uint32
}

var _ ops.Operator = (*Temporal)(nil)

// NewTemporal builds the operator of a vertex of kind TemporalKind.
func NewTemporal(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return buildTemporal(v, in, nil)
}

// TemporalWith is NewTemporal for conditions that call functions of the user.
func TemporalWith(functions map[string]expr.UserFunc) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildTemporal(v, in, functions) }
}

func buildTemporal(v job.Vertex, in []*arrow.Schema, functions map[string]expr.UserFunc) (ops.Operator, error) {
	c, err := ops.DecodeConfig[TemporalConfig](v)
	if err != nil {
		return nil, err
	}
	c.functions = functions
	if len(in) != 2 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 2", job.ErrInvalid, v.Name, len(in))
	}
	if err := c.check(in); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, v.Name, err)
	}
	if c.Type != Inner && c.Type != Left || len(c.LeftKeys) == 0 {
		return nil, fmt.Errorf("%w: versions are joined by a key, as inner or left join", job.ErrInvalid)
	}
	t := &Temporal{how: c.Type}
	for i, keys := range [][]int{c.LeftKeys, c.RightKeys} {
		t.in[i] = side{
			name: []string{"left", "right"}[i], schema: in[i], keys: keys, nullSafe: c.NullSafe, kinded: true,
			time: []int{c.LeftTime, c.RightTime}[i],
		}
		if f := in[i].Field(t.in[i].time); f.Type.ID() != arrow.TIMESTAMP {
			return nil, fmt.Errorf("%w: time %s is %v, want a timestamp", job.ErrInvalid, f.Name, f.Type)
		}
	}
	if t.out, err = c.output(v, in); err != nil {
		return nil, err
	}
	t.cond, err = c.condition(in)
	return t, err
}

// Open implements ops.Operator.
func (t *Temporal) Open(ctx context.Context, rt ops.Runtime) error {
	t.alloc, t.wm = rt.Allocator(), rt.Watermark()
	for i := range t.in {
		s := &t.in[i]
		if err := s.open(); err != nil {
			return fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
		}
		if err := s.restore(ctx, rt, func(ids []uint32) error {
			if i == 1 {
				s.link(t.alloc, ids)
			}
			if err := s.timed(t.alloc, ids); err != nil {
				return err
			}
			t.await(i, ids)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// timed notes the times of restored rows.
func (s *side) timed(alloc memory.Allocator, ids []uint32) error {
	for from := 0; from < len(ids); from += maxRows {
		part := ids[from:min(from+maxRows, len(ids))]
		cols := make([]arrow.Array, s.time+1)
		cols[s.time] = s.store.TakeColumn(alloc, s.time, part)
		times, err := s.times(cols)
		if err != nil {
			cols[s.time].Release()
			return err
		}
		for i, id := range part {
			s.extra(id).time = times[i]
		}
		cols[s.time].Release()
	}
	return nil
}

// await puts stored rows into the heap of their input.
func (t *Temporal) await(input int, ids []uint32) {
	heap := &t.waiting
	if input == 1 {
		heap = &t.versions
	}
	for _, id := range ids {
		x := t.in[input].extra(id)
		heap.push(entry{at: x.time, seq: x.seq, id: id})
	}
}

// Process implements ops.Operator.
func (t *Temporal) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	return segments(b, func(wm stream.Timestamp) error { return t.advance(ctx, wm, out) },
		func(part *stream.Batch) error { return t.store(input, part) })
}

// store keeps rows: all of the left input, and those of the right one that are, or
// end, a version.
func (t *Temporal) store(input int, b *stream.Batch) error {
	s := &t.in[input]
	cols := b.Rows.Columns()
	times, err := s.times(cols)
	if err != nil {
		return err
	}
	var sel vector.Sel
	if input == 1 {
		if sel, _ = s.joinable(s.keyColumns(cols), versionsOf(b.Kinds), b.Len(), nil, nil); sel != nil && len(sel) == 0 {
			return nil
		}
	}
	ids := s.append(cols, sel, b.Len())
	for i, id := range ids {
		row := i
		if sel != nil {
			row = int(sel[i])
		}
		x := s.extra(id)
		x.time, x.kind = times[row], b.Kind(row)
	}
	if input == 1 {
		s.chains.Add(s.keyColumns(cols), sel, ids)
	}
	t.await(input, ids)
	return nil
}

// versionsOf leaves out the rows that say only what was before an update; nil means
// all rows.
func versionsOf(kinds []stream.RowKind) vector.Sel {
	if kinds == nil {
		return nil
	}
	sel := vector.Sel{}
	for i, k := range kinds {
		if k != stream.UpdateBefore {
			sel = append(sel, uint32(i))
		}
	}
	return sel
}

// Advance implements ops.Operator.
func (t *Temporal) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	return t.advance(ctx, wm.Time, out)
}

func (t *Temporal) advance(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	if wm <= t.wm {
		return nil
	}
	t.wm = wm
	s := &t.in[0]
	var ids []uint32
	for more := true; more; {
		var e entry
		if e, more = t.waiting.pop(wm); more {
			ids = append(ids, e.id)
		}
		if len(ids) == maxRows || !more && len(ids) > 0 {
			if err := t.emit(ctx, ids, out); err != nil {
				return err
			}
			s.drop(ids)
			ids = ids[:0]
		}
	}
	t.prune(wm)
	return nil
}

// emit joins rows of the left input with their versions.
func (t *Temporal) emit(ctx context.Context, ids []uint32, out ops.Output) error {
	l, r := &t.in[0], &t.in[1]
	rec := record(l.schema, l.store.Take(t.alloc, ids), len(ids))
	defer rec.Release()
	p := &pairs{}
	t.numbers = resized(t.numbers, len(ids))
	keys := l.keyColumns(rec.Columns())
	r.chains.Find(keys, nil, t.numbers)
	var strict []arrow.Array
	for i, k := range keys {
		if k.NullN() > 0 && (l.nullSafe == nil || !l.nullSafe[i]) {
			strict = append(strict, k)
		}
	}
	for i, id := range ids {
		version := rowstore.None
		if number := t.numbers[i]; number != rowstore.None && !hasNull(strict, i) {
			version = r.version(number, l.extra(id).time)
		}
		if version != rowstore.None {
			p.at, p.row, p.id = append(p.at, uint32(i)), append(p.row, uint32(i)), append(p.id, version)
		}
	}
	if t.cond != nil && len(p.at) > 0 {
		sel, err := t.cond.sel(t.alloc, 0, rec, p, r.store)
		if err != nil {
			return err
		}
		p.row, p.id = gathered(nil, p.row, sel), gathered(nil, p.id, sel)
	}
	if t.how == Left {
		p.row, p.id = padded(p.row, p.id, len(ids))
	}
	if len(p.row) == 0 {
		return nil
	}
	cols := append(takeColumns(t.alloc, rec, p.row), r.store.Take(t.alloc, p.id)...)
	b := stream.NewBatch(record(t.out, cols, len(p.row)))
	for i, row := range p.row {
		kind := l.extra(ids[row]).kind
		if kind != stream.Insert && b.Kinds == nil {
			b.Kinds = make([]stream.RowKind, len(p.row))
		}
		if b.Kinds != nil {
			b.Kinds[i] = kind
		}
	}
	return out.Emit(ctx, ops.Main, b)
}

// padded gives all of n rows: those without a version have None.
func padded(rows vector.Sel, ids []uint32, n int) (vector.Sel, []uint32) {
	all, versions := vector.All(nil, n), make([]uint32, n)
	for i := range versions {
		versions[i] = rowstore.None
	}
	for i, r := range rows {
		versions[r] = ids[i]
	}
	return all, versions
}

// version is the row of a key that holds at a time, or None.
func (s *side) version(number uint32, at int64) uint32 {
	best, found := rowstore.None, entry{}
	for id := s.chains.Head(number); id != rowstore.None; id = s.chains.Next(id) {
		x := s.extra(id)
		e := entry{at: x.time, seq: x.seq}
		if x.time <= at && (best == rowstore.None || found.before(e)) {
			best, found = id, e
		}
	}
	if best != rowstore.None && s.extra(best).kind.Retracts() {
		return rowstore.None
	}
	return best
}

// prune drops the versions that hold for no row to come: all but the last of each
// key at or before wm, and that one when it is an end.
func (t *Temporal) prune(wm stream.Timestamp) {
	s := &t.in[1]
	for {
		e, ok := t.versions.pop(wm)
		if !ok {
			return
		}
		if !s.alive(e) {
			continue
		}
		var old []uint32
		for id := s.chains.Head(s.chains.KeyOf(e.id)); id != rowstore.None; id = s.chains.Next(id) {
			x := s.extra(id)
			if (entry{at: x.time, seq: x.seq}).before(e) || id == e.id && x.kind.Retracts() {
				old = append(old, id)
			}
		}
		s.chains.Remove(old)
		s.drop(old)
	}
}

// Flush implements ops.Operator.
func (t *Temporal) Flush(context.Context, stream.Epoch, ops.Output) error {
	for i := range t.in {
		if err := t.in[i].save(t.alloc); err != nil {
			return err
		}
	}
	return nil
}

// Close implements ops.Operator.
func (t *Temporal) Close() error {
	for i := range t.in {
		t.in[i].close()
	}
	t.waiting.close()
	t.versions.close()
	return nil
}
