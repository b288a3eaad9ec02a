package keyrows

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// seqColumn orders the rows of a key as they came.
const seqColumn = "$seq"

// openTable opens the state table: the columns of the key, the number of the row, and
// the row.
func (r *Rows) openTable(rt ops.Runtime) error {
	r.alloc, r.durable = rt.Allocator(), rt.Durable()
	var fields []arrow.Field
	for i, k := range r.keys {
		f := r.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	r.schema = arrow.NewSchema(append(fields, r.in.Fields()...), nil)
	var err error
	r.saved, err = rt.Table(ops.TableSpec{Name: "rows", Schema: r.schema, Keys: len(fields), Partition: len(r.keys)})
	return err
}

// Save writes what has changed since the last call.
func (r *Rows) Save() error {
	if !r.durable {
		r.Store.ClearDirty()
		return nil
	}
	for part := range slices.Chunk(r.gone, maxRows) {
		if err := r.write(part, true); err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
	}
	r.Store.Free(r.gone)
	r.gone = r.gone[:0]
	for part := range slices.Chunk(r.Store.Dirty(nil), maxRows) {
		if err := r.write(part, false); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		for _, id := range part {
			r.extra(id).known = 1
		}
	}
	r.Store.ClearDirty()
	return nil
}

// write tells the state table of rows, or that they have left.
func (r *Rows) write(ids []uint32, left bool) error {
	var cols []arrow.Array
	for _, k := range r.keys {
		cols = append(cols, r.Store.TakeColumn(r.alloc, k, ids))
	}
	buf, seqs := vector.NewValues[int64](r.alloc, len(ids))
	for i, id := range ids {
		seqs[i] = int64(r.extra(id).seq)
	}
	cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
	schema := r.schema
	if left {
		schema = arrow.NewSchema(schema.Fields()[:len(cols)], nil)
	} else {
		cols = append(cols, r.Store.Take(r.alloc, ids)...)
	}
	defer release(cols)
	rec := array.NewRecordBatch(schema, cols, int64(len(ids)))
	defer rec.Release()
	if left {
		return r.saved.Delete(rec)
	}
	return r.saved.Upsert(rec)
}
