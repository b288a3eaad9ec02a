package normalize

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
)

// stateSchema is the keys, then the row.
func (n *Normalize) stateSchema() *arrow.Schema {
	var fields []arrow.Field
	for i, k := range n.c.Keys {
		f := n.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	return arrow.NewSchema(append(fields, n.in.Fields()...), nil)
}

// Open implements ops.Operator.
func (n *Normalize) Open(ctx context.Context, rt ops.Runtime) error {
	n.alloc = rt.Allocator()
	keys := len(n.c.Keys)
	var err error
	n.saved, err = rt.Table(ops.TableSpec{Name: "rows", Schema: n.stateSchema(), Keys: keys, Partition: keys})
	if err != nil {
		return err
	}
	for rec, err := range n.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		rows := int(rec.NumRows())
		n.gids, n.ids = grown(n.gids, rows), grown(n.ids, rows)
		n.table.FindOrInsert(rec.Columns()[:keys], nil, n.gids)
		n.store.Append(rec.Columns()[keys:], nil, n.ids)
		for i, g := range n.gids {
			n.acc(g).id = n.ids[i] + 1
		}
	}
	n.table.ClearDirty()
	return nil
}

// save writes the rows that have changed since the last call, and removes those
// that are gone.
func (n *Normalize) save() error {
	var kept []uint32
	n.gone = n.gone[:0]
	for _, g := range n.table.Dirty(nil) {
		if n.acc(g).id != 0 {
			kept = append(kept, g)
		} else {
			n.gone = append(n.gone, g)
		}
	}
	for from := 0; from < len(kept); from += maxRows {
		part := kept[from:min(from+maxRows, len(kept))]
		cols := n.table.Keys(n.alloc, part)
		n.ids = grown(n.ids, len(part))
		for i, g := range part {
			n.ids[i] = n.acc(g).id - 1
		}
		cols = append(cols, n.store.Take(n.alloc, n.ids)...)
		rec := array.NewRecordBatch(n.stateSchema(), cols, int64(len(part)))
		release(cols)
		err := n.saved.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	if err := n.remove(); err != nil {
		return err
	}
	n.table.ClearDirty()
	n.table.Delete(n.gone)
	return nil
}

// remove deletes the keys that are gone.
func (n *Normalize) remove() error {
	keys := arrow.NewSchema(n.stateSchema().Fields()[:len(n.c.Keys)], nil)
	for from := 0; from < len(n.gone); from += maxRows {
		part := n.gone[from:min(from+maxRows, len(n.gone))]
		cols := n.table.Keys(n.alloc, part)
		rec := array.NewRecordBatch(keys, cols, int64(len(part)))
		release(cols)
		err := n.saved.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	return nil
}
