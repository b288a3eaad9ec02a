package group

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/sweep"
)

// allColumn is the key of the one group of an aggregation without keys, since
// a state table has at least one key column. It is always 0.
const allColumn = "$all"

// store is the operator's state tables.
type store struct {
	groups stateTable
	sets   []stateTable
}

type stateTable struct {
	ops.Table
	spec ops.TableSpec
}

func (a *Aggregate) openTable(rt ops.Runtime, name string, fields []arrow.Field, valueKeys int) (stateTable, error) {
	cols := a.layout.KeyFields()
	if len(cols) == 0 {
		cols = append(cols, arrow.Field{Name: allColumn, Type: arrow.PrimitiveTypes.Int8})
	}
	spec := ops.TableSpec{
		Name: name, Schema: arrow.NewSchema(append(cols, fields...), nil),
		Keys: len(cols) + valueKeys, Partition: len(a.keys),
		Begins: true, // a function that is new to a query has seen nothing yet
	}
	t, err := rt.Table(spec)
	return stateTable{t, spec}, err
}

// restore opens the state tables and loads them.
func (a *Aggregate) restore(ctx context.Context, rt ops.Runtime) error {
	var err error
	if a.stored.groups, err = a.openTable(rt, "groups", a.layout.Fields(), 0); err != nil {
		return err
	}
	first := true
	err = a.scan(ctx, a.stored.groups, func(keys, cols []arrow.Array, rows int) {
		a.table.Load(keys, cols, rows)
		if sized, ok := a.stored.groups.Table.(ops.Sized); ok && first {
			a.table.Expect(sized.ScanSize())
		}
		first = false
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
		err = a.scan(ctx, st, func(keys, cols []arrow.Array, rows int) { a.table.LoadSet(i, keys, cols, rows) })
		if err != nil {
			return err
		}
	}
	return a.failed()
}

func (a *Aggregate) scan(ctx context.Context, st stateTable, load func(keys, cols []arrow.Array, rows int)) error {
	n := len(a.keys)
	keys := make([]int, n)
	for i := range keys {
		keys[i] = i
	}
	for rec, err := range sweep.Scan(st.Scan(ctx), a.alloc, keys) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", st.spec.Name, err)
		}
		load(rec.Columns()[:n], rec.Columns()[max(n, 1):], int(rec.NumRows()))
	}
	return nil
}

// save writes what has changed since the last call, and removes the groups
// that have no rows any more.
func (a *Aggregate) save() error {
	for i, st := range a.stored.sets {
		err := a.table.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			return a.write(st, keys, cols, cols[0].Len(), gone)
		})
		if err != nil {
			return err
		}
	}
	var kept, gone, deleted []uint32
	for i, blocks := range a.changed {
		for ; blocks != 0; blocks &= blocks - 1 {
			block := 64*i + bits.TrailingZeros64(blocks)
			a.dirty = a.table.DirtyIn(a.dirty[:0], block*blockGroups, (block+1)*blockGroups)
			for _, g := range a.dirty {
				switch {
				case a.table.Rows(g) != 0 || len(a.keys) == 0 && !a.table.Gone(g):
					kept = append(kept, g)
				default:
					gone = append(gone, g)
					if a.table.Known(g) {
						deleted = append(deleted, g)
					}
				}
			}
			if len(kept)+len(deleted) >= maxRows {
				if err := a.saveGroups(kept, deleted); err != nil {
					return err
				}
				kept, deleted = kept[:0], deleted[:0]
			}
		}
	}
	if err := a.saveGroups(kept, deleted); err != nil {
		return err
	}
	a.table.Remove(gone)
	clear(a.changed)
	a.empty = 0
	return nil
}

// saveGroups writes groups, and deletes others.
func (a *Aggregate) saveGroups(kept, deleted []uint32) error {
	for from := 0; from < len(kept); from += maxRows {
		part := kept[from:min(from+maxRows, len(kept))]
		keys, cols := a.table.Keys(part), a.table.Export(part)
		err := a.failed()
		if err == nil {
			err = a.write(a.stored.groups, keys, cols, len(part), false)
		}
		release(keys)
		release(cols)
		if err != nil {
			return err
		}
	}
	for from := 0; from < len(deleted); from += maxRows {
		part := deleted[from:min(from+maxRows, len(deleted))]
		keys := a.table.Keys(part)
		err := a.write(a.stored.groups, keys, nil, len(part), true)
		release(keys)
		if err != nil {
			return err
		}
	}
	a.table.Written(kept)
	a.table.Forgotten(deleted)
	return nil
}

// write upserts rows, or deletes the rows with these keys.
func (a *Aggregate) write(st stateTable, keys, cols []arrow.Array, n int, gone bool) error {
	all := append(make([]arrow.Array, 0, len(keys)+len(cols)+1), keys...)
	if len(keys) == 0 {
		zero := array.NewInt8Builder(a.alloc)
		defer zero.Release()
		for range n {
			zero.Append(0)
		}
		z := zero.NewArray()
		defer z.Release()
		all = append(all, z)
	}
	all = append(all, cols...)
	rec := array.NewRecordBatch(arrow.NewSchema(st.spec.Schema.Fields()[:len(all)], nil), all, int64(n))
	defer rec.Release()
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
