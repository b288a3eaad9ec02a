package optimize

import (
	"slices"
	"strconv"

	"github.com/wadi-engine/wadi/sql/logical"
)

// expand keeps the columns that are used, those that are NULL in some copies
// among them, and the number of the set.
func (p *pruner) expand(n *logical.Expand, need map[int]bool) (logical.Node, renumber) {
	s := n.Input.Schema()
	below := paths{}
	var keep []int
	for i := range s {
		if need[i] {
			below[strconv.Itoa(i)] = true
			keep = append(keep, i)
		}
	}
	in, re := p.node(n.Input, below)
	if !slices.Equal(re.keys(s, keep), count(len(in.Schema()))) {
		in = p.only(n.Input, keep, pick(keep).schema(s))
	}
	c := &logical.Expand{Input: in, Nulls: make([][]int, len(n.Nulls))}
	for i, null := range n.Nulls {
		for _, k := range null {
			if at := slices.Index(keep, k); at >= 0 {
				c.Nulls[i] = append(c.Nulls[i], at)
			}
		}
	}
	out, up := kept(n.Output, append(keep, len(s)))
	c.Output = out
	return c, up
}

func (p pick) schema(s logical.Schema) logical.Schema {
	out := make(logical.Schema, len(p))
	for i, k := range p {
		out[i] = s[k]
	}
	return out
}

// below is the node under a, and the repetition of rows for grouping sets
// between them, or nil.
func below(a *logical.Aggregate) (logical.Node, *logical.Expand) {
	if e, ok := a.Input.(*logical.Expand); ok {
		return e.Input, e
	}
	return a.Input, nil
}

// repeat puts the repetition of rows over the columns that a window
// aggregation reads, whose positions are w.at. It reports false where a set
// lacks a column of the window.
func (w *windowing) repeat(input logical.Node) logical.Node {
	e := &logical.Expand{Input: input, Nulls: make([][]int, len(w.expand.Nulls)), Output: slices.Clone(input.Schema())}
	last := len(w.expand.Output) - 1
	for i, c := range w.expand.Output[:last] {
		if at := w.at[i]; at >= 0 {
			e.Output[at].Type = c.Type
		}
	}
	for i, null := range w.expand.Nulls {
		for _, k := range null {
			e.Nulls[i] = append(e.Nulls[i], w.at[k])
		}
	}
	w.at[last] = len(e.Output)
	e.Output = append(e.Output, w.expand.Output[last])
	return e
}

// splits reports whether a grouping set lacks a column of the window.
func (w *windowing) splits() bool {
	if w.expand == nil {
		return false
	}
	return slices.ContainsFunc(w.expand.Nulls, func(null []int) bool {
		return slices.ContainsFunc(null, func(k int) bool {
			_, is := w.property(w.calc.exprs[k])
			return is
		})
	})
}

// count is the numbers below n.
func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
