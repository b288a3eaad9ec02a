package rank

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// The columns of the state table besides the input's.
const (
	seqColumn = "$seq"
	endColumn = "$end" // of the window, as a point in time
)

// stateTable holds the kept rows: the partition and the sequence number are the
// key; the end of the window and the row follow.
type stateTable struct {
	ops.Table
	schema *arrow.Schema
	keys   int
	first  int // column of the row
}

func (r *Rank) openTable(rt ops.Runtime) error {
	var fields []arrow.Field
	for i, k := range r.c.Partition {
		f := r.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	fields = append(fields, arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64})
	st := &r.saved
	st.keys = len(fields)
	spec := ops.TableSpec{Name: "rows", Keys: st.keys, Partition: len(r.c.Partition)}
	if r.c.Window != nil {
		fields = append(fields, arrow.Field{Name: endColumn, Type: arrow.PrimitiveTypes.Int64})
		spec.Expiry = endColumn
	}
	st.first = len(fields)
	st.schema = arrow.NewSchema(append(fields, r.in.Fields()...), nil)
	spec.Schema = st.schema
	var err error
	st.Table, err = rt.Table(spec)
	return err
}

// restore opens the state table and loads it.
func (r *Rank) restore(ctx context.Context, rt ops.Runtime) error {
	if err := r.openTable(rt); err != nil {
		return err
	}
	for rec, err := range r.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		r.load(rec)
	}
	r.store.ClearDirty()
	return nil
}

// load puts the rows of a record of the state table into their partitions.
func (r *Rank) load(rec arrow.RecordBatch) {
	n := int(rec.NumRows())
	if n == 0 {
		return
	}
	b := &r.batch
	b.serial++
	b.touched, b.old = b.touched[:0], b.old[:0]
	b.load(r, rec.Columns()[r.saved.first:], n)
	if r.c.Window != nil {
		b.ends = vector.Values[int64](rec.Column(r.saved.keys))
	}
	gids := r.partitions(b.partition, nil, n)
	ids := r.space(n)
	r.store.Append(b.cols, nil, ids)
	seqs := vector.Values[int64](rec.Column(r.saved.keys - 1))
	r.keep(vector.All(nil, n), ids)
	for i, id := range ids {
		x := r.extra(id)
		x.seq, x.known = uint64(seqs[i]), 1
		r.seq = max(r.seq, x.seq)
		p := r.touch(gids[i], uint32(i))
		e := entry{key: b.key(uint32(i)), id: id}
		r.lists.Insert(&p.list, r.find(r.lists.Of(&p.list), e), e)
	}
}

// save writes what has changed since the last call.
func (r *Rank) save() error {
	if !r.durable {
		r.store.ClearDirty()
		return nil
	}
	for from := 0; from < len(r.gone); from += maxRows {
		part := r.gone[from:min(from+maxRows, len(r.gone))]
		rec := r.record(part, true)
		err := r.saved.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
		for _, id := range part {
			r.extra(id).known = 0
		}
	}
	r.free(r.gone, false)
	r.gone = r.gone[:0]
	for from := 0; from < r.store.IDs(); from += maxRows {
		r.store.Relieve()
		r.dirty = r.store.DirtyIn(r.dirty, from, from+maxRows)
		last := from+maxRows >= r.store.IDs()
		if len(r.dirty) == 0 || len(r.dirty) < maxRows/2 && !last {
			continue
		}
		rec := r.record(r.dirty, false)
		err := r.saved.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		for _, id := range r.dirty {
			r.extra(id).known = 1
		}
		r.dirty = r.dirty[:0]
	}
	r.store.ClearDirty()
	return nil
}

// record is rows as the state table has them, or their keys alone.
func (r *Rank) record(ids []uint32, keys bool) arrow.RecordBatch {
	cols := make([]arrow.Array, 0, r.saved.schema.NumFields())
	for _, k := range r.c.Partition {
		cols = append(cols, r.store.TakeColumn(r.alloc, k, ids))
	}
	buf, seqs := vector.NewValues[int64](r.alloc, len(ids))
	for i, id := range ids {
		seqs[i] = int64(r.extra(id).seq)
	}
	cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf))
	schema := r.saved.schema
	if keys {
		schema = arrow.NewSchema(schema.Fields()[:len(cols)], nil)
	} else {
		if r.c.Window != nil {
			cols = append(cols, r.endsOf(ids))
		}
		cols = append(cols, r.store.Take(r.alloc, ids)...)
	}
	rec := array.NewRecordBatch(schema, cols, int64(len(ids)))
	release(cols)
	return rec
}

// endsOf is a column of the ends of rows' windows.
func (r *Rank) endsOf(ids []uint32) arrow.Array {
	col := r.store.TakeColumn(r.alloc, r.c.Window.End, ids)
	defer col.Release()
	buf, ends := vector.NewValues[int64](r.alloc, len(ids))
	copy(ends, r.windowEnds(col))
	return vector.MakeArray(arrow.PrimitiveTypes.Int64, len(ids), 0, nil, buf)
}
