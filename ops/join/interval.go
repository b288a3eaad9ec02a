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
)

// IntervalKind is the name in a graph of a join of rows whose times are close.
const IntervalKind = "interval-join"

// IntervalConfig is that of a vertex of kind IntervalKind. The inputs are inserts,
// the type is Inner, Left, Right or Full.
type IntervalConfig struct {
	Config
	LeftTime  int `json:"leftTime"`
	RightTime int `json:"rightTime"`
	// LowerMillis and UpperMillis bound the left time minus the right time. The
	// condition says it too, to the last digit; these say how long rows are kept.
	LowerMillis int64 `json:"lowerMillis"`
	UpperMillis int64 `json:"upperMillis"`
}

// Interval is a Join that forgets a row when the watermark has passed the last
// time of its partners:
//
//	left − right in [−2 s, +5 s]
//
//	left row at 00:10    partners from 00:05 to 00:12    forgotten at watermark 00:12
//	right row at 00:10   partners from 00:08 to 00:15    forgotten at watermark 00:15
//
// A row of an outer side without a partner is given when it is forgotten, so that
// nothing is ever taken back. A late row is joined with what is there and not kept.
// Rows are older than the watermark when they are given, by Delay at most.
type Interval struct {
	join         Join
	lower, upper int64

	wm  stream.Timestamp
	due [2]due
}

var (
	_ ops.Operator = (*Interval)(nil)
	_ ops.Delayer  = (*Interval)(nil)
)

// NewInterval builds the operator of a vertex of kind IntervalKind.
func NewInterval(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return buildInterval(v, in, nil)
}

// IntervalWith is NewInterval for conditions that call functions of the user.
func IntervalWith(functions map[string]expr.UserFunc) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildInterval(v, in, functions) }
}

func buildInterval(v job.Vertex, in []*arrow.Schema, functions map[string]expr.UserFunc) (ops.Operator, error) {
	c, err := ops.DecodeConfig[IntervalConfig](v)
	if err != nil {
		return nil, err
	}
	c.functions = functions
	if c.Type.half() || c.LeftChanges || c.RightChanges || c.FinalOnly || c.Static || c.LowerMillis > c.UpperMillis {
		return nil, fmt.Errorf("%w: %s cannot be a join by time", job.ErrInvalid, v.Name)
	}
	j, err := newJoin(c.Config, v, in)
	if err != nil {
		return nil, err
	}
	for i, column := range []int{c.LeftTime, c.RightTime} {
		if f := in[i].Field(column); f.Type.ID() != arrow.TIMESTAMP {
			return nil, fmt.Errorf("%w: time %s is %v, want a timestamp", job.ErrInvalid, f.Name, f.Type)
		}
		j.in[i].time = column
	}
	j.final = true // partners are counted, and nothing is taken back
	return &Interval{join: *j, lower: c.LowerMillis, upper: c.UpperMillis}, nil
}

// Open implements ops.Operator.
func (v *Interval) Open(ctx context.Context, rt ops.Runtime) error {
	v.wm = rt.Watermark()
	return v.join.open(ctx, rt, func(input int, ids []uint32) error {
		s := &v.join.in[input]
		s.link(v.join.alloc, ids)
		if err := s.timed(v.join.alloc, ids); err != nil {
			return err
		}
		for _, id := range ids {
			x := s.extra(id)
			v.due[input].push(entry{at: v.last(input, x.time), seq: x.seq, id: id})
		}
		return nil
	})
}

// last is the greatest time of a partner of a row.
func (v *Interval) last(input int, at int64) int64 {
	if input == 0 {
		return at - v.lower
	}
	return at + v.upper
}

// Delay implements ops.Delayer.
func (v *Interval) Delay() int64 { return max(v.upper, -v.lower, 0) }

// Process implements ops.Operator.
func (v *Interval) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	return segments(b, func(wm stream.Timestamp) error { return v.advance(ctx, wm, out) },
		func(part *stream.Batch) error { return v.rows(ctx, input, part, out) })
}

func (v *Interval) rows(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	j := &v.join
	if _, _, err := j.split(input, b); err != nil {
		return err
	}
	s, cols, n := &j.in[input], b.Rows.Columns(), b.Len()
	times, err := s.times(cols)
	if err != nil {
		return err
	}
	keys := s.keyColumns(cols)
	added, lone := s.joinable(keys, nil, n, nil, j.lone[:0])
	j.lone = lone
	if err := j.alone(ctx, input, b.Rows, lone, stream.Insert, out); err != nil {
		return err
	}
	ids := s.append(cols, added, n)
	if len(ids) == 0 {
		return nil
	}
	s.chains.Add(keys, added, ids)
	j.matches = append(j.matches[:0], make([]int32, len(ids))...)
	err = j.each(input, b.Rows, added, func(p *pairs) error {
		if err := j.turn(ctx, 1-input, p.id, 1, out); err != nil {
			return err
		}
		for _, i := range p.at {
			j.matches[i]++
		}
		return j.emitPairs(ctx, input, b.Rows, p, stream.Insert, out)
	})
	if err != nil {
		return err
	}
	return v.keep(ctx, input, b.Rows, added, ids, times, out)
}

// keep notes until when rows that were joined are kept; it forgets the late ones.
func (v *Interval) keep(ctx context.Context, input int, rec arrow.RecordBatch, added vector.Sel, ids []uint32, times []int64, out ops.Output) error {
	s := &v.join.in[input]
	var late []uint32
	lone := vector.Sel{}
	for i, id := range ids {
		row := i
		if added != nil {
			row = int(added[i])
		}
		x := s.extra(id)
		x.time, x.matches = times[row], v.join.matches[i]
		last := v.last(input, x.time)
		if last > int64(v.wm) {
			v.due[input].push(entry{at: last, seq: x.seq, id: id})
			continue
		}
		late = append(late, id)
		if s.outer && x.matches == 0 {
			lone = append(lone, uint32(row))
		}
	}
	s.chains.Remove(late)
	s.drop(late)
	return v.join.emitLone(ctx, input, rec, lone, stream.Insert, out)
}

// Advance implements ops.Operator.
func (v *Interval) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	return v.advance(ctx, wm.Time, out)
}

// advance forgets the rows that can have no more partners.
func (v *Interval) advance(ctx context.Context, wm stream.Timestamp, out ops.Output) error {
	if wm <= v.wm {
		return nil
	}
	v.wm = wm
	for i := range v.join.in {
		for more := true; more; {
			var err error
			if more, err = v.forget(ctx, i, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget forgets some of the rows of an input that can have no more partners, and
// reports whether there may be more.
func (v *Interval) forget(ctx context.Context, input int, out ops.Output) (more bool, err error) {
	s := &v.join.in[input]
	s.store.Relieve()
	var gone, lone []uint32
	for len(gone) < maxRows {
		e, ok := v.due[input].pop(v.wm)
		if !ok {
			break
		}
		gone = append(gone, e.id)
		if s.outer && s.extra(e.id).matches == 0 {
			lone = append(lone, e.id)
		}
	}
	if err := v.join.emitStored(ctx, input, lone, stream.Insert, out); err != nil {
		return false, err
	}
	s.chains.Remove(gone)
	s.drop(gone)
	return len(gone) == maxRows, nil
}

// Flush implements ops.Operator.
func (v *Interval) Flush(ctx context.Context, e stream.Epoch, out ops.Output) error {
	return v.join.Flush(ctx, e, out)
}

// Close implements ops.Operator.
func (v *Interval) Close() error {
	v.due[0].close()
	v.due[1].close()
	return v.join.Close()
}
