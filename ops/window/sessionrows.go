package window

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// restore loads the rows that waited, and puts them into sessions again.
func (a *SessionAssign) restore(ctx context.Context, rt ops.Runtime) error {
	fields := make([]arrow.Field, 0, a.in.NumFields()+2)
	for _, k := range a.keys {
		fields = append(fields, a.in.Field(k))
	}
	fields = append(fields, arrow.Field{Name: orderColumn, Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: kindColumn, Type: arrow.PrimitiveTypes.Int8})
	for _, k := range a.rest {
		fields = append(fields, a.in.Field(k))
	}
	spec := ops.TableSpec{Name: "rows", Schema: arrow.NewSchema(fields, nil), Keys: len(a.keys) + 1, Partition: len(a.keys)}
	t, err := rt.Table(spec)
	if err != nil {
		return err
	}
	a.stored = stateTable{t, spec}
	for rec, err := range t.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore %s: %w", spec.Name, err)
		}
		if err := a.reload(rec); err != nil {
			return err
		}
	}
	a.saved = a.next
	a.open.forget()
	return nil
}

// reload puts stored rows into sessions.
func (a *SessionAssign) reload(stored arrow.RecordBatch) error {
	n := len(a.keys)
	cols := make([]arrow.Array, a.in.NumFields())
	for i, k := range a.keys {
		cols[k] = stored.Column(i)
	}
	for i, k := range a.rest {
		cols[k] = stored.Column(n + 2 + i)
	}
	kinds := make([]stream.RowKind, stored.NumRows())
	for i, k := range vector.Values[int8](stored.Column(n + 1)) {
		kinds[i] = stream.RowKind(k)
	}
	rec := array.NewRecordBatch(a.in, cols, stored.NumRows())
	defer rec.Release()
	h := a.hold(rec, kinds)
	defer a.drop(h, 1)
	times, err := a.times.of(rec.Column(a.times.column), a.in)
	if err != nil {
		return err
	}
	for i, order := range vector.Values[int64](stored.Column(n)) {
		a.revive(waiting{h, uint32(i)}, a.key[i], times[i])
		a.held[h].orders[i] = order
		a.order = max(a.order, order+1)
	}
	return nil
}

// revive puts a row that has waited before into a session: it was not late
// then, and is not now.
func (a *SessionAssign) revive(w waiting, key uint32, t int64) {
	wm := a.wm
	a.wm = -1 << 63
	a.put(w, key, t)
	a.wm = wm
}

// save writes the rows that have come since the last call and still wait, and
// deletes those that have left.
func (a *SessionAssign) save() error {
	for n := a.saved; n < a.next; n++ {
		if h := a.held[n]; h != nil {
			if err := a.saveBatch(h); err != nil {
				return err
			}
		}
	}
	a.saved = a.next
	for _, keys := range a.dead {
		err := a.stored.Delete(keys)
		keys.Release()
		if err != nil {
			return fmt.Errorf("delete from %s: %w", a.stored.spec.Name, err)
		}
	}
	a.dead = a.dead[:0]
	return nil
}

func (a *SessionAssign) saveBatch(h *held) error {
	var sel vector.Sel
	var orders []int64
	kinds := array.NewInt8Builder(a.alloc)
	defer kinds.Release()
	for i, order := range h.orders {
		if order == 0 {
			continue
		}
		sel, orders = append(sel, uint32(i)), append(orders, order)
		if h.kinds == nil {
			kinds.Append(int8(stream.Insert))
		} else {
			kinds.Append(int8(h.kinds[i]))
		}
	}
	rows := vector.TakeRecord(a.alloc, h.rec, sel)
	defer rows.Release()
	order, kind := wordsOf(orders), kinds.NewArray()
	defer order.Release()
	defer kind.Release()
	cols := append(append(columnsOf(rows, a.keys), order, kind), columnsOf(rows, a.rest)...)
	return a.stored.write(cols, false)
}

// bury notes that rows of sel, which are rec, have left, and have to leave the
// state table too.
func (a *SessionAssign) bury(rec arrow.RecordBatch, orders []int64, sel vector.Sel) {
	gone := make([]int64, len(sel))
	vector.Gather(gone, orders, sel)
	order := wordsOf(gone)
	defer order.Release()
	n := len(a.keys) + 1
	keys := arrow.NewSchema(a.stored.spec.Schema.Fields()[:n], nil)
	a.dead = append(a.dead, array.NewRecordBatch(keys, append(columnsOf(rec, a.keys), order), rec.NumRows()))
}
