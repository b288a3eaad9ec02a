package window

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// SessionAssignKind is the name of SessionAssign in a graph. Its Config has a
// GapMillis, and no Aggs.
const SessionAssignKind = "session-assign"

// The columns behind a row's key in the state: what tells the rows of a key
// apart, in the order of arrival, and the row's kind.
const (
	orderColumn = "$order"
	kindColumn  = "$kind"
)

// SessionAssign is the window table function SESSION: it appends the wanted
// properties of a row's session to its columns. A session is known only when
// it is complete, so rows wait in it until then, and leave in the order in
// which they came. Rows that are late, as sessions says, go to ops.Late.
//
// State: a table "rows" with the waiting rows, from which the sessions follow.
type SessionAssign struct {
	in, out    *arrow.Schema
	keys       []int
	rest       []int // the columns that are no keys
	properties []Property
	gap        int64
	times      timing

	alloc  memory.Allocator
	late   ops.Counter
	stored stateTable

	open  *sessions
	wm    int64
	rows  map[uint32][]waiting // by slot
	held  map[int64]*held      // by number
	next  int64                // number of the next batch
	saved int64                // batches before it are in the state table
	order int64                // of the next row
	dead  []arrow.RecordBatch  // keys of stored rows that have left

	key []uint32
}

// waiting is a row in a session.
type waiting struct {
	batch int64
	row   uint32
}

// held is a batch of which rows are waiting.
type held struct {
	rec    arrow.RecordBatch
	kinds  []stream.RowKind
	orders []int64 // 0 where a row does not wait
	left   int
}

var _ ops.Ticker = (*SessionAssign)(nil)

// NewSessionAssign builds the operator of a vertex of kind SessionAssignKind.
func NewSessionAssign(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, t, err := sessionConfig(v, in)
	if err != nil {
		return nil, err
	}
	if len(c.Aggs) > 0 {
		return nil, fmt.Errorf("%w: a window table function does not aggregate", job.ErrInvalid)
	}
	a := &SessionAssign{
		in: in[0], out: v.Output.Schema, keys: c.Keys, properties: c.Properties, gap: c.GapMillis, times: t,
		rows: map[uint32][]waiting{}, held: map[int64]*held{}, next: 1, saved: 1, order: 1,
	}
	for i := range in[0].NumFields() {
		if !slices.Contains(c.Keys, i) {
			a.rest = append(a.rest, i)
		}
	}
	if a.out == nil {
		fields := slices.Clone(in[0].Fields())
		for _, p := range c.Properties {
			fields = append(fields, arrow.Field{Name: string(p), Type: p.dataType(in[0].Field(c.Time).Type)})
		}
		a.out = arrow.NewSchema(fields, nil)
	}
	if n := in[0].NumFields() + len(c.Properties); a.out.NumFields() != n {
		return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, a.out.NumFields(), n)
	}
	return a, nil
}

// Open implements ops.Operator.
func (a *SessionAssign) Open(ctx context.Context, rt ops.Runtime) error {
	a.alloc = rt.Allocator()
	a.late = rt.Counter("numLateRecordsDropped")
	a.times.nulls = rt.Counter("numNullRowTimeRecordsDropped")
	var err error
	if a.open, err = newSessions(a.gap, typesOf(a.in, a.keys)); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	a.wm = int64(a.times.restored(rt.Watermark()))
	return a.restore(ctx, rt)
}

// Process implements ops.Operator.
func (a *SessionAssign) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	b = a.times.timed(a.alloc, b)
	defer b.Release()
	times, err := a.times.of(b.Rows.Column(a.times.column), a.in)
	if err != nil {
		return err
	}
	h := a.hold(b.Rows, b.Kinds)
	defer a.drop(h, 1) // its own
	var late vector.Sel
	at := 0
	for _, m := range b.Marks {
		if int(m.Row) >= b.Len() {
			break
		}
		late = a.assign(h, at, int(m.Row), times, late)
		at = int(m.Row)
		wm, moved := a.times.mark(m.Time)
		if err := a.advance(ctx, wm, moved, out); err != nil {
			return err
		}
	}
	late = a.assign(h, at, b.Len(), times, late)
	a.open.forget()
	if len(late) == 0 {
		return nil
	}
	a.late.Add(int64(len(late)))
	return out.Emit(ctx, ops.Late, taken(a.alloc, b.Rows, b.Kinds, late))
}

// hold keeps a batch while rows of it wait, and for the caller.
func (a *SessionAssign) hold(rec arrow.RecordBatch, kinds []stream.RowKind) int64 {
	rec.Retain()
	a.held[a.next] = &held{rec: rec, kinds: kinds, orders: make([]int64, rec.NumRows()), left: 1}
	a.next++
	a.key = resized(a.key, int(rec.NumRows()))
	a.open.find(columnsOf(rec, a.keys), a.key)
	return a.next - 1
}

