package lower

import (
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Emission says when windows of GROUP BY give their results, beside when they are
// complete: see group.EmitConfig.
type Emission struct {
	EarlyMillis, LateMillis *int64
	LatenessMillis          int64
}

// timed reports delays of processing time.
func (e *Emission) timed() bool {
	return e != nil && (e.EarlyMillis != nil && *e.EarlyMillis > 0 || e.LateMillis != nil && *e.LateMillis > 0)
}

// emits is the emission of a window aggregation, or nil when each window is given
// once. Sessions take no late rows, as in Flink.
func (b *builder) emits(n *logical.WindowAggregate) (*Emission, error) {
	e := b.o.Emission
	switch {
	case e == nil || b.o.Batch || b.atEnd() && e.LatenessMillis == 0:
		return nil, nil
	case e.EarlyMillis == nil && e.LateMillis == nil && (!n.Spec.Emits || n.Spec.Processing):
		return nil, nil
	case n.Spec.Emits:
		return e, nil
	case !n.Spec.Grouped:
		return nil, fmt.Errorf("%w: a window table function gives each window once: 'table.exec.emit.early-fire.enabled' and 'table.exec.emit.late-fire.enabled' "+
			"are for windows in GROUP BY, such as GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)", job.ErrInvalid)
	default:
		return nil, fmt.Errorf("%w: sessions are given once: 'table.exec.emit.early-fire.enabled' and 'table.exec.emit.late-fire.enabled' are for TUMBLE and HOP", job.ErrInvalid)
	}
}

// emitMode is what such an aggregation emits.
func (b *builder) emitMode(n *logical.WindowAggregate, in Mode) Mode {
	if b.atEnd() {
		return Insert
	}
	m := Insert | UpdateAfter
	if b.before[b.digest(n)] {
		m |= UpdateBefore
	}
	if in != Insert {
		m |= Delete
	}
	return m
}

// emit aggregates by windows that give their results more than once: each row is
// given its windows, whose last millisecond is a key.
//
//	in → window-assign(window_time, …) → window-emit(keys, window_time, …)
func (b *builder) emit(n *logical.WindowAggregate, in built, e *Emission) (built, error) {
	rows := n.Input.Schema()
	c, _ := b.windowConfig(n.Spec, rows)
	last := datatype.TimestampOf(3).WithNull(false)
	last.Kind = rows[n.Spec.Time].Type.Kind
	assigned := append(slices.Clone(rows), logical.Column{Name: "window_time", Type: last})
	keys := append(slices.Clone(n.Keys), len(rows))
	ec := group.EmitConfig{
		Time: len(n.Keys), Width: len(rows), EarlyMillis: e.EarlyMillis, LateMillis: e.LateMillis,
		LatenessMillis: e.LatenessMillis, Once: b.atEnd(), Processing: n.Spec.Processing,
	}
	if n.Spec.Processing {
		ec.LatenessMillis = 0 // no row is late
	}
	c.Properties = []window.Property{window.Time}
	place := map[int]int{} // of properties among the keys
	for i, p := range n.Properties {
		if p == logical.WindowTime {
			place[i] = len(n.Keys)
			continue
		}
		place[i] = len(keys)
		keys = append(keys, len(assigned))
		assigned = append(assigned, n.Output[len(n.Keys)+len(n.Aggs)+i])
		c.Properties = append(c.Properties, window.Property(p.Column()))
	}
	for i := range n.Keys {
		ec.Pick = append(ec.Pick, i)
	}
	for i := range n.Aggs {
		ec.Pick = append(ec.Pick, len(keys)+i)
	}
	for i := range n.Properties {
		ec.Pick = append(ec.Pick, place[i])
	}
	a := b.add(job.Vertex{
		UID: uid("window-assign", b.windowLineage(n)), Name: "WindowAssigner(window=[" + n.Spec.String(rows.Names()) + "])", Kind: window.AssignKind,
		Config: config(c), Parallelism: in.parallelism, Output: schema(assigned),
	}, in.mode, edge(in, in.parallelism))
	mode := b.emitMode(n, in.mode)
	ec.Config = group.Config{Keys: keys, Aggs: specs(n.Aggs), Changelog: in.mode != Insert, UpdateBefore: mode&UpdateBefore != 0}
	p := b.spread(keys)
	v := b.add(job.Vertex{
		UID: uid(group.EmitKind, b.windowLineage(n)), Name: logical.Operator(n), Kind: group.EmitKind, Config: config(ec),
		Parallelism: p, Output: schema(n.Output),
	}, mode, keyed(a, p, keys))
	return v, b.late(v, a, rows, n.Late)
}
