package optimize

import (
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// earlySemi moves a semi join with few rows on its right below the inner joins
// on its left, to the table that it is about:
//
//	(a ⋈ b) ⋉ few    →    (a ⋉ few) ⋈ b
//
// Few rows are those of an aggregation behind a filter: HAVING.
func earlySemi(n logical.Node) logical.Node {
	j, ok := n.(*logical.Join)
	if !ok || j.Type != logical.SemiJoin || j.AsOf != nil || j.Cond == nil || !few(j.Right) {
		return n
	}
	in, ok := j.Left.(*logical.Join)
	if !ok || in.Type != logical.InnerJoin || in.AsOf != nil {
		return n
	}
	all, left := len(in.Schema()), len(in.Left.Schema())
	usesLeft, usesRight := sides(onlyColumns(j.Cond, all), left)
	switch {
	case usesLeft && !usesRight:
		semi := logical.NewJoin(in.Left, j.Right, logical.SemiJoin, renumberSides(j.Cond, all, 0, left))
		return in.With([]logical.Node{earlySemi(semi), in.Right})
	case usesRight && !usesLeft:
		semi := logical.NewJoin(in.Right, j.Right, logical.SemiJoin, renumberSides(j.Cond, all, left, all-left))
		return in.With([]logical.Node{in.Left, earlySemi(semi)})
	}
	return n
}

// few reports an aggregation behind a filter.
func few(n logical.Node) bool {
	for {
		switch x := n.(type) {
		case *logical.Project:
			n = x.Input
		case *logical.Filter:
			_, ok := x.Input.(*logical.Aggregate)
			return ok
		default:
			return false
		}
	}
}

// onlyColumns is what e says of columns below n.
func onlyColumns(e expr.Expr, n int) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok && c.Index >= n {
			return &expr.Literal{Of: c.Of}
		}
		return e
	})
}

// renumberSides moves the columns of a condition whose left side, of all
// columns, becomes those [from, from+n).
func renumberSides(e expr.Expr, all, from, n int) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok {
			return e
		}
		by := -from
		if c.Index >= all {
			by = n - all
		}
		return &expr.Column{Index: c.Index + by, Name: c.Name, Of: c.Of}
	})
}
