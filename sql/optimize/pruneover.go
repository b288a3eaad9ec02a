package optimize

import (
	"slices"
	"strconv"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// below are the paths among need that lead to the first n columns.
func (p paths) below(n int) paths {
	out := paths{}
	for text := range p {
		if first(text) < n {
			out[text] = true
		}
	}
	return out
}

func (p paths) add(cols ...int) {
	for _, c := range cols {
		p[strconv.Itoa(c)] = true
	}
}

func (p paths) order(keys []logical.SortKey) {
	for _, k := range keys {
		p.add(k.Column)
	}
}

// appended is the renumber of a node that appends columns to the n of its
// input: re is that of the input, at the new ones by their old index.
func appended(re renumber, n int, at map[int]*expr.Column) renumber {
	var f renumber
	f = func(e expr.Expr) expr.Expr {
		if text, ok := path(e); ok && first(text) < n {
			return re(e)
		}
		switch e := e.(type) {
		case *expr.Column:
			return at[e.Index]
		case *expr.Call:
			return e.With(each(e.Args, f))
		}
		return e
	}
	return f
}

func (re renumber) order(s logical.Schema, keys []logical.SortKey) []logical.SortKey {
	out := slices.Clone(keys)
	for i := range out {
		out[i].Column = re.index(s, keys[i].Column)
	}
	return out
}

// over keeps the window functions that are used; without any it is its input.
func (p *pruner) over(n *logical.Over, need paths) (logical.Node, renumber) {
	s := n.Input.Schema()
	below := need.below(len(s))
	c := &logical.Over{}
	var kept []int
	var aggs []logical.AggCall
	wanted := need.columns()
	for i, call := range n.Calls {
		if wanted[len(s)+i] {
			kept = append(kept, len(s)+i)
			aggs = append(aggs, call.AggCall)
			c.Calls = append(c.Calls, call)
		}
	}
	if len(kept) == 0 {
		return p.node(n.Input, below)
	}
	below.add(n.Partition...)
	below.order(n.Order)
	used(aggs, below)
	in, re := p.node(n.Input, below)
	for i, a := range re.aggs(s, aggs) {
		c.Calls[i].AggCall = a
	}
	c.Input, c.Partition, c.Order, c.Output = in, re.keys(s, n.Partition), re.order(s, n.Order), slices.Clone(in.Schema())
	at := map[int]*expr.Column{}
	for _, i := range kept {
		at[i] = &expr.Column{Index: len(c.Output), Name: n.Output[i].Name, Of: n.Output[i].Type.Arrow()}
		c.Output = append(c.Output, n.Output[i])
	}
	return c, appended(re, len(s), at)
}

// rank leaves out the number that nobody looks at.
func (p *pruner) rank(n *logical.Rank, need paths) (logical.Node, renumber) {
	s := n.Input.Schema()
	below := need.below(len(s))
	below.add(n.Partition...)
	below.order(n.Order)
	if n.Limit >= 0 {
		below.add(n.Limit)
	}
	in, re := p.node(n.Input, below)
	c := *n
	c.Input, c.Partition, c.Order, c.Output = in, re.keys(s, n.Partition), re.order(s, n.Order), slices.Clone(in.Schema())
	if n.Limit >= 0 {
		c.Limit = re.index(s, n.Limit)
	}
	if n.Window >= 0 {
		c.Window = re.index(s, n.Window)
	}
	at := map[int]*expr.Column{}
	if n.Number {
		number := n.Output[len(s)]
		if c.Number = need.columns()[len(s)]; c.Number {
			at[len(s)] = &expr.Column{Index: len(c.Output), Name: number.Name, Of: number.Type.Arrow()}
			c.Output = append(c.Output, number)
		}
	}
	return &c, appended(re, len(s), at)
}
