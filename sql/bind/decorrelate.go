package bind

import (
	"errors"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// decorrelator takes out of a plan the conditions that name columns of the query
// around it:
//
//	Aggregate(MAX(v))                         Aggregate(keys=[k], MAX(v))
//	  Filter(k = outer.k AND v > 0)      →      Filter(v > 0)            and  k = outer.k
//	    Scan(k, v)                                Scan(k, v)
//
// The columns of the plan stay where they are; those that the conditions need
// follow them.
type decorrelator struct {
	pos   ast.Pos
	level int // of the query around
	// exists says that only the number of rows counts, and of it only whether it
	// is 0.
	exists bool
}

// pulledName is the name of columns that conditions need.
const pulledName = "$outer"

// refers reports whether e names a column of the query around.
func (d *decorrelator) refers(e expr.Expr) bool {
	used := map[int]bool{}
	logical.Columns(e, used)
	base := outerBase * (d.level + 1)
	for i := range used {
		if i >= base && i < base+outerBase {
			return true
		}
	}
	return false
}

func (d *decorrelator) any(list ...expr.Expr) bool {
	return slices.ContainsFunc(list, func(e expr.Expr) bool { return e != nil && d.refers(e) })
}

// inside reports whether anything in a plan names a column of the query around.
func (d *decorrelator) inside(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Filter:
		if d.any(n.Cond) {
			return true
		}
	case *logical.Project:
		if d.any(n.Exprs...) {
			return true
		}
	case *logical.Join:
		if d.any(n.Cond) {
			return true
		}
	case *logical.Values:
		for _, r := range n.Rows {
			if d.any(r...) {
				return true
			}
		}
	default: // has no expressions over more than its inputs
	}
	return slices.ContainsFunc(n.Inputs(), d.inside)
}

// pull gives the plan without the conditions, and the conditions over its
// columns. around gives what the query around reads, for plans of which more
// depends on it.
func (d *decorrelator) pull(n logical.Node, around func() logical.Node) (logical.Node, []expr.Expr, error) {
	if d.exists {
		n = bare(n)
	}
	out, conds, err := d.node(n)
	if errors.Is(err, errDependent) {
		return d.pullAll(n, around())
	}
	return out, conds, err
}

// bare drops what does not change whether there are rows.
func bare(n logical.Node) logical.Node {
	for {
		switch x := n.(type) {
		case *logical.Project:
			n = x.Input
		case *logical.Sort:
			if x.Limit == 0 {
				return &logical.Values{Output: x.Schema()}
			}
			if x.Offset > 0 {
				return n
			}
			n = x.Input
		default:
			return n
		}
	}
}

func (d *decorrelator) node(n logical.Node) (logical.Node, []expr.Expr, error) {
	if !d.inside(n) {
		return n, nil, nil
	}
	switch n := n.(type) {
	case *logical.Filter:
		return d.filter(n)
	case *logical.Project:
		return d.project(n)
	case *logical.Aggregate:
		return d.aggregate(n)
	case *logical.Join:
		return d.join(n)
	case *logical.Sort:
		return d.sort(n)
	default:
		return nil, nil, errDependent
	}
}

// errDependent says that a query names columns outside of it in another way than
// in conditions that can be taken out.
var errDependent = errors.New("more than conditions depend on the query around")

func (d *decorrelator) filter(n *logical.Filter) (logical.Node, []expr.Expr, error) {
	in, conds, err := d.node(n.Input)
	if err != nil {
		return nil, nil, err
	}
	var stay []expr.Expr
	for _, c := range logical.Conjuncts(n.Cond) {
		if d.refers(c) {
			conds = append(conds, c)
		} else {
			stay = append(stay, c)
		}
	}
	if cond := logical.And(stay...); cond != nil {
		in = &logical.Filter{Input: in, Cond: cond}
	}
	return in, conds, nil
}

func (d *decorrelator) project(n *logical.Project) (logical.Node, []expr.Expr, error) {
	if d.any(n.Exprs...) {
		return nil, nil, errDependent
	}
	in, conds, err := d.node(n.Input)
	if err != nil {
		return nil, nil, err
	}
	p := &logical.Project{Input: in, Exprs: slices.Clone(n.Exprs), Output: slices.Clone(n.Output)}
	for i, c := range conds {
		conds[i] = d.exposed(p, c)
	}
	return p, conds, nil
}

