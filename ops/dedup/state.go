package dedup

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// The columns of the state table behind the keys; the row follows, NULL in
// every column when it has been emitted.
const (
	timeColumn  = "$time"
	stateColumn = "$state"
)

type stateTable struct {
	ops.Table
	schema *arrow.Schema
}

// restore opens the state table and loads it.
func (d *Deduplicate) restore(ctx context.Context, rt ops.Runtime) error {
	var fields []arrow.Field
	for i, k := range d.c.Keys {
		f := d.in.Field(k)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	fields = append(fields,
		arrow.Field{Name: timeColumn, Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: stateColumn, Type: arrow.PrimitiveTypes.Int64})
	if d.store != nil {
		for _, f := range d.in.Fields() {
			f.Nullable = true
			fields = append(fields, f)
		}
	}
	d.saved.schema = arrow.NewSchema(fields, nil)
	n := len(d.c.Keys)
	var err error
	d.saved.Table, err = rt.Table(ops.TableSpec{Name: "rows", Schema: d.saved.schema, Keys: n, Partition: n})
	if err != nil {
		return err
	}
	for rec, err := range d.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		d.load(rec)
	}
	return nil
}

func (d *Deduplicate) load(rec arrow.RecordBatch) {
	n, keys := int(rec.NumRows()), len(d.c.Keys)
	d.gids = grown(d.gids, n)
	d.table.FindOrInsert(rec.Columns()[:keys], nil, d.gids)
	times, states := vector.Values[int64](rec.Column(keys)), vector.Values[int64](rec.Column(keys+1))
	if d.store != nil {
		d.ids = grown(d.ids, n)
		d.store.Append(rec.Columns()[keys+2:], nil, d.ids)
	}
	for i, g := range d.gids {
		a := d.acc(g)
		a.time, a.state, a.known = times[i], state(states[i]), true
		switch {
		case d.store == nil:
			a.id = seen
		case a.state == emitted:
			d.store.Free(d.ids[i : i+1])
		default:
			a.id = d.ids[i] + 1
			if d.c.waits() {
				d.waiting = append(d.waiting, g)
			}
		}
	}
}

// save writes the keys that have changed since the last call.
func (d *Deduplicate) save() error {
	if !d.durable {
		d.table.ClearDirty()
		return nil
	}
	var dirty, gone []uint32
	for _, g := range d.table.Dirty(make(vector.Sel, 0, d.table.Len())) {
		if a := d.acc(g); a.state == fresh {
			gone = append(gone, g)
		} else {
			a.known = true
			dirty = append(dirty, g)
		}
	}
	for from := 0; from < len(dirty); from += maxRows {
		rec := d.record(dirty[from:min(from+maxRows, len(dirty))])
		err := d.saved.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	if err := d.remove(gone); err != nil {
		return err
	}
	d.table.ClearDirty()
	d.table.Delete(gone)
	return nil
}

// remove deletes keys that were forgotten from the state table.
func (d *Deduplicate) remove(gids []uint32) error {
	schema := arrow.NewSchema(d.saved.schema.Fields()[:len(d.c.Keys)], nil)
	for from := 0; from < len(gids); from += maxRows {
		part := gids[from:min(from+maxRows, len(gids))]
		cols := d.table.Keys(d.alloc, part)
		rec := array.NewRecordBatch(schema, cols, int64(len(part)))
		release(cols)
		err := d.saved.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	return nil
}

func (d *Deduplicate) record(gids []uint32) arrow.RecordBatch {
	cols := d.table.Keys(d.alloc, gids)
	timeBuf, times := vector.NewValues[int64](d.alloc, len(gids))
	stateBuf, states := vector.NewValues[int64](d.alloc, len(gids))
	d.ids = grown(d.ids, len(gids))
	for i, g := range gids {
		a := d.acc(g)
		times[i], states[i], d.ids[i] = a.time, int64(a.state), a.id-1 // of none, rowstore.None
	}
	cols = append(cols,
		vector.MakeArray(arrow.PrimitiveTypes.Int64, len(gids), 0, nil, timeBuf),
		vector.MakeArray(arrow.PrimitiveTypes.Int64, len(gids), 0, nil, stateBuf))
	if d.store != nil {
		cols = append(cols, d.store.Take(d.alloc, d.ids)...)
	}
	rec := array.NewRecordBatch(d.saved.schema, cols, int64(len(gids)))
	release(cols)
	return rec
}
