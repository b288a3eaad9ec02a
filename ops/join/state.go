package join

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/sweep"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// The columns of a state table beside those of the rows.
const (
	allColumn     = "$all"     // the key of a join without keys, always 0
	seqColumn     = "$seq"     // tells rows with the same key apart, and orders them
	matchesColumn = "$matches" // how many partners a row has
	kindColumn    = "$kind"    // how a row changed its input
	timeColumn    = "$time"    // since when a row is kept
)

// table is the state table of a side: the key columns, the sequence number, and
// then the other columns.
type table struct {
	ops.Table
	spec ops.TableSpec
	// columns are those of a row, in the table's order; keys of them come before
	// the sequence number.
	columns []int
	keys    int
}

// restore loads the rows of the table, and calls each with the ids of some of them
// after others. Rows of a key come in the order in which they came first.
func (s *side) restore(ctx context.Context, rt ops.Runtime, each func(ids []uint32) error) error {
	if err := s.openTable(rt); err != nil {
		return err
	}
	keys := make([]int, s.stored.keys)
	for i := range keys {
		keys[i] = i
	}
	for rec, err := range sweep.Scan(s.stored.Scan(ctx), rt.Allocator(), keys) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", s.stored.spec.Name, err)
		}
		if err := each(s.load(rec)); err != nil {
			return err
		}
	}
	s.store.ClearDirty()
	return nil
}

func (s *side) openTable(rt ops.Runtime) error {
	t := &s.stored
	var fields []arrow.Field
	for _, k := range s.keys {
		if !slices.Contains(t.columns, k) {
			t.columns = append(t.columns, k)
			fields = append(fields, s.schema.Field(k))
		}
	}
	t.keys = len(t.columns)
	t.spec = ops.TableSpec{Name: s.name, Partition: t.keys}
	if t.keys == 0 {
		fields = append(fields, arrow.Field{Name: allColumn, Type: arrow.PrimitiveTypes.Int8})
	}
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	t.spec.Keys = len(fields)
	for i, f := range s.schema.Fields() {
		if !slices.Contains(t.columns, i) {
			t.columns = append(t.columns, i)
			fields = append(fields, f)
		}
	}
	if s.counted {
		fields = append(fields, arrow.Field{Name: matchesColumn, Type: arrow.PrimitiveTypes.Int32})
	}
	if s.kinded {
		fields = append(fields, arrow.Field{Name: kindColumn, Type: arrow.PrimitiveTypes.Int8})
	}
	if s.ttl > 0 {
		fields = append(fields, arrow.Field{Name: timeColumn, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	t.spec.Schema = arrow.NewSchema(unique(fields), nil)
	if s.ttl > 0 {
		t.spec.Optional = []string{fields[len(fields)-1].Name}
	}
	var err error
	s.durable = rt.Durable()
	t.Table, err = rt.Table(t.spec)
	return err
}

// unique gives columns of the same name numbers: state is found by name.
func unique(fields []arrow.Field) []arrow.Field {
	taken := map[string]bool{}
	for i, f := range fields {
		for n := 0; taken[fields[i].Name]; n++ {
			fields[i].Name = f.Name + strconv.Itoa(n)
		}
		taken[fields[i].Name] = true
	}
	return fields
}

// load adds rows of the table to the store.
func (s *side) load(rec arrow.RecordBatch) []uint32 {
	t := &s.stored
	cols := make([]arrow.Array, len(t.columns))
	for i, c := range t.columns {
		at := i
		if i >= t.keys {
			at = t.spec.Keys + i - t.keys
		}
		cols[c] = rec.Column(at)
	}
	ids := make([]uint32, rec.NumRows())
	s.store.Append(cols, nil, ids)
	seq := vector.Values[int64](rec.Column(t.spec.Keys - 1))
	for i, id := range ids {
		s.seq = max(s.seq, seq[i])
		*s.extra(id) = extra{seq: seq[i], known: true}
	}
	at := int(rec.NumCols()) - 1
	if s.ttl > 0 {
		col := rec.Column(at)
		for i, t := range vector.Values[int64](col) {
			if col.IsValid(i) {
				s.extra(ids[i]).time = t
			}
		}
		at--
	}
	if s.kinded {
		for i, k := range vector.Values[int8](rec.Column(at)) {
			s.extra(ids[i]).kind = stream.RowKind(k)
		}
		at--
	}
	if s.counted {
		for i, m := range vector.Values[int32](rec.Column(at)) {
			s.extra(ids[i]).matches = m
		}
	}
	return ids
}

// save writes what has changed since the last call.
func (s *side) save(alloc memory.Allocator) error {
	if !s.durable {
		s.store.ClearDirty()
		return nil
	}
	slices.Sort(s.gone)
	if err := s.write(alloc, s.gone, true); err != nil {
		return err
	}
	s.store.Free(s.gone)
	s.gone = s.gone[:0]
	dirty := s.numbers[:0]
	for from := 0; from < s.store.IDs(); from += maxRows {
		dirty = s.store.DirtyIn(dirty, from, from+maxRows)
		if len(dirty) < maxRows/2 && from+maxRows < s.store.IDs() {
			continue
		}
		if err := s.write(alloc, dirty, false); err != nil {
			return err
		}
		for _, id := range dirty {
			s.extra(id).known = true
		}
		dirty = dirty[:0]
	}
	s.numbers = dirty
	s.store.ClearDirty()
	return nil
}

// write upserts rows, or deletes them.
func (s *side) write(alloc memory.Allocator, ids []uint32, gone bool) error {
	for len(ids) > 0 {
		part := ids[:min(maxRows, len(ids))]
		ids = ids[len(part):]
		rec := s.rows(alloc, part, gone)
		var err error
		if gone {
			err = s.stored.Delete(rec)
		} else {
			err = s.stored.Upsert(rec)
		}
		rec.Release()
		if err != nil {
			return fmt.Errorf("write %s: %w", s.stored.spec.Name, err)
		}
	}
	return nil
}

// rows are rows as the table has them, or only their keys.
func (s *side) rows(alloc memory.Allocator, ids []uint32, keys bool) arrow.RecordBatch {
	t := &s.stored
	var cols []arrow.Array
	for _, c := range t.columns[:t.keys] {
		cols = append(cols, s.store.TakeColumn(alloc, c, ids))
	}
	if t.keys == 0 {
		buf, zero := vector.NewValues[int8](alloc, len(ids))
		clear(zero)
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int8, len(ids), 0, nil, buf))
	}
	buf, seq := vector.NewValues[int64](alloc, len(ids))
	for i, id := range ids {
		seq[i] = s.extra(id).seq
	}
	cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
	if keys {
		return record(arrow.NewSchema(t.spec.Schema.Fields()[:len(cols)], nil), cols, len(ids))
	}
	for _, c := range t.columns[t.keys:] {
		cols = append(cols, s.store.TakeColumn(alloc, c, ids))
	}
	if s.counted {
		buf, matches := vector.NewValues[int32](alloc, len(ids))
		for i, id := range ids {
			matches[i] = s.extra(id).matches
		}
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int32, len(ids), 0, nil, buf))
	}
	if s.kinded {
		buf, kinds := vector.NewValues[int8](alloc, len(ids))
		for i, id := range ids {
			kinds[i] = int8(s.extra(id).kind)
		}
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int8, len(ids), 0, nil, buf))
	}
	if s.ttl > 0 {
		buf, times := vector.NewValues[int64](alloc, len(ids))
		for i, id := range ids {
			times[i] = s.extra(id).time
		}
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
	}
	return record(t.spec.Schema, cols, len(ids))
}
