package idle

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// The state table and its columns behind the key. A table needs a key: without
// one it is a column that is always 0.
const (
	tableName  = "$idle"
	allColumn  = "$all"
	timeColumn = "$time"
)

// restore opens the state table and loads it.
func (w *Watch) restore(ctx context.Context, rt ops.Runtime) error {
	var fields []arrow.Field
	for i, t := range w.types {
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: t, Nullable: true})
	}
	if len(fields) == 0 {
		fields = append(fields, arrow.Field{Name: allColumn, Type: arrow.PrimitiveTypes.Int8})
	}
	n := len(fields)
	w.state = arrow.NewSchema(append(fields, arrow.Field{Name: timeColumn, Type: arrow.PrimitiveTypes.Int64}), nil)
	var err error
	w.saved, err = rt.Table(ops.TableSpec{Name: tableName, Schema: w.state, Keys: n, Partition: len(w.keys)})
	if err != nil {
		return err
	}
	for rec, err := range w.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", tableName, err)
		}
		times := vector.Values[int64](rec.Column(n))
		for i, g := range w.find(rec.Columns()[:len(w.keys)], int(rec.NumRows())) {
			*w.entry(g) = entry{at: times[i], known: true}
		}
	}
	return nil
}

// save writes the times that have changed since the last call, and removes the
// keys that were forgotten.
func (w *Watch) save() error {
	if !w.durable {
		w.table.ClearDirty()
		return nil
	}
	var kept, dead, lost []uint32
	for _, g := range w.table.Dirty(nil) {
		switch e := w.entry(g); {
		case e.at != gone:
			e.known = true
			kept = append(kept, g)
		case e.known:
			lost = append(lost, g)
			dead = append(dead, g)
		default:
			dead = append(dead, g)
		}
	}
	if err := w.write(kept, false); err != nil {
		return err
	}
	if err := w.write(lost, true); err != nil {
		return err
	}
	w.table.ClearDirty()
	w.table.Delete(dead)
	return nil
}

// write upserts entries, or deletes them.
func (w *Watch) write(gids []uint32, lost bool) error {
	for len(gids) > 0 {
		part := gids[:min(maxRows, len(gids))]
		gids = gids[len(part):]
		rec := w.record(part, lost)
		var err error
		if lost {
			err = w.saved.Delete(rec)
		} else {
			err = w.saved.Upsert(rec)
		}
		rec.Release()
		if err != nil {
			return fmt.Errorf("write %s: %w", tableName, err)
		}
	}
	return nil
}

// record is entries as the state table has them, or their keys alone.
func (w *Watch) record(gids []uint32, keys bool) arrow.RecordBatch {
	var cols []arrow.Array
	if len(w.keys) > 0 {
		cols = w.table.Keys(w.alloc, gids)
	} else {
		buf, zero := vector.NewValues[int8](w.alloc, len(gids))
		clear(zero)
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int8, len(gids), 0, nil, buf))
	}
	schema := w.state
	if keys {
		schema = arrow.NewSchema(schema.Fields()[:len(cols)], nil)
	} else {
		buf, times := vector.NewValues[int64](w.alloc, len(gids))
		for i, g := range gids {
			times[i] = w.entry(g).at
		}
		cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(gids), 0, nil, buf))
	}
	defer release(cols)
	return array.NewRecordBatch(schema, cols, int64(len(gids)))
}

// runtime is that of the operator: the keys of what it restores are seen.
type runtime struct {
	ops.Runtime
	w *Watch
}

// Table implements ops.Runtime.
func (r *runtime) Table(spec ops.TableSpec) (ops.Table, error) {
	t, err := r.Runtime.Table(spec)
	if err != nil || spec.Partition != len(r.w.keys) {
		return t, err
	}
	return &seen{t, r.w}, nil
}

// seen is a table whose keys the watch learns when they are restored.
type seen struct {
	ops.Table
	w *Watch
}

// Scan implements ops.Table.
func (s *seen) Scan(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range s.Table.Scan(ctx) {
			if err == nil {
				s.w.restored(rec)
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// restored notes the keys of rows that the operator restores, where nothing is
// known of them.
func (w *Watch) restored(rec arrow.RecordBatch) {
	n := int(rec.NumRows())
	if len(w.keys) == 0 {
		n = min(n, 1)
	}
	for _, g := range w.find(rec.Columns()[:len(w.keys)], n) {
		if e := w.entry(g); e.at == fresh {
			e.at = unknown
		}
	}
}
