package lower

import (
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/over"
	"github.com/wadi-engine/wadi/sql/logical"
)

var boundKinds = map[logical.BoundKind]over.BoundKind{
	logical.UnboundedPreceding: over.UnboundedPreceding, logical.Preceding: over.Preceding, logical.CurrentRow: over.CurrentRow,
	logical.Following: over.Following, logical.UnboundedFollowing: over.UnboundedFollowing,
}

// over lowers window functions. In the order of a time attribute, with frames
// that end at the row itself, results over inserts are final when the watermark
// has passed their row. Otherwise a partition is computed again when it
// changes, or, where rows are awaited at the end, once.
func (b *builder) over(n *logical.Over) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	c, err := b.overConfig(n)
	if err != nil {
		return built{}, err
	}
	for _, call := range n.Calls {
		if call.Frame.Start.Kind != logical.UnboundedPreceding {
			if err := retractable([]logical.AggCall{call.AggCall}, "rows leave its frame"); err != nil {
				return built{}, err
			}
		}
	}
	v := job.Vertex{Name: logical.Operator(n), Kind: over.StreamKind, Parallelism: b.spread(n.Partition), Output: schema(n.Output)}
	mode := Insert
	if !b.streams(n, in.mode) {
		v.Kind = over.TableKind
		mode = b.overMode(n, in.mode)
		c.Arrival = false
		c.UpdateBefore, c.FinalOnly, c.Changelog = mode&UpdateBefore != 0, b.atEnd(), in.mode != Insert
	}
	c.Settings = b.ttl(b.o.TTLMillis)
	v.UID = uid(v.Kind, b.keyText(n.Partition, n.Input), logical.OrderText(n.Order, b.origins(n.Input)), b.lineage(n.Input))
	v.Config = config(c)
	return b.add(v, mode, keyed(in, v.Parallelism, n.Partition)), nil
}

func (b *builder) overMode(n *logical.Over, in Mode) Mode {
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

// arrives reports an order of processing time: the order in which rows come.
func arrives(n *logical.Over) bool {
	return len(n.Order) > 0 && n.Input.Schema()[n.Order[0].Column].Time == logical.Proctime && !n.Order[0].Desc
}

// streams reports whether the results of n are final as time goes on: not in
// the order of a time that rows may have long before they come.
func (b *builder) streams(n *logical.Over, in Mode) bool {
	if b.atEnd() || in != Insert || len(n.Order) == 0 {
		return false
	}
	k := n.Order[0]
	time := n.Input.Schema()[k.Column].Time
	if time == logical.NoTime || k.Desc || time == logical.Rowtime && b.untimely(n.Input, k.Column) != nil {
		return false
	}
	return !slices.ContainsFunc(n.Calls, func(c logical.OverCall) bool {
		switch c.Func {
		case "percent_rank", "cume_dist", "ntile", "lead":
			return true
		}
		f := c.Frame
		return c.Shifts || f.End.Kind > logical.CurrentRow || f.Start.Kind == logical.UnboundedPreceding && f.End.Kind != logical.CurrentRow
	})
}

func (b *builder) overConfig(n *logical.Over) (over.Config, error) {
	c := over.Config{Partition: n.Partition, Arrival: arrives(n)}
	if !c.Arrival {
		for _, k := range n.Order {
			c.Order = append(c.Order, over.Key{Column: k.Column, Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
	}
	aggs := make([]logical.AggCall, len(n.Calls))
	for i, call := range n.Calls {
		aggs[i] = call.AggCall
	}
	for i, spec := range specs(aggs) {
		call := n.Calls[i]
		f := over.Frame{Range: call.Frame.Range, Start: bound(call.Frame.Start), End: bound(call.Frame.End)}
		if c.Arrival && f.Range {
			if call.Frame.Start.Kind == logical.Preceding || call.Frame.End.Kind == logical.Preceding {
				return c, fmt.Errorf("%w: not supported yet: RANGE with a distance over processing time; use ROWS, or order by a time attribute of the rows", job.ErrInvalid)
			}
			f.Range = false
		}
		c.Calls = append(c.Calls, over.Call{Spec: spec, Frame: f, Offset: call.Offset, Shifts: call.Shifts})
	}
	return c, nil
}

func bound(b logical.Bound) over.Bound {
	return over.Bound{Kind: boundKinds[b.Kind], Offset: b.Offset, Float: b.Float}
}
