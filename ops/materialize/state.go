package materialize

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// seqColumn orders the rows of a key as they came.
const seqColumn = "$seq"

// Open implements ops.Operator. Rows are put into their chains in the order in
// which they came.
func (m *Materialize) Open(ctx context.Context, rt ops.Runtime) error {
	m.alloc, m.durable = rt.Allocator(), rt.Durable()
	var fields []arrow.Field
	for i, k := range m.c.Keys {
		f := m.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	m.schema = arrow.NewSchema(append(fields, m.in.Fields()...), nil)
	var err error
	m.saved, err = rt.Table(ops.TableSpec{Name: "rows", Schema: m.schema, Keys: len(fields), Partition: len(m.c.Keys)})
	if err != nil {
		return err
	}
	var all []uint32
	for rec, err := range m.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		ids := make([]uint32, rec.NumRows())
		m.store.Append(rec.Columns()[len(fields):], nil, ids)
		for i, seq := range vector.Values[int64](rec.Column(len(fields) - 1)) {
			*m.extra(ids[i]) = extra{seq: uint64(seq), known: 1}
			m.seq = max(m.seq, uint64(seq))
		}
		all = append(all, ids...)
	}
	m.link(all)
	m.store.ClearDirty()
	return nil
}

func (m *Materialize) link(ids []uint32) {
	slices.SortFunc(ids, func(a, b uint32) int { return cmp.Compare(m.extra(a).seq, m.extra(b).seq) })
	for from := 0; from < len(ids); from += maxRows {
		part := ids[from:min(from+maxRows, len(ids))]
		cols := make([]arrow.Array, len(m.c.Keys))
		for i, k := range m.c.Keys {
			cols[i] = m.store.TakeColumn(m.alloc, k, part)
		}
		m.chains.Add(cols, nil, part)
		release(cols)
	}
}

// save writes what has changed since the last call.
func (m *Materialize) save() error {
	if !m.durable {
		m.store.ClearDirty()
		return nil
	}
	for from := 0; from < len(m.gone); from += maxRows {
		part := m.gone[from:min(from+maxRows, len(m.gone))]
		rec := m.record(part, true)
		err := m.saved.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
	}
	m.store.Free(m.gone)
	m.gone = m.gone[:0]
	dirty := m.store.Dirty(nil)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		rec := m.record(part, false)
		err := m.saved.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		for _, id := range part {
			m.extra(id).known = 1
		}
	}
	m.store.ClearDirty()
	return nil
}

// record is rows as the state table has them, or their keys alone.
func (m *Materialize) record(ids []uint32, keys bool) arrow.RecordBatch {
	var cols []arrow.Array
	for _, k := range m.c.Keys {
		cols = append(cols, m.store.TakeColumn(m.alloc, k, ids))
	}
	buf, seqs := vector.NewValues[int64](m.alloc, len(ids))
	for i, id := range ids {
		seqs[i] = int64(m.extra(id).seq)
	}
	cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
	schema := m.schema
	if keys {
		schema = arrow.NewSchema(schema.Fields()[:len(cols)], nil)
	} else {
		cols = append(cols, m.store.Take(m.alloc, ids)...)
	}
	defer release(cols)
	return array.NewRecordBatch(schema, cols, int64(len(ids)))
}
