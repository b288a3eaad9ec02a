package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// factor takes what all branches of an OR have in common out of it, so that it
// can be pushed down, or be what a join looks for:
//
//	(a = b AND c = 1) OR (a = b AND c = 2)  →  a = b AND (c = 1 OR c = 2)
func factor(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Filter:
		if c := factored(n.Cond); c != n.Cond {
			return &logical.Filter{Input: n.Input, Cond: c}
		}
	case *logical.Join:
		if n.Cond == nil {
			return n
		}
		if c := factored(n.Cond); c != n.Cond {
			j := *n
			j.Cond = c
			return &j
		}
	}
	return n
}

func factored(cond expr.Expr) expr.Expr {
	var parts []expr.Expr
	changed := false
	for _, c := range logical.Conjuncts(cond) {
		branches := disjuncts(c)
		common := shared(branches)
		if len(common) == 0 {
			parts = append(parts, c)
			continue
		}
		changed = true
		parts = append(parts, common...)
		var rest []expr.Expr
		for _, b := range branches {
			left := slices.DeleteFunc(logical.Conjuncts(b), func(e expr.Expr) bool { return contains(common, e) })
			if len(left) == 0 { // this branch is true wherever the common part is
				rest = nil
				break
			}
			rest = append(rest, logical.And(left...))
		}
		if len(rest) > 0 {
			parts = append(parts, &expr.Call{Func: "or", Args: rest, Of: c.Type()})
		}
	}
	if !changed {
		return cond
	}
	return logical.And(parts...)
}

// disjuncts splits a condition at its ORs.
func disjuncts(e expr.Expr) []expr.Expr {
	c, ok := e.(*expr.Call)
	if !ok || c.Func != "or" {
		return []expr.Expr{e}
	}
	var out []expr.Expr
	for _, a := range c.Args {
		out = append(out, disjuncts(a)...)
	}
	return out
}

// shared are the conditions that stand in each of several branches.
func shared(branches []expr.Expr) []expr.Expr {
	if len(branches) < 2 {
		return nil
	}
	common := slices.Clone(logical.Conjuncts(branches[0]))
	for _, b := range branches[1:] {
		parts := logical.Conjuncts(b)
		common = slices.DeleteFunc(common, func(e expr.Expr) bool { return !contains(parts, e) || !logical.Deterministic(e) })
	}
	return common
}

func contains(list []expr.Expr, e expr.Expr) bool {
	key := logical.Key(e)
	return slices.ContainsFunc(list, func(o expr.Expr) bool { return logical.Key(o) == key })
}

// implied is what an OR says about some columns alone, or nil: each branch has
// to say something about them.
//
//	(a = 1 AND b = 2) OR (a = 2 AND b = 1)  implies  a = 1 OR a = 2
func implied(cond expr.Expr, about func(e expr.Expr) bool) expr.Expr {
	branches := disjuncts(cond)
	if len(branches) < 2 {
		return nil
	}
	var out []expr.Expr
	for _, b := range branches {
		part := logical.And(slices.DeleteFunc(slices.Clone(logical.Conjuncts(b)), func(e expr.Expr) bool { return !about(e) })...)
		if part == nil {
			return nil
		}
		out = append(out, part)
	}
	return &expr.Call{Func: "or", Args: out, Of: cond.Type()}
}

// dropImplied puts below an inner join what a condition over both sides says of
// each.
func dropImplied(n *logical.Join, cond expr.Expr) *logical.Join {
	left := len(n.Left.Schema())
	c := *n
	one := func(of bool) func(e expr.Expr) bool {
		return func(e expr.Expr) bool {
			usesLeft, usesRight := sides(e, left)
			return usesLeft == of && usesRight != of
		}
	}
	if e := implied(cond, one(true)); e != nil {
		c.Left = drop(c.Left, e)
	}
	if e := implied(cond, one(false)); e != nil {
		c.Right = drop(c.Right, shift(e, -left))
	}
	return &c
}
