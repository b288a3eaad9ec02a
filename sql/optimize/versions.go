package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// versions lets a join with the versions of a table read them all, where the table
// is a view that keeps the latest row of each key:
//
//	TemporalJoin(k, since)                       TemporalJoin(k, since)
//	  Rank(ROW_NUMBER = 1 of k by since DESC) →    Scan
//	    Scan
//
// Filters above them become conditions of the join.
func versions(n logical.Node) logical.Node {
	j, ok := n.(*logical.Join)
	if !ok || !versioned(j) || j.AsOf.Latest {
		return n
	}
	j, outside := unfiltered(j)
	keys := j.Keys().Right
	right, ok := unranked(j.Right, keys, j.AsOf.Version)
	if !ok {
		return outside(j)
	}
	c, asOf := *j, *j.AsOf
	asOf.Latest = true
	c.Right, c.AsOf = right, &asOf
	return outside(&c)
}

// unranked takes the Rank out that is below projections of n, when it keeps the
// latest row by the column version for the columns keys.
func unranked(n logical.Node, keys []int, version int) (logical.Node, bool) {
	switch n := n.(type) {
	case *logical.Project:
		below, ok := columnsOf(n, append(slices.Clone(keys), version))
		if !ok {
			return nil, false
		}
		in, ok := unranked(n.Input, below[:len(keys)], below[len(keys)])
		if !ok {
			return nil, false
		}
		return n.With([]logical.Node{in}), true
	case *logical.Rank:
		last, ok := n.Latest()
		if !ok || !last || n.Order[0].Column != version {
			return nil, false
		}
		for _, p := range n.Partition {
			if !slices.Contains(keys, p) {
				return nil, false
			}
		}
		return n.Input, true
	}
	return nil, false
}

// columnsOf are the columns below that columns of a projection pass on.
func columnsOf(p *logical.Project, columns []int) ([]int, bool) {
	out := make([]int, len(columns))
	for i, c := range columns {
		col, ok := p.Exprs[c].(*expr.Column)
		if !ok {
			return nil, false
		}
		out[i] = col.Index
	}
	return out, true
}

// timed reports a join over time attributes of both sides, which may be one of rows
// whose times are close, or within windows: rows are forgotten as time goes on.
func timed(n *logical.Join) bool {
	if n.Cond == nil {
		return false
	}
	used := map[int]bool{}
	logical.Columns(n.Cond, used)
	both := n.Both()
	var times [2]bool
	for i := range used {
		side := 0
		if i >= len(n.Left.Schema()) {
			side = 1
		}
		times[side] = times[side] || both[i].Time == logical.Rowtime || both[i].Type.Kind == datatype.Timestamp
	}
	return times[0] && times[1]
}
