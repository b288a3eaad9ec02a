package over

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// seqColumn orders the rows of a partition as they came.
const seqColumn = "$seq"

// savedRows is a state table of rows: the partition and the sequence number are
// the key; more columns of the operator and the row follow.
type savedRows struct {
	ops.Table
	schema *arrow.Schema
	keys   int
	more   int // columns between key and row
}

func (w *window) openRows(rt ops.Runtime, more ...string) (savedRows, error) {
	fields := w.keyFields()
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	s := savedRows{keys: len(fields), more: len(more)}
	for _, name := range more {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
	}
	s.schema = arrow.NewSchema(append(fields, w.in.Fields()...), nil)
	var err error
	s.Table, err = rt.Table(ops.TableSpec{Name: "rows", Schema: s.schema, Keys: s.keys, Partition: len(w.c.Partition)})
	return s, err
}

// keyFields are the columns of the partition as state tables have them.
func (w *window) keyFields() []arrow.Field {
	var fields []arrow.Field
	for i, k := range w.c.Partition {
		f := w.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	return fields
}

// row is the columns of the row in a record of the table.
func (s *savedRows) row(rec arrow.RecordBatch) []arrow.Array { return rec.Columns()[s.keys+s.more:] }

// longs is column i of those behind the partition.
func (s *savedRows) longs(rec arrow.RecordBatch, i int) []int64 {
	return vector.Values[int64](rec.Column(s.keys - 1 + i))
}

// write upserts rows or, without the row's columns, deletes them. It takes over
// the columns.
func (s *savedRows) write(cols []arrow.Array, n int) error {
	defer release(cols)
	if len(cols) == s.keys {
		rec := array.NewRecordBatch(arrow.NewSchema(s.schema.Fields()[:s.keys], nil), cols, int64(n))
		defer rec.Release()
		if err := s.Delete(rec); err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
		return nil
	}
	rec := array.NewRecordBatch(s.schema, cols, int64(n))
	defer rec.Release()
	if err := s.Upsert(rec); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// restore opens the state table and loads it, in the order in which the rows
// came.
func (t *Table) restore(ctx context.Context, rt ops.Runtime) error {
	var err error
	if t.saved, err = t.openRows(rt); err != nil {
		return err
	}
	var all []uint32
	for rec, err := range t.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		ids := make([]uint32, rec.NumRows())
		t.store.Append(t.saved.row(rec), nil, ids)
		for i, seq := range t.saved.longs(rec, 0) {
			*t.extra(ids[i]) = extra{seq: uint64(seq), known: 1}
			t.seq = max(t.seq, uint64(seq))
		}
		all = append(all, ids...)
	}
	slices.SortFunc(all, func(a, b uint32) int { return int(int64(t.extra(a).seq) - int64(t.extra(b).seq)) })
	for from := 0; from < len(all); from += maxRows {
		part := all[from:min(from+maxRows, len(all))]
		cols := make([]arrow.Array, len(t.c.Partition))
		for i, k := range t.c.Partition {
			cols[i] = t.store.TakeColumn(t.alloc, k, part)
		}
		t.chains.Add(cols, nil, part)
		release(cols)
	}
	return nil
}

// save writes what has changed since the last call.
func (t *Table) save() error {
	for from := 0; from < len(t.gone); from += maxRows {
		part := t.gone[from:min(from+maxRows, len(t.gone))]
		if err := t.saved.write(t.keyOf(part), len(part)); err != nil {
			return err
		}
		for _, id := range part {
			t.extra(id).known = 0
		}
	}
	t.free(t.gone)
	t.gone = t.gone[:0]
	dirty := t.store.Dirty(nil)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		if err := t.saved.write(append(t.keyOf(part), t.store.Take(t.alloc, part)...), len(part)); err != nil {
			return err
		}
		for _, id := range part {
			t.extra(id).known = 1
		}
	}
	t.store.ClearDirty()
	return nil
}

// keyOf are the key columns of rows.
func (t *Table) keyOf(ids []uint32) []arrow.Array {
	var cols []arrow.Array
	for _, k := range t.c.Partition {
		cols = append(cols, t.store.TakeColumn(t.alloc, k, ids))
	}
	buf, seqs := vector.NewValues[int64](t.alloc, len(ids))
	for i, id := range ids {
		seqs[i] = int64(t.extra(id).seq)
	}
	return append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
}
