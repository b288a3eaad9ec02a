package bind

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// pending is a query above a GROUP BY, whose aggregation is built when all that
// stands above it is bound.
type pending struct {
	plan  logical.Node
	pos   ast.Pos
	level int
	// counts says that a column follows which tells rows from those of padding.
	counts bool
}

func (p pending) width() int {
	if p.counts {
		return len(p.plan.Schema()) + 1
	}
	return len(p.plan.Schema())
}

// pend keeps a query until the aggregation below is built, and gives the number
// of its first column.
func (q *queries) pend(p pending) int {
	at := pendingBase
	for _, other := range q.pending {
		at += other.width()
	}
	q.pending = append(q.pending, p)
	return at
}

// attach joins the pending queries to the aggregation that has been built, and
// puts their columns into the lists.
func (q *queries) attach(agg logical.Node, lists ...[]Value) (logical.Node, error) {
	node := agg
	var columns []int // by number, less pendingBase
	for _, p := range q.pending {
		d := decorrelator{pos: p.pos, level: p.level}
		plan, conds, err := d.pull(p.plan, func() logical.Node { return agg })
		if err != nil {
			return nil, err
		}
		if p.counts {
			plan = flagged(plan)
		}
		at := len(node.Schema())
		for i := range p.plan.Schema() {
			columns = append(columns, at+i)
		}
		if p.counts {
			columns = append(columns, at+len(plan.Schema())-1)
		}
		node = logical.NewJoin(node, plan, logical.LeftJoin, joined(conds, at, p.level))
	}
	for _, list := range lists {
		for i := range list {
			list[i].Expr = logical.Rewrite(list[i].Expr, func(e expr.Expr) expr.Expr {
				if c, ok := e.(*expr.Column); ok && c.Index >= pendingBase && c.Index < pendingBase+len(columns) {
					return node.Schema().Ref(columns[c.Index-pendingBase])
				}
				return e
			})
		}
	}
	return node, nil
}

// usesPending reports whether an expression has the value of a pending query.
func usesPending(e expr.Expr) bool {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		if i >= pendingBase && i < 2*pendingBase {
			return true
		}
	}
	return false
}

// hasQuery reports whether a query stands in e.
func hasQuery(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Subquery, *ast.Exists:
		return true
	case *ast.In:
		if e.Query != nil {
			return true
		}
	case *ast.Quantified:
		if e.Query != nil {
			return true
		}
	}
	return slices.ContainsFunc(children(e), func(c ast.Expr) bool { return c != nil && hasQuery(c) })
}
