package bind

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// counted is INTERSECT ALL or EXCEPT ALL of the two sides of u: each row as often
// as the side has it that has it less often, or as often more as the left side has
// it.
//
//	Unnest(copies(l - r))
//	  Aggregate(keys=[all], COUNT(*) FILTER (left) AS l, COUNT(*) FILTER (right) AS r)
//	    Union(left side, right side)
func counted(u *logical.Union, except bool) logical.Node {
	width := len(u.Output)
	all := &logical.Union{}
	for i, side := range u.In {
		p := &logical.Project{Input: side, Exprs: side.Schema().Refs(), Output: slices.Clone(u.Output)}
		for k, name := range []string{"$left", "$right"} {
			p.Exprs = append(p.Exprs, boolean(i == k).Expr)
			p.Output = append(p.Output, logical.Column{Name: name, Type: boolType.WithNull(false)})
		}
		all.In = append(all.In, p)
		all.Output = p.Output
	}
	agg := &logical.Aggregate{Input: all, Output: slices.Clone(u.Output)}
	count := datatype.Of(datatype.BigInt).WithNull(false)
	for k, name := range []string{"$l", "$r"} {
		agg.Aggs = append(agg.Aggs, logical.AggCall{Func: "count", Filter: width + k, Type: count})
		agg.Output = append(agg.Output, logical.Column{Name: name, Type: count})
	}
	for i := range width {
		agg.Keys = append(agg.Keys, i)
	}
	unique(agg.Output)
	l, r := agg.Output.Ref(width), agg.Output.Ref(width+1)
	n := &expr.Call{Func: "sub", Args: []expr.Expr{l, r}, Of: count.Arrow()}
	if !except {
		fewer := &expr.Call{Func: "lt", Args: []expr.Expr{l, r}, Of: boolType.Arrow()}
		n = &expr.Call{Func: "case", Args: []expr.Expr{fewer, l, r}, Of: count.Arrow()}
	}
	zero := datatype.Of(datatype.TinyInt).WithNull(false)
	copies := datatype.ArrayOf(zero).WithNull(false)
	p := &logical.Project{Input: agg, Output: slices.Clone(u.Output)}
	for i := range width {
		p.Exprs = append(p.Exprs, agg.Output.Ref(i))
	}
	p.Exprs = append(p.Exprs, &expr.Call{Func: "copies", Args: []expr.Expr{n}, Of: copies.Arrow()})
	p.Output = append(p.Output, logical.Column{Name: "$copies", Type: copies})
	times := &logical.Unnest{Input: p, Column: width, Keep: agg.Keys, Output: append(slices.Clone(u.Output), logical.Column{Name: "$copy", Type: zero})}
	top := &logical.Project{Input: times, Output: u.Output}
	for i := range width {
		top.Exprs = append(top.Exprs, times.Output.Ref(i))
	}
	return top
}
