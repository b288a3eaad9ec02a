package window

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// The columns of a session's start and end in its state, in milliseconds by
// wall clock.
const (
	startColumn = "$start"
	endColumn   = "$end"
)

func (a *SessionAggregate) openTable(rt ops.Runtime, name string, fields []arrow.Field, valueKeys int) (stateTable, error) {
	keys := a.layout.KeyFields()
	cols := append(keys[1:len(keys):len(keys)], keys[0])
	spec := ops.TableSpec{
		Name: name, Schema: arrow.NewSchema(append(cols, fields...), nil),
		Keys: len(cols) + valueKeys, Partition: len(a.keys),
		Begins: true, // a function that is new to a query has seen nothing yet
	}
	t, err := rt.Table(spec)
	return stateTable{t, spec}, err
}

// restore loads the sessions and what they hold.
func (a *SessionAggregate) restore(ctx context.Context, rt ops.Runtime) error {
	bounds := []arrow.Field{{Name: startColumn, Type: arrow.PrimitiveTypes.Int64}, {Name: endColumn, Type: arrow.PrimitiveTypes.Int64}}
	var err error
	if a.stored.panes, err = a.openTable(rt, "sessions", append(bounds, a.layout.Fields()...), 0); err != nil {
		return err
	}
	err = scanKeyed(ctx, a.stored.panes, len(a.keys), func(keys, cols []arrow.Array, rows int) {
		ids := a.table.Load(keys, cols[2:], rows)
		a.key = resized(a.key, rows)
		a.open.find(keys[1:], a.key[:rows])
		starts, ends := vector.Values[int64](cols[0]), vector.Values[int64](cols[1])
		for i, number := range vector.Values[int64](keys[0]) {
			a.place(ids[i], a.open.open(a.key[i], starts[i], ends[i], number))
			a.open.next = max(a.open.next, number+1)
		}
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
		err = scanKeyed(ctx, st, len(a.keys), func(keys, cols []arrow.Array, rows int) {
			a.table.LoadSet(i, keys, cols, rows)
		})
		if err != nil {
			return err
		}
	}
	return failed(a.table)
}

// scanKeyed gives stored rows to load: the number and the keys, and what is
// behind them.
func scanKeyed(ctx context.Context, st stateTable, n int, load func(keys, cols []arrow.Array, rows int)) error {
	for rec, err := range st.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", st.spec.Name, err)
		}
		cols := rec.Columns()
		load(append([]arrow.Array{cols[n]}, cols[:n]...), cols[n+1:], int(rec.NumRows()))
	}
	return nil
}

// rotated puts the number behind the keys, as the state tables have it.
func rotated(keys []arrow.Array) []arrow.Array {
	return append(keys[1:len(keys):len(keys)], keys[0])
}

// save writes what has changed since the last call.
func (a *SessionAggregate) save() error {
	for i, st := range a.stored.sets {
		err := a.table.DirtySet(i, func(keys, cols []arrow.Array, gone bool) error {
			return st.write(append(rotated(keys), cols...), gone)
		})
		if err != nil {
			return err
		}
	}
	dirty := a.table.Dirty(nil)
	for from := 0; from < len(dirty); from += maxRows {
		part := dirty[from:min(from+maxRows, len(dirty))]
		keys, cols := a.table.Keys(part), a.table.Export(part)
		starts, ends := a.bounds(part)
		err := failed(a.table)
		if err == nil {
			err = a.stored.panes.write(append(append(rotated(keys), starts, ends), cols...), false)
		}
		release(append(append(keys, starts, ends), cols...))
		if err != nil {
			return err
		}
	}
	a.table.Written(dirty)
	for from := 0; from < len(a.dead); from += maxRows {
		keys := a.table.Keys(a.dead[from:min(from+maxRows, len(a.dead))])
		err := a.stored.panes.write(rotated(keys), true)
		release(keys)
		if err != nil {
			return err
		}
	}
	a.table.Discard(a.dead)
	a.dead = a.dead[:0]
	return nil
}

// bounds are the starts and ends of the sessions of groups.
func (a *SessionAggregate) bounds(groups []uint32) (starts, ends arrow.Array) {
	s, e := make([]int64, len(groups)), make([]int64, len(groups))
	for i, g := range groups {
		x := a.open.list[a.slotOf[g]]
		s[i], e[i] = x.start, x.end
	}
	return wordsOf(s), wordsOf(e)
}

// write upserts rows, or deletes the rows with these keys.
func (st stateTable) write(cols []arrow.Array, gone bool) error {
	rec := array.NewRecordBatch(arrow.NewSchema(st.spec.Schema.Fields()[:len(cols)], nil), cols, int64(cols[0].Len()))
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
