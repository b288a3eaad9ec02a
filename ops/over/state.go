package over

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// The columns of the rows' table that say when a row leaves, or that it has.
const (
	dueColumn  = "$due"
	leftColumn = "$left"
)

// streamState is the state tables of a Stream.
type streamState struct {
	rows   savedRows
	parts  keyed
	timers keyed
	aggs   []savedGroups // of the evaluator's groups
}

// keyed is a state table by partition. Without one there is a column that is
// always 0.
type keyed struct {
	ops.Table
	schema *arrow.Schema
	keys   int // of the partition
}

func (s *Stream) openKeyed(rt ops.Runtime, name string, values []arrow.Field, valueKeys int) (keyed, error) {
	fields := s.keyFields()
	if len(fields) == 0 {
		fields = append(fields, arrow.Field{Name: "$all", Type: arrow.PrimitiveTypes.Int8})
	}
	k := keyed{keys: len(s.c.Partition)}
	n := len(fields)
	k.schema = arrow.NewSchema(append(fields, values...), nil)
	var err error
	k.Table, err = rt.Table(ops.TableSpec{Name: name, Schema: k.schema, Keys: n + valueKeys, Partition: k.keys})
	return k, err
}

// scan gives the columns of the partition and those behind them.
func (k *keyed) scan(ctx context.Context, load func(keys, cols []arrow.Array, n int)) error {
	for rec, err := range k.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		load(rec.Columns()[:k.keys], rec.Columns()[max(k.keys, 1):], int(rec.NumRows()))
	}
	return nil
}

// write upserts rows, or deletes them by their keys.
func (k *keyed) write(keys, cols []arrow.Array, n int, gone bool) error {
	all := slices.Clone(keys)
	if len(keys) == 0 {
		b := array.NewInt8Builder(memory.DefaultAllocator)
		for range n {
			b.Append(0)
		}
		zero := b.NewArray()
		defer zero.Release()
		all = append(all, zero)
	}
	all = append(all, cols...)
	rec := array.NewRecordBatch(arrow.NewSchema(k.schema.Fields()[:len(all)], nil), all, int64(n))
	defer rec.Release()
	if gone {
		return k.Delete(rec)
	}
	return k.Upsert(rec)
}

// savedGroups is the state of one group of accumulators.
type savedGroups struct {
	g      *group
	groups keyed
	sets   []keyed
}

// restore opens the state tables and loads them.
func (s *Stream) restore(ctx context.Context, rt ops.Runtime) error {
	if err := s.restoreParts(ctx, rt); err != nil {
		return err
	}
	if s.timed() {
		if err := s.restoreTimers(ctx, rt); err != nil {
			return err
		}
	}
	if err := s.restoreRows(ctx, rt); err != nil {
		return err
	}
	for i, g := range s.eval.groups {
		if !g.lives {
			continue
		}
		saved, err := s.restoreGroups(ctx, rt, g, fmt.Sprintf("groups%d", i))
		if err != nil {
			return err
		}
		s.saved.aggs = append(s.saved.aggs, saved)
	}
	return nil
}

func (s *Stream) restoreParts(ctx context.Context, rt ops.Runtime) error {
	long := arrow.PrimitiveTypes.Int64
	var err error
	s.saved.parts, err = s.openKeyed(rt, "partitions", []arrow.Field{
		{Name: "$rows", Type: long}, {Name: "$dense", Type: long}, {Name: "$last", Type: long}, {Name: "$clean", Type: long},
	}, 0)
	if err != nil {
		return err
	}
	return s.saved.parts.scan(ctx, func(keys, cols []arrow.Array, n int) {
		s.find(keys, n)
		rows, dense, last := vector.Values[int64](cols[0]), vector.Values[int64](cols[1]), vector.Values[int64](cols[2])
		clean := vector.Values[int64](cols[3])
		for i, g := range s.gids {
			p := s.part(g)
			p.base, p.last, p.clean = base{rows: rows[i], dense: dense[i]}, last[i], clean[i]
		}
	})
}

func (s *Stream) restoreRows(ctx context.Context, rt ops.Runtime) error {
	var err error
	st := &s.saved.rows
	if *st, err = s.openRows(rt, dueColumn, leftColumn); err != nil {
		return err
	}
	var kept []uint32
	for rec, err := range st.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		n := int(rec.NumRows())
		cols := st.row(rec)
		s.partitions(cols, n)
		due := st.longs(rec, 1)
		times := make([]int64, n)
		if !s.c.Arrival {
			times = vector.Millis(nil, cols[s.c.Order[0].Column].(*array.Timestamp))
		}
		s.ins = make([]uint32, n)
		s.append(cols, n, vector.All(nil, n), times, due)
		seqs, left := st.longs(rec, 0), st.longs(rec, 2)
		for i, id := range s.ids {
			p := s.place(id)
			p.seq, p.known, p.left = uint64(seqs[i]), true, left[i] != 0
			if p.left {
				kept = append(kept, id)
			} else {
				s.wait(id)
				if s.timed() {
					s.timers.Append(&s.part(p.part).timers, timer{time: p.time, due: p.due})
				}
			}
		}
		for _, seq := range seqs {
			s.seq = max(s.seq, uint64(seq))
		}
	}
	s.store.ClearDirty()
	slices.SortFunc(kept, s.compareKept)
	for _, id := range kept {
		s.kept.Append(&s.part(s.place(id).part).kept, id)
	}
	return nil
}

// compareKept orders rows as they have left: in the order, or as they came.
func (s *Stream) compareKept(a, b uint32) int {
	if s.c.Arrival {
		return int(int64(s.place(a).seq) - int64(s.place(b).seq))
	}
	return s.compare(a, b)
}