// exposed is a condition over the input of a projection as one over its result,
// which gets the columns that it lacks.
func (d *decorrelator) exposed(p *logical.Project, cond expr.Expr) expr.Expr {
	s := p.Input.Schema()
	return logical.Rewrite(cond, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Column)
		if !ok || c.Index >= outerBase {
			return e
		}
		at := slices.IndexFunc(p.Exprs, func(x expr.Expr) bool {
			col, ok := x.(*expr.Column)
			return ok && col.Index == c.Index
		})
		if at < 0 {
			at = len(p.Exprs)
			p.Exprs = append(p.Exprs, s.Ref(c.Index))
			p.Output = append(p.Output, logical.Column{Name: pulledName, Type: s[c.Index].Type})
		}
		return &expr.Column{Index: at, Name: p.Output[at].Name, Of: c.Of}
	})
}

// aggregate groups by what the conditions want to be equal to something outside,
// too: each row outside then finds its group.
func (d *decorrelator) aggregate(n *logical.Aggregate) (logical.Node, []expr.Expr, error) {
	in, conds, err := d.node(n.Input)
	if err != nil {
		return nil, nil, err
	}
	if d.exists && len(n.Keys) == 0 {
		return nil, nil, errDependent
	}
	below, columns, outers, err := d.keyed(in, conds)
	if err != nil {
		return nil, nil, err
	}
	agg := &logical.Aggregate{Input: below, Keys: slices.Clone(n.Keys), Aggs: n.Aggs, TTL: n.TTL, Output: slices.Clone(n.Output[:len(n.Keys)])}
	top := &logical.Project{Input: agg}
	for i, c := range conds {
		at := columns[i]
		key := slices.Index(agg.Keys, at)
		if key < 0 {
			key = len(agg.Keys)
			agg.Keys = append(agg.Keys, at)
			agg.Output = append(agg.Output, below.Output[at])
		}
		conds[i] = &expr.Call{Func: "eq", Of: c.Type(), Args: []expr.Expr{agg.Output.Ref(key), outers[i]}}
	}
	added := len(agg.Keys) - len(n.Keys)
	agg.Output = append(agg.Output, n.Output[len(n.Keys):]...)
	for i := range n.Output {
		at := i
		if i >= len(n.Keys) {
			at += added
		}
		top.Exprs = append(top.Exprs, agg.Output.Ref(at))
		top.Output = append(top.Output, n.Output[i])
	}
	for i, c := range conds {
		conds[i] = d.exposed(top, c)
	}
	return top, conds, nil
}

// keyed computes the columns that conditions want to be equal to something
// outside, behind those of a node.
func (d *decorrelator) keyed(in logical.Node, conds []expr.Expr) (below *logical.Project, columns []int, outers []expr.Expr, err error) {
	below = &logical.Project{Input: in, Exprs: in.Schema().Refs(), Output: slices.Clone(in.Schema())}
	for _, c := range conds {
		inner, outer, ok := d.equality(c)
		if !ok {
			return nil, nil, nil, errDependent
		}
		at := len(below.Exprs)
		if col, is := inner.(*expr.Column); is {
			at = col.Index
		} else {
			below.Exprs = append(below.Exprs, inner)
			below.Output = append(below.Output, logical.Column{Name: pulledName, Type: typeOf(inner)})
		}
		columns, outers = append(columns, at), append(outers, outer)
	}
	return below, columns, outers, nil
}

// sort cuts the rows of each key that the conditions want to be equal to
// something outside: Top-N of each.
func (d *decorrelator) sort(n *logical.Sort) (logical.Node, []expr.Expr, error) {
	in, conds, err := d.node(n.Input)
	if err != nil || n.Limit < 0 && n.Offset == 0 {
		return in, conds, err
	}
	below, columns, outers, err := d.keyed(in, conds)
	if err != nil {
		return nil, nil, err
	}
	partition := slices.Compact(slices.Sorted(slices.Values(columns)))
	top := &logical.Project{Input: firstOf(n, below, partition), Exprs: n.Schema().Refs(), Output: slices.Clone(n.Schema())}
	for i, c := range conds {
		conds[i] = d.exposed(top, &expr.Call{Func: "eq", Of: c.Type(), Args: []expr.Expr{below.Output.Ref(columns[i]), outers[i]}})
	}
	return top, conds, nil
}

