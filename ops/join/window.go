package join

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// WindowKind is the name in a graph of a join of rows in the same window.
const WindowKind = "window-join"

// WindowConfig is that of a vertex of kind WindowKind. The inputs are inserts; the
// ends of the windows are among the keys.
type WindowConfig struct {
	Config
	// LeftEnd and RightEnd are the columns with the ends of the rows' windows.
	LeftEnd  int `json:"leftEnd"`
	RightEnd int `json:"rightEnd"`
}

// Window joins the rows of both inputs that are in the same window when the
// watermark has passed its end, and forgets them then: all that is to be said of a
// window is said at once, and nothing is taken back.
//
//	left  (end 10, a) (end 20, b)      right (end 10, x)
//	watermark 10                       (a, x)                 the rows of 10 are gone
//	watermark 20                       (b, NULL) if outer
//
// A row whose window has passed is late, and dropped.
type Window struct {
	join Join

	wm   stream.Timestamp
	due  [2]due // rows by the last time of their windows
	late ops.Counter
}

var _ ops.Operator = (*Window)(nil)

// NewWindow builds the operator of a vertex of kind WindowKind.
func NewWindow(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return buildWindow(v, in, nil)
}

// WindowWith is NewWindow for conditions that call functions of the user.
func WindowWith(functions map[string]expr.UserFunc) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildWindow(v, in, functions) }
}

func buildWindow(v job.Vertex, in []*arrow.Schema, functions map[string]expr.UserFunc) (ops.Operator, error) {
	c, err := ops.DecodeConfig[WindowConfig](v)
	if err != nil {
		return nil, err
	}
	c.functions = functions
	if c.LeftChanges || c.RightChanges || c.FinalOnly || c.Static {
		return nil, fmt.Errorf("%w: %s cannot be a join within windows", job.ErrInvalid, v.Name)
	}
	j, err := newJoin(c.Config, v, in)
	if err != nil {
		return nil, err
	}
	for i, column := range []int{c.LeftEnd, c.RightEnd} {
		if f := in[i].Field(column); f.Type.ID() != arrow.TIMESTAMP {
			return nil, fmt.Errorf("%w: end of windows %s is %v, want a timestamp", job.ErrInvalid, f.Name, f.Type)
		}
		j.in[i].time = column
	}
	j.final = true // partners are counted, and nothing is taken back
	return &Window{join: *j}, nil
}

// Open implements ops.Operator.
func (w *Window) Open(ctx context.Context, rt ops.Runtime) error {
	w.wm, w.late = rt.Watermark(), rt.Counter("numLateRecordsDropped")
	return w.join.open(ctx, rt, func(input int, ids []uint32) error {
		if err := w.join.in[input].timed(w.join.alloc, ids); err != nil {
			return err
		}
		w.await(input, ids)
		return nil
	})
}

func (w *Window) await(input int, ids []uint32) {
	for _, id := range ids {
		x := w.join.in[input].extra(id)
		w.due[input].push(entry{at: x.time - 1, seq: x.seq, id: id})
	}
}

// Process implements ops.Operator.
func (w *Window) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	return segments(b, func(wm stream.Timestamp) error { return w.advance(ctx, wm, out) },
		func(part *stream.Batch) error { return w.store(input, part) })
}

// store keeps the rows that are not late.
func (w *Window) store(input int, b *stream.Batch) error {
	j := &w.join
	if _, _, err := j.split(input, b); err != nil {
		return err
	}
	s, cols := &j.in[input], b.Rows.Columns()
	ends, err := s.times(cols)
	if err != nil {
		return err
	}
	sel := vector.Sel{}
	for i, end := range ends {
		if end-1 > int64(w.wm) {
			sel = append(sel, uint32(i))
		}
	}
	w.late.Add(int64(b.Len() - len(sel)))
	if len(sel) == 0 {
		return nil
	}
	ids := s.append(cols, sel, b.Len())
	for i, id := range ids {
		s.extra(id).time = ends[sel[i]]
	}
	w.await(input, ids)
	return nil
}

// Advance implements ops.Operator.
func (w *Window) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	return w.advance(ctx, wm.Time, out)
}

// advance joins the windows that have passed, the earliest first.
func (w *Window) advance(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	if wm <= w.wm {
		return nil
	}
	w.wm = wm
	for {
		at := wm
		for i := range w.due {
			if next, ok := w.due[i].next(); ok {
				at = min(at, stream.Timestamp(next))
			}
		}
		left, right := w.due[0].all(at), w.due[1].all(at)
		if len(left)+len(right) == 0 {
			return nil
		}
		if err := w.fire(ctx, left, right, out); err != nil {
			return err
		}
	}
}

// all takes the rows out whose time is at or before wm.
func (d *due) all(wm stream.Timestamp) []uint32 {
	var ids []uint32
	for {
		e, ok := d.pop(wm)
		if !ok {
			return ids
		}
		ids = append(ids, e.id)
	}
}

// fire joins the rows of one window: those of the left input are looked up among
// those of the right one.
func (w *Window) fire(ctx context.Context, left, right []uint32, out ops.Output) error {
	j := &w.join
	l, r := &j.in[0], &j.in[1]
	r.link(j.alloc, right)
	for from := 0; from < len(left); from += maxRows {
		part := left[from:min(from+maxRows, len(left))]
		rec := record(l.schema, l.store.Take(j.alloc, part), len(part))
		err := j.probe(ctx, 0, rec, nil, stream.Insert, out)
		rec.Release()
		if err != nil {
			return err
		}
	}
	var linked, lone []uint32
	for _, id := range right {
		if r.chains.KeyOf(id) != rowstore.None {
			linked = append(linked, id)
		}
		if r.outer && r.extra(id).matches == 0 {
			lone = append(lone, id)
		}
	}
	if err := j.emitStored(ctx, 1, lone, stream.Insert, out); err != nil {
		return err
	}
	r.chains.Remove(linked)
	l.drop(left)
	r.drop(right)
	return nil
}

// Flush implements ops.Operator.
func (w *Window) Flush(ctx context.Context, e stream.Epoch, out ops.Output) error {
	return w.join.Flush(ctx, e, out)
}

// Close implements ops.Operator.
func (w *Window) Close() error {
	w.due[0].close()
	w.due[1].close()
	return w.join.Close()
}
