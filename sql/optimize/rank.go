package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// rankKinds are the functions whose result a filter can bound.
var rankKinds = map[string]logical.RankKind{
	"row_number": logical.RowNumber, "rank": logical.RankWithGaps, "dense_rank": logical.DenseRank,
}

// rank turns a filter over the number of a row into a node that keeps only the
// rows that pass it:
//
//	Filter(rn <= 3 AND x)                      Filter(x)
//	  Over(ROW_NUMBER() by auction)     →        Rank(1 … 3 by auction)
//
// The last rank is a constant, or a column by which the rows are partitioned.
func rank(n logical.Node) logical.Node {
	f, ok := n.(*logical.Filter)
	if !ok {
		return n
	}
	over, ok := f.Input.(*logical.Over)
	if !ok || len(over.Calls) != 1 {
		return n
	}
	kind, ok := rankKinds[over.Calls[0].Func]
	if !ok {
		return n
	}
	r := &logical.Rank{
		Input: over.Input, Kind: kind, Partition: over.Partition, Order: over.Order, From: 1, To: -1,
		Limit: -1, Window: windowEnd(over.Input, over.Partition), Number: true, Output: over.Output,
	}
	var rest []expr.Expr
	for _, c := range logical.Conjuncts(f.Cond) {
		if !bound(r, c) {
			rest = append(rest, c)
		}
	}
	if r.To < 0 && r.Limit < 0 {
		return n
	}
	n = constantRank(r)
	if cond := logical.And(rest...); cond != nil {
		return &logical.Filter{Input: n, Cond: cond}
	}
	return n
}

// constantRank gives a rank that can only have one value as a constant: the
// rows then come and go, and do not change.
func constantRank(r *logical.Rank) logical.Node {
	if r.From != r.To || r.Kind != logical.RowNumber || r.Limit >= 0 {
		return r
	}
	out, n := r.Output, len(r.Output)-1
	r.Number, r.Output = false, out[:n:n]
	number := &expr.Literal{Value: r.From, Of: out[n].Type.Arrow()}
	return &logical.Project{Input: r, Exprs: append(r.Output.Refs(), number), Output: out}
}

var mirrored = map[string]string{"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq"}

// bound takes a condition about the rank into r, or reports that it has to stay.
func bound(r *logical.Rank, cond expr.Expr) bool {
	c, ok := cond.(*expr.Call)
	if !ok || mirrored[c.Func] == "" || len(c.Args) != 2 {
		return false
	}
	number := len(r.Output) - 1
	is := func(e expr.Expr) bool {
		col, ok := e.(*expr.Column)
		return ok && col.Index == number
	}
	op, other := c.Func, c.Args[1]
	if !is(c.Args[0]) {
		if !is(c.Args[1]) {
			return false
		}
		op, other = mirrored[op], c.Args[0]
	}
	switch other := other.(type) {
	case *expr.Literal:
		n, ok := other.Value.(int64)
		return ok && between(r, op, n)
	case *expr.Column:
		if op != "le" || r.Limit >= 0 || r.To >= 0 || !slices.Contains(r.Partition, other.Index) {
			return false
		}
		r.Limit = other.Index
		return true
	}
	return false
}

// between narrows the range of ranks.
func between(r *logical.Rank, op string, n int64) bool {
	from, to := int64(1), int64(-1)
	switch op {
	case "le":
		to = max(n, 0)
	case "lt":
		to = max(n-1, 0)
	case "ge":
		from = n
	case "gt":
		from = n + 1
	case "eq":
		from, to = n, max(n, 0)
	}
	if to >= 0 && r.Limit >= 0 {
		return false
	}
	r.From = max(r.From, from)
	if to >= 0 && (r.To < 0 || to < r.To) {
		r.To = to
	}
	return true
}

// windowEnd is the column of the end of the window when the partition holds
// the window's start and end, or -1.
func windowEnd(n logical.Node, partition []int) int {
	cols := windowColumns(n)
	start, end := false, -1
	for _, k := range partition {
		switch p, ok := cols[k]; {
		case !ok:
		case p == logical.WindowStart:
			start = true
		case p == logical.WindowEnd:
			end = k
		}
	}
	if !start {
		return -1
	}
	return end
}

// windowColumns are the columns of n that tell the window of a row whose
// windows are complete when the watermark passes their end.
func windowColumns(n logical.Node) map[int]logical.WindowProperty {
	out := map[int]logical.WindowProperty{}
	switch n := n.(type) {
	case *logical.Window:
		for p := range 3 {
			out[len(n.Input.Schema())+p] = logical.WindowProperty(p)
		}
	case *logical.WindowAggregate:
		if n.Spec.Emits {
			return out
		}
		for i, p := range n.Properties {
			out[len(n.Keys)+len(n.Aggs)+i] = p
		}
	case *logical.Project:
		below := windowColumns(n.Input)
		for i, e := range n.Exprs {
			if c, ok := e.(*expr.Column); ok {
				if p, is := below[c.Index]; is {
					out[i] = p
				}
			}
		}
	case *logical.Filter:
		return windowColumns(n.Input)
	case *logical.Rank:
		if n.Window >= 0 {
			return windowColumns(n.Input)
		}
	}
	return out
}

// waits reports whether a node gives rows when event time has passed them.
func waits(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.WindowAggregate:
		return !n.Spec.Processing
	case *logical.Window:
		return n.Spec.Kind == logical.Session && !n.Spec.Processing
	case *logical.Rank:
		last, latest := n.Latest()
		return n.Window >= 0 || latest && !last
	case *logical.Join:
		return versioned(n) || timed(n)
	case *logical.Project:
		return logical.AsksWatermark(n.Exprs...)
	case *logical.Filter:
		return logical.AsksWatermark(n.Cond)
	case *logical.Match:
		return n.Input.Schema()[n.Order[0].Column].Time == logical.Rowtime
	case *logical.Over:
		return len(n.Order) > 0 && n.Input.Schema()[n.Order[0].Column].Time == logical.Rowtime
	}
	return false
}
