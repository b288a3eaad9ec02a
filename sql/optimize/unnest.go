package optimize

import (
	"strconv"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// unnest passes on only what is used. The columns of the elements stay.
func (p *pruner) unnest(n *logical.Unnest, need map[int]bool) (logical.Node, renumber) {
	below := paths{strconv.Itoa(n.Column): true}
	var keep, out []int
	for i, k := range n.Keep {
		if need[i] {
			below[strconv.Itoa(k)] = true
			keep, out = append(keep, k), append(out, i)
		}
	}
	for i := range n.Output[len(n.Keep):] {
		out = append(out, len(n.Keep)+i)
	}
	s := n.Input.Schema()
	in, re := p.node(n.Input, below)
	c := &logical.Unnest{Input: in, Column: re.index(s, n.Column), Keep: re.keys(s, keep), Outer: n.Outer, Ordinality: n.Ordinality}
	var up renumber
	c.Output, up = kept(n.Output, out)
	return c, up
}

// sinkUnnest puts a condition about the columns that are passed on below.
func sinkUnnest(n *logical.Unnest, cond expr.Expr) (logical.Node, bool) {
	if !onlyBelow(cond, len(n.Keep)) {
		return n, false
	}
	s := n.Input.Schema()
	by := make([]expr.Expr, len(n.Keep))
	for i, k := range n.Keep {
		by[i] = s.Ref(k)
	}
	return n.With([]logical.Node{drop(n.Input, logical.Substitute(cond, by))}), true
}
