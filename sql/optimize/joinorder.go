package optimize

import (
	"maps"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// maxLeaves is from how many tables on their order is left as it is written.
const maxLeaves = 12

// classes are columns of a joinTree that are equal in every row of the result.
type classes map[int]int

// find is the column that stands for those that are equal to c.
func (s classes) find(c int) int {
	for {
		up, ok := s[c]
		if !ok || up == c {
			return c
		}
		c = up
	}
}

// union makes two columns equal, and reports whether they were not.
func (s classes) union(a, b int) bool {
	a, b = s.find(a), s.find(b)
	if a == b {
		return false
	}
	s[max(a, b)] = min(a, b)
	return true
}

// sameColumns recognizes an equality of two columns of one type.
func sameColumns(e expr.Expr) (a, b *expr.Column, ok bool) {
	c, is := e.(*expr.Call)
	if !is || c.Func != "eq" {
		return nil, nil, false
	}
	a, isA := c.Args[0].(*expr.Column)
	b, isB := c.Args[1].(*expr.Column)
	return a, b, isA && isB && arrow.TypeEqual(a.Of, b.Of)
}

// equals are the classes that the conditions make.
func (t *joinTree) equals() classes {
	s := classes{}
	for _, c := range t.conds {
		if a, b, ok := sameColumns(c); ok {
			s.union(a.Index, b.Index)
		}
	}
	return s
}

// cheapest is an order of the leaves whose joins, but for the last, give far fewer
// rows than those of the order in which they stand, or nil. Beside the conditions
// it uses what follows from them:
//
//	bid ⋈ person ON p.id = b.bidder ⋈ auction ON a.seller = b.bidder
//	→ (person ⋈ auction ON p.id = a.seller) ⋈ bid ON p.id = b.bidder
func (t *joinTree) cheapest(o Options) []int {
	if len(t.leaves) < 3 || len(t.leaves) > maxLeaves || !o.Batch && t.timed() {
		return nil
	}
	c := costs{tree: t, keys: t.sharing()}
	for _, n := range t.leaves {
		s, ok := o.size(n)
		if !ok {
			return nil
		}
		c.sizes = append(c.sizes, s)
	}
	var best []int
	least := math.Inf(1)
	for first := range t.leaves {
		if order, cost := c.greedy(first); cost < least {
			best, least = order, cost
		}
	}
	if least > 0.7*c.written() {
		return nil
	}
	return best
}

// timed says that a condition is about a time attribute: it may bound how long the
// rows of two tables are kept, as long as it is those that are joined.
func (t *joinTree) timed() bool {
	used := map[int]bool{}
	for _, c := range t.conds {
		logical.Columns(c, used)
	}
	for c := range used {
		leaf := t.leafOf(c)
		if t.leaves[leaf].Schema()[c-t.from[leaf]].Time != logical.NoTime {
			return true
		}
	}
	return false
}

// sharing lists, for each class of equal columns, the leaves that have one of them.
func (t *joinTree) sharing() (leaves [][]int) {
	s := t.equals()
	at := map[int]int{}
	for _, c := range slices.Sorted(maps.Keys(s)) {
		root := s.find(c)
		i, ok := at[root]
		if !ok {
			i = len(leaves)
			at[root], leaves = i, append(leaves, nil)
		}
		for _, col := range []int{c, root} {
			if l := t.leafOf(col); !slices.Contains(leaves[i], l) {
				leaves[i] = append(leaves[i], l)
			}
		}
	}
	return leaves
}

// costs estimates orders: a join's rows are those of both sides, divided by how
// many values the key has: at most as many as the smallest table has that has it.
type costs struct {
	tree  *joinTree
	sizes []size
	keys  [][]int // of each key, the leaves that have it
}

// joined is how many rows come of joining a leaf to rows of others, and whether
// an equality joins them.
func (c *costs) joined(rows float64, others []int, leaf int) (float64, bool) {
	values, linked := 1.0, false
	most := c.sizes[leaf].all
	for _, leaves := range c.keys {
		if !slices.Contains(leaves, leaf) || !slices.ContainsFunc(leaves, func(l int) bool { return slices.Contains(others, l) }) {
			continue
		}
		linked = true
		domain := math.Inf(1)
		for _, l := range leaves {
			domain = min(domain, c.sizes[l].all)
			if slices.Contains(others, l) {
				most = min(most, c.sizes[l].all)
			}
		}
		values *= domain
	}
	if !linked && c.tree.linked(others, leaf) { // by an expression
		return max(rows, c.sizes[leaf].rows), true
	}
	return rows * c.sizes[leaf].rows / max(min(values, most), 1), linked
}

// greedy joins to the first leaf, one by one, the leaf that makes the fewest rows.
func (c *costs) greedy(first int) (order []int, cost float64) {
	order = []int{first}
	rows := c.sizes[first].rows
	for len(order) < len(c.sizes) {
		next, least, linked := -1, 0.0, false
		for leaf := range c.sizes {
			if slices.Contains(order, leaf) {
				continue
			}
			n, is := c.joined(rows, order, leaf)
			if next < 0 || is && !linked || is == linked && n < least {
				next, least, linked = leaf, n, is
			}
		}
		order = append(order, next)
		rows = least
		if len(order) < len(c.sizes) {
			cost += rows
		}
	}
	return order, cost
}

// written is what the order costs in which the leaves stand.
func (c *costs) written() (cost float64) {
	order := []int{0}
	rows := c.sizes[0].rows
	for leaf := 1; leaf < len(c.sizes)-1; leaf++ {
		rows, _ = c.joined(rows, order, leaf)
		order = append(order, leaf)
		cost += rows
	}
	return cost
}

// implied are equalities of columns of a leaf with columns of those before it that
// follow from the conditions of the tree and not from those that hold already.
func (t *joinTree) implied(all, held classes, before []int, leaf int) (conds []expr.Expr) {
	for _, a := range t.columnsOf(leaf) {
		for _, other := range before {
			for _, b := range t.columnsOf(other) {
				if all.find(a.Index) == all.find(b.Index) && held.union(a.Index, b.Index) {
					conds = append(conds, &expr.Call{Func: "eq", Args: []expr.Expr{b, a}, Of: arrow.FixedWidthTypes.Boolean})
				}
			}
		}
	}
	return conds
}

// columnsOf are those columns of a leaf that conditions want to be equal to others.
func (t *joinTree) columnsOf(leaf int) (cols []*expr.Column) {
	for _, e := range t.conds {
		a, b, ok := sameColumns(e)
		if !ok {
			continue
		}
		for _, c := range []*expr.Column{a, b} {
			if t.leafOf(c.Index) == leaf && !slices.ContainsFunc(cols, func(o *expr.Column) bool { return o.Index == c.Index }) {
				cols = append(cols, c)
			}
		}
	}
	return cols
}

// conditions are those of all that is left which are over leaves of an order; the
// others are returned too. An equality that follows from those before is left out.
func (t *joinTree) conditions(left []expr.Expr, all, held classes, order []int) (conds, rest []expr.Expr) {
	for _, c := range left {
		ready := true
		for used := range t.uses(c) {
			ready = ready && slices.Contains(order, used)
		}
		if !ready {
			rest = append(rest, c)
			continue
		}
		if a, b, ok := sameColumns(c); !ok || held.union(a.Index, b.Index) {
			conds = append(conds, c)
		}
	}
	last := len(order) - 1
	return append(conds, t.implied(all, held, order[:last], order[last])...), rest
}
