package bind

import (
	"context"
	"slices"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// lateral binds t, LATERAL (SELECT … WHERE a = t.b) AS u: a query that may name
// the columns of the tables before it. What relates the two becomes the
// condition of a join.
func (b *Binder) lateral(ctx context.Context, r *ast.Join, d *ast.Derived, left logical.Node, ls *scope, env *ctes) (logical.Node, *scope, error) {
	t := joinTypes[r.Kind]
	if t != logical.InnerJoin && t != logical.LeftJoin {
		return nil, nil, diag.At(r.Pos, "%s cannot join LATERAL; CROSS JOIN, JOIN and LEFT JOIN can", r.Kind)
	}
	if len(r.Using) > 0 || r.Natural {
		return nil, nil, diag.At(r.Pos, "a join with LATERAL takes ON")
	}
	if len(b.outer) == maxOuter {
		return nil, nil, unsupported(d.Pos, "more queries within each other")
	}
	b.outer = append(b.outer, outer{scope: ls})
	plan, err := b.query(ctx, d.Query, env)
	b.outer = b.outer[:len(b.outer)-1]
	if err != nil {
		return nil, nil, err
	}
	width := len(plan.Schema())
	_, rs, err := aliased(plan, scopeOf("", plan.Schema()), d.Alias)
	if err != nil {
		return nil, nil, err
	}
	x := &exprs{b: b, ctx: ctx, scope: ls}
	plan, conds, err := x.related(d.Pos, plan, left)
	if err != nil {
		return nil, nil, err
	}
	both := &scope{columns: append(slices.Clone(ls.columns), rs.columns...)}
	cond := x.joined(conds, len(ls.columns))
	if r.On != nil {
		on := &exprs{b: b, ctx: ctx, scope: both}
		v, err := on.condition(r.On, "ON")
		if err != nil {
			return nil, nil, err
		}
		if l, ok := v.Expr.(*expr.Literal); !ok || l.Value != true {
			cond = logical.And(cond, v.Expr)
		}
	}
	j := logical.NewJoin(left, plan, t, cond)
	vs := make([]Value, len(both.columns))
	for i := range vs {
		c := j.Output[i]
		both.columns[i].Type = c.Type
		vs[i] = Value{Expr: j.Output.Ref(i), Type: c.Type, Time: c.Time, Name: both.columns[i].Name}
	}
	if len(plan.Schema()) == width {
		return j, both, nil
	}
	return project(j, vs), both, nil // without what only the conditions needed
}

// related takes out of a query what relates it to left. A total without GROUP
// BY has a row also where nothing matches, and so one for each row of left.
func (x *exprs) related(pos ast.Pos, plan, left logical.Node) (logical.Node, []expr.Expr, error) {
	d := decorrelator{pos: pos, level: len(x.b.outer)}
	if ungrouped(plan) && d.inside(plan) {
		return d.pullAll(plan, left)
	}
	return d.pull(plan, func() logical.Node { return left })
}

// ungrouped reports whether a plan is an aggregation without keys.
func ungrouped(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Aggregate:
		return len(n.Keys) == 0
	case *logical.Project, *logical.Filter:
		return ungrouped(n.Inputs()[0])
	}
	return false
}
