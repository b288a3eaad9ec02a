package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// reorder joins the tables of FROM a, b, c in an order in which each has a
// condition of equality with those before it, where there is one: without it, a
// join gives every pair. Where the sizes of the tables are known it takes an order
// that makes few rows on the way (see cheapest). It looks at inner joins that hang
// together, and leaves them alone when their order is good enough.
//
//	FROM a, b, c WHERE a.x = c.x AND b.y = c.y      a ⋈ c ⋈ b
func reorder(n logical.Node, o Options) logical.Node {
	again := func(n logical.Node) logical.Node { return reorder(n, o) }
	j, ok := n.(*logical.Join)
	if !ok || j.Type != logical.InnerJoin || j.AsOf != nil {
		return inputs(n, again)
	}
	var tree joinTree
	tree.flatten(j, 0)
	for i := range tree.leaves {
		tree.leaves[i] = inputs(tree.leaves[i], again)
	}
	order := tree.cheapest(o)
	if order == nil {
		order = tree.order()
	}
	if order == nil {
		return inputs(n, again)
	}
	return tree.build(order, j.Output)
}

// joinTree is the leaves of inner joins that hang together, and their conditions
// over the columns of all leaves.
type joinTree struct {
	leaves []logical.Node
	ttl    []logical.TTL // of each leaf
	hints  string        // how the joins are wanted to be run
	from   []int         // first column of each leaf
	conds  []expr.Expr
}

// flatten adds a subtree whose first column is at; it returns the column behind
// its last.
func (t *joinTree) flatten(n logical.Node, at int) int {
	j, ok := n.(*logical.Join)
	if !ok || j.Type != logical.InnerJoin || j.AsOf != nil || j.Cond != nil && !logical.Deterministic(j.Cond) {
		t.leaves, t.from, t.ttl = append(t.leaves, n), append(t.from, at), append(t.ttl, logical.TTL{})
		return at + len(n.Schema())
	}
	first := len(t.leaves)
	middle := t.flatten(j.Left, at)
	t.hinted(first, j.Hints.Left)
	first = len(t.leaves)
	end := t.flatten(j.Right, middle)
	t.hinted(first, j.Hints.Right)
	if t.hints == "" {
		t.hints = j.Hints.Strategy
	}
	if j.Cond != nil {
		for _, c := range logical.Conjuncts(j.Cond) {
			t.conds = append(t.conds, shift(c, at))
		}
	}
	return end
}

// hinted notes the TTL of a side that is one leaf.
func (t *joinTree) hinted(first int, ttl logical.TTL) {
	if ttl.Given && len(t.leaves) == first+1 {
		t.ttl[first] = ttl
	}
}

// leafOf is the leaf that a column belongs to.
func (t *joinTree) leafOf(column int) int {
	i, found := slices.BinarySearch(t.from, column)
	for found && i+1 < len(t.from) && t.from[i+1] == column { // behind leaves without columns
		i++
	}
	if !found {
		i--
	}
	return i
}

// uses are the leaves that e refers to.
func (t *joinTree) uses(e expr.Expr) map[int]bool {
	columns, leaves := map[int]bool{}, map[int]bool{}
	logical.Columns(e, columns)
	for c := range columns {
		leaves[t.leafOf(c)] = true
	}
	return leaves
}

// order is an order of the leaves that avoids joins without an equality, or nil
// when theirs is as good.
func (t *joinTree) order() []int {
	asIs := make([]int, len(t.leaves))
	for i := range asIs {
		asIs[i] = i
	}
	before := t.crosses(asIs)
	if len(t.leaves) < 3 || before == 0 {
		return nil
	}
	order := []int{0}
	for len(order) < len(t.leaves) {
		next := -1
		for i := range t.leaves {
			if slices.Contains(order, i) {
				continue
			}
			if next < 0 || t.linked(order, i) && !t.linked(order, next) {
				next = i
			}
		}
		order = append(order, next)
	}
	if t.crosses(order) >= before {
		return nil
	}
	return order
}

// crosses counts the leaves without an equality with those before them.
func (t *joinTree) crosses(order []int) int {
	n := 0
	for k := 1; k < len(order); k++ {
		if !t.linked(order[:k], order[k]) {
			n++
		}
	}
	return n
}

// linked reports whether an equality relates a leaf to some of others.
func (t *joinTree) linked(others []int, leaf int) bool {
	return slices.ContainsFunc(t.conds, func(e expr.Expr) bool {
		c, ok := e.(*expr.Call)
		if !ok || c.Func != "eq" {
			return false
		}
		a, b := t.uses(c.Args[0]), t.uses(c.Args[1])
		if a[leaf] {
			a, b = b, a
		}
		if len(b) != 1 || !b[leaf] || len(a) == 0 {
			return false
		}
		for o := range a {
			if !slices.Contains(others, o) {
				return false
			}
		}
		return true
	})
}

// build joins the leaves in an order, with each condition as early as it can be,
// and gives the columns as they were.
func (t *joinTree) build(order []int, output logical.Schema) logical.Node {
	var node logical.Node
	at := map[int]int{} // column of the tree → column of node
	left := slices.Clone(t.conds)
	all, held := t.equals(), classes{}
	for k, leaf := range order {
		n := t.leaves[leaf]
		base := 0
		if node != nil {
			base = len(node.Schema())
		}
		for i := range n.Schema() {
			at[t.from[leaf]+i] = base + i
		}
		if node == nil {
			node = n
			continue
		}
		conds, rest := t.conditions(left, all, held, order[:k+1])
		for i, c := range conds {
			conds[i] = renumbered(c, at)
		}
		left = rest
		j := logical.NewJoin(node, n, logical.InnerJoin, logical.And(conds...))
		j.Hints = logical.JoinHints{Right: t.ttl[leaf], Strategy: t.hints}
		if k == 1 {
			j.Hints.Left = t.ttl[order[0]]
		}
		node = j
	}
	p := &logical.Project{Input: node, Output: output}
	for i := range output {
		p.Exprs = append(p.Exprs, node.Schema().Ref(at[i]))
	}
	return p
}

func renumbered(e expr.Expr, at map[int]int) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			return &expr.Column{Index: at[c.Index], Name: c.Name, Of: c.Of}
		}
		return e
	})
}
