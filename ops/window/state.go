package window

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
)

// paneColumn holds the start of a row's pane, in milliseconds by wall clock,
// behind the keys of every state table.
const paneColumn = "$pane"

// store is the operator's state tables.
type store struct {
	panes   stateTable
	sets    []stateTable
	dropped int64 // panes before it are gone from the tables
}

type stateTable struct {
	ops.Table
	spec ops.TableSpec
}

func (a *Aggregate) openTable(rt ops.Runtime, name string, fields []arrow.Field, valueKeys int) (stateTable, error) {
	cols := append(a.layout.KeyFields(), arrow.Field{Name: paneColumn, Type: arrow.PrimitiveTypes.Int64})
	spec := ops.TableSpec{
		Name: name, Schema: arrow.NewSchema(append(cols, fields...), nil),
		Keys: len(cols) + valueKeys, Partition: len(a.keys), Expiry: paneColumn,
	}
	t, err := rt.Table(spec)
	return stateTable{t, spec}, err
}

// restore opens the state tables and loads the panes that are still needed.
func (a *Aggregate) restore(ctx context.Context, rt ops.Runtime) error {
	a.stored.dropped = math.MinInt64
	var err error
	if a.stored.panes, err = a.openTable(rt, "panes", a.layout.Fields(), 0); err != nil {
		return err
	}
	err = a.scan(ctx, a.stored.panes, func(t *agg.Table, keys, cols []arrow.Array, rows int) {
		t.Load(keys, cols, rows)
	})
	if err != nil {
		return err
	}
	for i, s := range a.layout.Sets() {
		st, err := a.openTable(rt, s.Name, s.Fields, len(s.Fields)-1)
		if err != nil {
			return err
		}
		a.stored.sets = append(a.stored.sets, st)
		err = a.scan(ctx, st, func(t *agg.Table, keys, cols []arrow.Array, rows int) {
			t.LoadSet(i, keys, cols, rows)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scan gives the rows of st to load, by pane.
func (a *Aggregate) scan(ctx context.Context, st stateTable, load func(t *agg.Table, keys, cols []arrow.Array, rows int)) error {
	n := len(a.keys)
	for rec, err := range st.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", st.spec.Name, err)
		}
		a.sels.split(vector.Values[int64](rec.Column(n)), grid{pane: 1}, a.live)
		for i, start := range a.sels.starts {
			t, err := a.panes.at(start)
			if err != nil {
				return err
			}
			part := vector.TakeRecord(a.alloc, rec, a.sels.rows[i])
			load(t, part.Columns()[:n], part.Columns()[n+1:], int(part.NumRows()))
			part.Release()
		}
	}
	return nil
}

// save writes what has changed since the last call.
func (a *Aggregate) save() error {
	for _, p := range a.panes.list {
		if err := a.savePane(p); err != nil {
			return err
		}
	}
	if a.live == a.stored.dropped {
		return nil
	}
	a.stored.dropped = a.live
	for _, st := range append([]stateTable{a.stored.panes}, a.stored.sets...) {
		if err := st.DropBefore(stream.Timestamp(a.live)); err != nil {
			return fmt.Errorf("drop old rows of %s: %w", st.spec.Name, err)
		}
	}
	return nil
}

func (a *Aggregate) savePane(p pane) error {
	dirty := p.table.Dirty(nil)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		if err := a.upsert(a.stored.panes, p.start, p.table.Keys(part), p.table.Export(part), len(part)); err != nil {
			return err
		}
		p.table.Written(part)
	}
	for i, st := range a.stored.sets {
		err := p.table.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			for _, c := range keys {
				c.Retain()
			}
			for _, c := range cols {
				c.Retain()
			}
			n := cols[0].Len()
			if gone {
				return a.remove(st, p.start, keys, cols, n)
			}
			return a.upsert(st, p.start, keys, cols, n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// upsert writes rows of one pane; it takes over the references to the columns.
func (a *Aggregate) upsert(st stateTable, start int64, keys, cols []arrow.Array, n int) error {
	rec := a.record(st.spec.Schema.Fields(), start, keys, cols, n)
	defer rec.Release()
	if err := st.Upsert(rec); err != nil {
		return fmt.Errorf("write %s: %w", st.spec.Name, err)
	}
	return nil
}

func (a *Aggregate) remove(st stateTable, start int64, keys, cols []arrow.Array, n int) error {
	rec := a.record(st.spec.Schema.Fields()[:st.spec.Keys], start, keys, cols, n)
	defer rec.Release()
	if err := st.Delete(rec); err != nil {
		return fmt.Errorf("delete from %s: %w", st.spec.Name, err)
	}
	return nil
}

func (a *Aggregate) record(fields []arrow.Field, start int64, keys, cols []arrow.Array, n int) arrow.RecordBatch {
	b := array.NewInt64Builder(a.alloc)
	defer b.Release()
	b.Reserve(n)
	for range n {
		b.UnsafeAppend(start)
	}
	all := append(append(append(make([]arrow.Array, 0, len(fields)), keys...), b.NewArray()), cols...)
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), all, int64(n))
	for _, c := range all {
		c.Release()
	}
	return rec
}
