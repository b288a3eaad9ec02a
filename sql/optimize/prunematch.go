package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// match keeps the columns by which rows are matched and of which something is
// asked. What it gives stays as it is.
func (p *pruner) match(n *logical.Match) (logical.Node, renumber) {
	s := n.Input.Schema()
	below := paths{}
	below.add(n.Partition...)
	below.order(n.Order)
	for _, r := range n.Refs {
		if r.Agg != nil {
			below.add(r.Agg.Args...)
		} else {
			below.add(r.Column)
		}
	}
	refs := paths{}
	for _, e := range append(slices.Clone(n.Define), n.Measures...) {
		if e != nil {
			refs.use(e)
		}
	}
	for text := range refs.below(len(s)) {
		below[text] = true
	}
	in, re := p.node(n.Input, below)
	c := *n
	c.Input, c.Partition, c.Order = in, re.keys(s, n.Partition), re.order(s, n.Order)
	at := map[int]*expr.Column{}
	c.Refs = slices.Clone(n.Refs)
	for i, r := range n.Refs {
		at[len(s)+i] = &expr.Column{Index: len(in.Schema()) + i, Name: "$ref", Of: r.Type.Arrow()}
		if r.Agg != nil {
			a := *r.Agg
			a.Args = re.keys(s, a.Args)
			c.Refs[i].Agg = &a
		} else {
			c.Refs[i].Column = re.index(s, r.Column)
		}
	}
	all := appended(re, len(s), at)
	c.Define, c.Measures = optional(n.Define, all), each(n.Measures, all)
	return &c, func(e expr.Expr) expr.Expr { return e }
}

// optional is each for a list with gaps.
func optional(list []expr.Expr, f func(expr.Expr) expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		if e != nil {
			out[i] = f(e)
		}
	}
	return out
}