// drop notes that n rows of a batch wait no more.
func (a *SessionAssign) drop(batch int64, n int) {
	h := a.held[batch]
	if h.left -= n; h.left == 0 {
		h.rec.Release()
		delete(a.held, batch)
	}
}

// assign puts the rows [at, to) of a batch into sessions, and adds those that
// are late to late.
func (a *SessionAssign) assign(batch int64, at, to int, times []int64, late vector.Sel) vector.Sel {
	for i := at; i < to; i++ {
		if !a.put(waiting{batch, uint32(i)}, a.key[i], times[i]) {
			late = append(late, uint32(i))
			continue
		}
		a.held[batch].orders[i] = a.order
		a.order++
	}
	return late
}

// put puts a row at t into a session, or reports that it is late.
func (a *SessionAssign) put(w waiting, key uint32, t int64) bool {
	slot, bridges, ok := a.open.touch(key, t)
	switch {
	case bridges:
		touched := a.open.touched(key, t)
		for _, from := range touched[1:] {
			a.rows[touched[0]] = append(a.rows[touched[0]], a.rows[from]...)
			delete(a.rows, from)
			a.open.absorb(touched[0], from)
		}
		slot = touched[0]
	case !ok && t+a.gap-1 <= a.wm && !a.times.processed:
		a.open.idle = append(a.open.idle, key)
		return false
	case !ok:
		slot = a.open.begin(key, t)
	}
	a.open.extend(slot, t)
	a.rows[slot] = append(a.rows[slot], w)
	a.held[w.batch].left++
	return true
}

// departing is a row that leaves with its session.
type departing struct {
	waiting
	start, end int64
}

func (a *SessionAssign) advance(ctx context.Context, wm stream.Timestamp, moved bool, out ops.Output) error {
	if !moved || int64(wm) <= a.wm {
		return nil
	}
	a.wm = int64(wm)
	if !a.open.due.ready(wm) {
		return nil
	}
	var rows []departing
	for _, slot := range a.open.complete(wm) {
		x := a.open.list[slot]
		for _, w := range a.rows[slot] {
			rows = append(rows, departing{w, x.start, x.end})
		}
		delete(a.rows, slot)
		a.open.close(slot)
	}
	slices.SortFunc(rows, func(x, y departing) int {
		return cmp.Or(cmp.Compare(x.batch, y.batch), cmp.Compare(x.row, y.row))
	})
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].batch == rows[0].batch {
			n++
		}
		if err := a.emit(ctx, rows[:n], out); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// emit sends rows of one batch on, and forgets them.
func (a *SessionAssign) emit(ctx context.Context, rows []departing, out ops.Output) error {
	h := a.held[rows[0].batch]
	sel := make(vector.Sel, len(rows))
	starts, ends := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		sel[i], starts[i], ends[i] = r.row, r.start, r.end
	}
	b := taken(a.alloc, h.rec, h.kinds, sel)
	defer b.Release()
	if rows[0].batch < a.saved {
		a.bury(b.Rows, h.orders, sel)
	}
	for _, r := range sel {
		h.orders[r] = 0
	}
	a.drop(rows[0].batch, len(rows))
	cols := slices.Clone(b.Rows.Columns())
	for i, p := range a.properties {
		col := spanColumn(a.alloc, p, starts, ends, a.out.Field(a.in.NumFields()+i).Type, a.times.clock)
		defer col.Release()
		cols = append(cols, col)
	}
	return out.Emit(ctx, ops.Main, &stream.Batch{Rows: array.NewRecordBatch(a.out, cols, int64(len(rows))), Kinds: b.Kinds})
}

// Advance implements ops.Operator.
func (a *SessionAssign) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	t, moved := a.times.mark(wm.Time)
	err := a.advance(ctx, t, moved, out)
	a.open.forget()
	return err
}

// Tick implements ops.Ticker: sessions of processing time follow it.
func (a *SessionAssign) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	t, moved := a.times.tick(now.Now)
	err := a.advance(ctx, t, moved, out)
	a.open.forget()
	return err
}

// Flush implements ops.Operator.
func (a *SessionAssign) Flush(context.Context, stream.Epoch, ops.Output) error { return a.save() }

// Close implements ops.Operator.
func (a *SessionAssign) Close() error {
	for _, h := range a.held {
		h.rec.Release()
	}
	clear(a.held)
	for _, d := range a.dead {
		d.Release()
	}
	if a.open != nil {
		a.open.release()
	}
	return nil
}
