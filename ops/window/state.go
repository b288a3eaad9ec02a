package window

import (
	"context"
	"fmt"
	"math"
	"slices"

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
		Begins: true, // a function that is new to a query has seen nothing yet
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
		st, err := a.openTable(rt, s.Name, s.Fields, s.Keys)
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

// load puts stored rows into a table, by their keys.
type load func(t *agg.Table, keys, cols []arrow.Array, rows int)

// scan gives the rows of st to load, by pane.
func (a *Aggregate) scan(ctx context.Context, st stateTable, into load) error {
	n := len(a.keys)
	for rec, err := range st.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", st.spec.Name, err)
		}
		a.sels.split(vector.Values[int64](rec.Column(n)), grid{pane: 1}, a.live)
		for i, start := range a.sels.starts {
			p, err := a.panes.at(start)
			if err != nil {
				return err
			}
			part := vector.TakeRecord(a.alloc, rec, a.sels.rows[i])
			err = a.loadPane(p, part.Columns()[:n], part.Columns()[n+1:], int(part.NumRows()), into)
			part.Release()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Aggregate) loadPane(p *pane, keys, cols []arrow.Array, rows int, into load) error {
	if !p.shared {
		into(p.table, keys, cols, rows)
		return failed(p.table)
	}
	starts := make([]int64, rows)
	for i := range starts {
		starts[i] = p.start
	}
	s := &a.panes.rest
	keys = s.keysOf(starts, keys)
	defer keys[0].Release()
	if err := s.register(&a.panes, s.table.GroupsOf(keys, nil, make([]uint32, rows))); err != nil {
		return err
	}
	into(s.table, keys, cols, rows)
	return nil
}

// save writes what has changed since the last call.
func (a *Aggregate) save() error {
	for _, p := range a.panes.list {
		if p.shared {
			continue
		}
		behind := func(keys []arrow.Array, n int) []arrow.Array { return append(keys, a.starts(p.start, n)) }
		if err := a.saveTable(p.table, behind); err != nil {
			return err
		}
	}
	if t := a.panes.rest.table; t != nil {
		rotated := func(keys []arrow.Array, _ int) []arrow.Array { return append(keys[1:len(keys):len(keys)], keys[0]) }
		if err := a.saveTable(t, rotated); err != nil {
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

// saveTable writes the dirty rows of a table. The function key makes the key
// columns of the state table from those of t; it owns what it is given.
func (a *Aggregate) saveTable(t *agg.Table, key func(keys []arrow.Array, n int) []arrow.Array) error {
	dirty := t.Dirty(nil)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		cols := append(key(t.Keys(part), len(part)), t.Export(part)...)
		if err := failed(t); err != nil {
			release(cols)
			return err
		}
		if err := a.write(a.stored.panes, cols, len(part), false); err != nil {
			return err
		}
		t.Written(part)
	}
	for i, st := range a.stored.sets {
		err := t.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			for _, c := range keys {
				c.Retain()
			}
			for _, c := range cols {
				c.Retain()
			}
			n := cols[0].Len()
			return a.write(st, append(key(slices.Clone(keys), n), cols...), n, gone)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write upserts rows, or deletes the rows with these keys. It takes over the
// references to the columns.
func (a *Aggregate) write(st stateTable, cols []arrow.Array, n int, gone bool) error {
	rec := array.NewRecordBatch(arrow.NewSchema(st.spec.Schema.Fields()[:len(cols)], nil), cols, int64(n))
	defer rec.Release()
	release(cols)
	if gone {
		if err := st.Delete(rec); err != nil {
			return fmt.Errorf("delete from %s: %w", st.spec.Name, err)
		}
		return nil
	}
	if err := st.Upsert(rec); err != nil {
		return fmt.Errorf("write %s: %w", st.spec.Name, err)
	}
	return nil
}

// starts is a column of n times start.
func (a *Aggregate) starts(start int64, n int) arrow.Array {
	b := array.NewInt64Builder(a.alloc)
	defer b.Release()
	b.Reserve(n)
	for range n {
		b.UnsafeAppend(start)
	}
	return b.NewArray()
}
