package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// unfiltered takes the filters out that are above the versions with which j joins,
// and makes them conditions of the join. A version that a filter drops ends the one
// before it and is none itself: so the filter looks at the version that holds, and
// not at which ones there are.
//
//	TemporalJoin(a = k)             TemporalJoin(a = k AND v > 3)
//	  Filter(v > 3)           →       Scan(k, v; PRIMARY KEY k)
//	    Scan(k, v; PRIMARY KEY k)
func unfiltered(j *logical.Join) (join *logical.Join, node func(logical.Node) logical.Node) {
	same := func(n logical.Node) logical.Node { return n }
	right, conds := peel(j.Right)
	if len(conds) == 0 {
		return j, same
	}
	left := len(j.Left.Schema())
	for i, c := range conds {
		conds[i] = shift(c, left)
	}
	if j.Cond != nil {
		conds = append([]expr.Expr{j.Cond}, conds...)
	}
	c := logical.NewJoin(j.Left, right, j.Type, logical.And(conds...))
	c.AsOf, c.Hints = j.AsOf, j.Hints
	if len(c.Output) == len(j.Output) {
		return c, same
	}
	return c, func(n logical.Node) logical.Node {
		p := &logical.Project{Input: n, Output: j.Output}
		for i := range j.Output {
			p.Exprs = append(p.Exprs, n.Schema().Ref(i))
		}
		return p
	}
}

// peel takes the filters out that are above a table or the latest rows of its keys,
// and gives their conditions over the columns of what is left. Its columns are
// those of n, and behind them others that the conditions read.
func peel(n logical.Node) (logical.Node, []expr.Expr) {
	switch n := n.(type) {
	case *logical.Filter:
		if !logical.Deterministic(n.Cond) {
			return n, nil
		}
		in, conds := peel(n.Input)
		return in, append(conds, logical.Conjuncts(n.Cond)...)
	case *logical.Project:
		in, conds := peel(n.Input)
		if len(conds) == 0 {
			return n, nil
		}
		p := &logical.Project{Input: in, Exprs: slices.Clone(n.Exprs), Output: slices.Clone(n.Output)}
		at := map[int]int{}
		for i, e := range n.Exprs {
			if c, ok := e.(*expr.Column); ok {
				at[c.Index] = i
			}
		}
		used := map[int]bool{}
		for _, c := range conds {
			logical.Columns(c, used)
		}
		s := in.Schema()
		for _, c := range sorted(used) {
			if _, ok := at[c]; !ok {
				at[c] = len(p.Exprs)
				p.Exprs, p.Output = append(p.Exprs, s.Ref(c)), append(p.Output, s[c])
			}
		}
		for i, c := range conds {
			conds[i] = renumbered(c, at)
		}
		return p, conds
	}
	return n, nil
}
