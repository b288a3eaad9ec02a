package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// maxPushed bounds the nodes of a condition that grows as computed columns are
// put in place of their names.
const maxPushed = 1000

// push moves filters down. A filter is taken apart at its ANDs; each part goes
// as far as it can: through projections that are not volatile, into every side
// of a union, below aggregations when it is about keys.
func push(n logical.Node) logical.Node {
	if j, ok := n.(*logical.Join); ok {
		n = spreadCond(j)
	}
	n = inputs(n, push)
	f, ok := n.(*logical.Filter)
	if !ok {
		return n
	}
	node := f.Input
	var stay []expr.Expr
	for _, c := range logical.Conjuncts(f.Cond) {
		below, ok := sink(node, c)
		if ok {
			node = below
		} else {
			stay = append(stay, c)
		}
	}
	if cond := logical.And(stay...); cond != nil {
		return &logical.Filter{Input: node, Cond: cond}
	}
	return node
}

// sink puts a condition below n, or reports that it has to stay above.
func sink(n logical.Node, cond expr.Expr) (logical.Node, bool) {
	if !logical.Deterministic(cond) {
		return n, false
	}
	switch n := n.(type) {
	case *logical.Project:
		used := map[int]bool{}
		logical.Columns(cond, used)
		for i := range used {
			if !logical.Deterministic(n.Exprs[i]) {
				return n, false
			}
		}
		if logical.Grown(cond, n.Exprs, maxPushed) == maxPushed && logical.Size(cond, maxPushed) < maxPushed {
			return n, false
		}
		return n.With([]logical.Node{drop(n.Input, logical.Substitute(cond, n.Exprs))}), true
	case *logical.Filter:
		if below, ok := sink(n.Input, cond); ok {
			return n.With([]logical.Node{below}), true
		}
		return &logical.Filter{Input: n.Input, Cond: logical.And(n.Cond, cond)}, true
	case *logical.Union:
		in := make([]logical.Node, len(n.In))
		for i, side := range n.In {
			in[i] = drop(side, cond)
		}
		return n.With(in), true
	case *logical.Window:
		if n.Spec.Kind == logical.Session && !about(cond, n.Spec.Partition) {
			return n, false // without a row, others would be in other sessions
		}
		if onlyBelow(cond, len(n.Input.Schema())) {
			return n.With([]logical.Node{drop(n.Input, cond)}), true
		}
	case *logical.Join:
		return sinkJoin(n, cond)
	case *logical.Unnest:
		return sinkUnnest(n, cond)
	case *logical.Aggregate:
		return sinkKeys(n, n.Input, n.Keys, cond)
	case *logical.WindowAggregate:
		return sinkKeys(n, n.Input, n.Keys, cond)
	case *logical.Over:
		return sinkPartition(n, n.Input, n.Partition, cond)
	case *logical.Rank:
		return sinkPartition(n, n.Input, n.Partition, cond)
	}
	return n, false
}

// sinkPartition puts a condition about the partition below the functions of
// its rows: whole partitions go.
func sinkPartition(n, input logical.Node, partition []int, cond expr.Expr) (logical.Node, bool) {
	used := map[int]bool{}
	logical.Columns(cond, used)
	for i := range used {
		if !slices.Contains(partition, i) {
			return n, false
		}
	}
	if len(used) == 0 {
		return n, false
	}
	return n.With([]logical.Node{drop(input, cond)}), true
}

// drop puts a condition as far below n as it goes, or on top of it.
func drop(n logical.Node, cond expr.Expr) logical.Node {
	if below, ok := sink(n, cond); ok {
		return below
	}
	return &logical.Filter{Input: n, Cond: cond}
}

// sinkKeys puts a condition about keys below an aggregation: the groups for
// which it is not true do not arise then. It is not the same for an
// aggregation without keys, which has a row in any case.
func sinkKeys(n, input logical.Node, keys []int, cond expr.Expr) (logical.Node, bool) {
	if len(keys) == 0 || !onlyBelow(cond, len(keys)) {
		return n, false
	}
	used := map[int]bool{}
	logical.Columns(cond, used)
	if len(used) == 0 {
		return n, false
	}
	s := input.Schema()
	by := make([]expr.Expr, len(keys))
	for i, k := range keys {
		by[i] = s.Ref(k)
	}
	return n.With([]logical.Node{drop(input, logical.Substitute(cond, by))}), true
}

// about reports whether e uses only the columns of a list.
func about(e expr.Expr, list []int) bool {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		if !slices.Contains(list, i) {
			return false
		}
	}
	return true
}

// onlyBelow reports whether e uses only the first n columns.
func onlyBelow(e expr.Expr, n int) bool {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		if i >= n {
			return false
		}
	}
	return true
}