// typeOf is the type of a computed key, as far as its Arrow type tells.
func typeOf(e expr.Expr) datatype.Type {
	t, _ := datatype.FromField(arrow.Field{Type: e.Type(), Nullable: true})
	return t
}

// equality takes inner = outer apart.
func (d *decorrelator) equality(e expr.Expr) (inner, outer expr.Expr, ok bool) {
	c, is := e.(*expr.Call)
	if !is || c.Func != "eq" {
		return nil, nil, false
	}
	for i, a := range c.Args {
		if other := c.Args[1-i]; d.outside(a) && !d.refers(other) {
			return other, a, true
		}
	}
	return nil, nil, false
}

// outside reports whether e uses columns of the query around, and no others.
func (d *decorrelator) outside(e expr.Expr) bool {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		if i < outerBase {
			return false
		}
	}
	return d.refers(e)
}

// join takes the conditions out of both sides of an inner join, and out of the
// left side of one that gives or drops rows of the left.
func (d *decorrelator) join(n *logical.Join) (logical.Node, []expr.Expr, error) {
	leftOnly := n.Type == logical.LeftJoin || n.Type.Half()
	if n.Type != logical.InnerJoin && (!leftOnly || d.inside(n.Right) || d.any(n.Cond)) || n.AsOf != nil {
		return nil, nil, errDependent
	}
	left, conds, err := d.node(n.Left)
	if err != nil {
		return nil, nil, err
	}
	right, more, err := d.node(n.Right)
	if err != nil {
		return nil, nil, err
	}
	was, is := len(n.Left.Schema()), len(left.Schema())
	move := func(e expr.Expr) expr.Expr {
		return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok && c.Index >= was && c.Index < outerBase {
				return &expr.Column{Index: c.Index + is - was, Name: c.Name, Of: c.Of}
			}
			return e
		})
	}
	for _, c := range more {
		conds = append(conds, logical.Rewrite(c, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok && c.Index < outerBase {
				return &expr.Column{Index: c.Index + is, Name: c.Name, Of: c.Of}
			}
			return e
		}))
	}
	var stay []expr.Expr
	if n.Cond != nil {
		for _, c := range logical.Conjuncts(n.Cond) {
			if c = move(c); d.refers(c) {
				conds = append(conds, c)
			} else {
				stay = append(stay, c)
			}
		}
	}
	j := logical.NewJoin(left, right, n.Type, logical.And(stay...))
	j.Hints = n.Hints
	p := &logical.Project{Input: j, Output: slices.Clone(n.Output)}
	for i := range n.Output {
		at := i
		if i >= was {
			at += is - was
		}
		p.Exprs = append(p.Exprs, j.Output.Ref(at))
	}
	for i, c := range conds {
		conds[i] = d.exposed(p, c)
	}
	return p, conds, nil
}

// withoutRows are the columns of an aggregation without keys, and of projections
// over it, over no rows; nil for any other plan.
func withoutRows(n logical.Node) []expr.Expr {
	switch n := n.(type) {
	case *logical.Project:
		below := withoutRows(n.Input)
		if below == nil {
			return nil
		}
		out := make([]expr.Expr, len(n.Exprs))
		for i, e := range n.Exprs {
			used := map[int]bool{}
			logical.Columns(e, used)
			for c := range used {
				if c >= len(below) {
					return nil
				}
			}
			out[i] = logical.Substitute(e, below)
		}
		return out
	case *logical.Aggregate:
		if len(n.Keys) > 0 {
			return nil
		}
		out := make([]expr.Expr, len(n.Aggs))
		for i, a := range n.Aggs {
			out[i] = &expr.Literal{Of: a.Type.Arrow()}
			if a.Func == "count" {
				out[i] = &expr.Literal{Value: int64(0), Of: a.Type.Arrow()}
			}
		}
		return out
	}
	return nil
}