// find is partitions for the key columns alone.
func (s *Stream) find(keys []arrow.Array, n int) {
	cols := make([]arrow.Array, len(s.types))
	for i, k := range s.c.Partition {
		cols[k] = keys[i]
	}
	s.partitions(cols, n)
}

func (s *Stream) restoreGroups(ctx context.Context, rt ops.Runtime, g *group, name string) (savedGroups, error) {
	out := savedGroups{g: g}
	var err error
	if out.groups, err = s.openKeyed(rt, name, g.layout.Fields(), 0); err != nil {
		return out, err
	}
	if err := out.groups.scan(ctx, func(keys, cols []arrow.Array, n int) { g.table.Load(keys, cols, n) }); err != nil {
		return out, err
	}
	for i, set := range g.layout.Sets() {
		st, err := s.openKeyed(rt, name+" "+set.Name, set.Fields, len(set.Fields)-1)
		if err != nil {
			return out, err
		}
		out.sets = append(out.sets, st)
		err = st.scan(ctx, func(keys, cols []arrow.Array, n int) { g.table.LoadSet(i, keys, cols, n) })
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// save writes what has changed since the last call.
func (s *Stream) save() error {
	if s.timed() {
		if err := s.saveTimers(); err != nil {
			return err
		}
	}
	if err := s.saveParts(); err != nil {
		return err
	}
	if err := s.saveRows(); err != nil {
		return err
	}
	for _, a := range s.saved.aggs {
		if err := a.save(a.g.table); err != nil {
			return fmt.Errorf("write groups: %w", err)
		}
	}
	return nil
}

func (s *Stream) saveParts() error {
	slices.Sort(s.changed) // in the order of their places
	for from := 0; from < len(s.changed); from += maxRows {
		gids := s.changed[from:min(from+maxRows, len(s.changed))]
		var keys []arrow.Array
		if len(s.c.Partition) > 0 {
			keys = s.table.Keys(s.alloc, gids)
		}
		cols := make([]arrow.Array, 4)
		for k := range cols {
			buf, v := vector.NewValues[int64](s.alloc, len(gids))
			for i, g := range gids {
				p := s.part(g)
				v[i] = [...]int64{p.rows, p.dense, p.last, p.clean}[k]
				p.dirty = false
			}
			cols[k] = vector.MakeArray(arrow.PrimitiveTypes.Int64, len(gids), 0, nil, buf)
		}
		err := s.saved.parts.write(keys, cols, len(gids), false)
		release(keys)
		release(cols)
		if err != nil {
			return fmt.Errorf("write partitions: %w", err)
		}
	}
	s.changed = s.changed[:0]
	return nil
}

func (s *Stream) saveRows() error {
	slices.Sort(s.gone) // in the order of their places
	for from := 0; from < len(s.gone); from += maxRows {
		s.store.Relieve()
		part := s.gone[from:min(from+maxRows, len(s.gone))]
		if err := s.saved.rows.write(s.keyOf(part), len(part)); err != nil {
			return err
		}
		for _, id := range part {
			s.place(id).known = false
		}
		s.free(part)
	}
	s.gone = s.gone[:0]
	part := s.dirty
	for from := 0; from < s.store.IDs(); from += maxRows {
		part = s.store.DirtyIn(part, from, from+maxRows)
		if len(part) == 0 || len(part) < maxRows/2 && from+maxRows < s.store.IDs() {
			continue
		}
		s.store.Relieve()
		cols := append(s.keyOf(part),
			s.longs(part, func(p *place) int64 { return p.due }),
			s.longs(part, func(p *place) int64 {
				if p.left {
					return 1
				}
				return 0
			}))
		if err := s.saved.rows.write(append(cols, s.store.Take(s.alloc, part)...), len(part)); err != nil {
			return err
		}
		for _, id := range part {
			s.place(id).known = true
		}
		part = part[:0]
	}
	s.dirty = part[:0]
	s.store.ClearDirty()
	return nil
}

// keyOf are the key columns of rows.
func (s *Stream) keyOf(ids []uint32) []arrow.Array {
	var cols []arrow.Array
	for _, k := range s.c.Partition {
		cols = append(cols, s.store.TakeColumn(s.alloc, k, ids))
	}
	return append(cols, s.longs(ids, func(p *place) int64 { return int64(p.seq) }))
}

func (s *Stream) longs(ids []uint32, of func(*place) int64) arrow.Array {
	buf, v := vector.NewValues[int64](s.alloc, len(ids))
	for i, id := range ids {
		v[i] = of(s.place(id))
	}
	return vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf)
}

// save writes the accumulators that have changed.
func (a *savedGroups) save(t *agg.Table) error {
	for i, st := range a.sets {
		err := t.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			return st.write(keys, cols, cols[0].Len(), gone)
		})
		if err != nil {
			return err
		}
	}
	var dirty, gone []uint32
	for _, g := range t.Dirty(nil) {
		if t.Gone(g) {
			gone = append(gone, g)
		} else {
			dirty = append(dirty, g)
		}
	}
	for from := 0; from < len(gone); from += maxRows {
		part := gone[from:min(from+maxRows, len(gone))]
		keys := t.Keys(part)
		err := a.groups.write(keys, nil, len(part), true)
		release(keys)
		if err != nil {
			return err
		}
	}
	t.Forgotten(gone)
	t.Remove(gone)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		keys, cols := t.Keys(part), t.Export(part)
		err := t.Err()
		if err == nil {
			err = a.groups.write(keys, cols, len(part), false)
		}
		release(keys)
		release(cols)
		if err != nil {
			return err
		}
	}
	t.Written(dirty)
	return nil
}
