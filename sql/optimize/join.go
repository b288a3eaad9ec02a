package optimize

import (
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// sides says which sides of a join an expression over both uses.
func sides(e expr.Expr, left int) (usesLeft, usesRight bool) {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		usesLeft = usesLeft || i < left
		usesRight = usesRight || i >= left
	}
	return usesLeft, usesRight
}

// shift renumbers columns by adding by.
func shift(e expr.Expr, by int) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			return &expr.Column{Index: c.Index + by, Name: c.Name, Of: c.Of}
		}
		return e
	})
}

// sinkJoin puts a condition above a join into it, or below it:
//
//	                 left only      right only     both
//	inner            below left     below right    into the condition
//	left outer       below left     inner, if NULLs fail it; so with both
//	semi, anti       below left
//
// and the other way round for a right outer join.
func sinkJoin(n *logical.Join, cond expr.Expr) (logical.Node, bool) {
	left := len(n.Left.Schema())
	usesLeft, usesRight := sides(cond, left)
	n = stronger(n, cond)
	padsLeft, padsRight := n.Type.Pads()
	switch {
	case usesLeft && !usesRight && !padsRight:
		return n.With([]logical.Node{drop(n.Left, cond), n.Right}), true
	case usesRight && !usesLeft && !padsLeft && !versioned(n):
		return n.With([]logical.Node{n.Left, drop(n.Right, shift(cond, -left))}), true
	case n.Type == logical.InnerJoin && !versioned(n):
		c := dropImplied(n, cond)
		c.Cond = logical.And(n.Cond, cond)
		return c, true
	}
	return n, false
}

// stronger makes an outer join pad less when a condition above it drops the rows
// that it pads.
func stronger(n *logical.Join, cond expr.Expr) *logical.Join {
	left := len(n.Left.Schema())
	padsLeft, padsRight := n.Type.Pads()
	keepLeft := padsLeft && !fails(cond, func(i int) bool { return i >= left })
	keepRight := padsRight && !fails(cond, func(i int) bool { return i < left })
	if keepLeft == padsLeft && keepRight == padsRight {
		return n
	}
	c := *n
	switch {
	case keepLeft:
		c.Type = logical.LeftJoin
	case keepRight:
		c.Type = logical.RightJoin
	default:
		c.Type = logical.InnerJoin
	}
	return &c
}

// comparing are the kernels that give NULL or FALSE when an argument is NULL.
var comparing = map[string]bool{
	"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true, "like": true, "similar_to": true, "not": true,
	"add": true, "sub": true, "mul": true, "div": true, "mod": true, "neg": true, "cast": true,
}

// fails reports whether e is not true when the columns for which null holds are
// NULL.
func fails(e expr.Expr, null func(int) bool) bool {
	c, ok := e.(*expr.Call)
	if !ok {
		return isNull(e, null)
	}
	each := func(a expr.Expr) bool { return fails(a, null) }
	switch c.Func {
	case "and":
		return slices.ContainsFunc(c.Args, each)
	case "or":
		return !slices.ContainsFunc(c.Args, func(a expr.Expr) bool { return !each(a) })
	case "is_not_null", "is_true", "in":
		return isNull(c.Args[0], null)
	}
	return isNull(e, null)
}

// isNull reports whether e is NULL when the columns for which null holds are.
func isNull(e expr.Expr, null func(int) bool) bool {
	switch e := e.(type) {
	case *expr.Column:
		return null(e.Index)
	case *expr.Call:
		return comparing[e.Func] && slices.ContainsFunc(e.Args, func(a expr.Expr) bool { return isNull(a, null) })
	case *expr.Literal:
	}
	return false
}

// spreadCond moves the parts of a join's own condition that are about one side
// below it, where a row that fails them gives nothing:
//
//	inner, semi   both sides     left outer, anti   right side     right outer   left side
func spreadCond(n *logical.Join) *logical.Join {
	if n.Cond == nil {
		return n
	}
	c := *n
	left := len(n.Left.Schema())
	padsLeft, padsRight := n.Type.Pads()
	var stay []expr.Expr
	for _, part := range logical.Conjuncts(n.Cond) {
		usesLeft, usesRight := sides(part, left)
		switch {
		case !logical.Deterministic(part):
			stay = append(stay, part)
		case isTrue(part):
		case usesLeft && !usesRight && !padsLeft && n.Type != logical.AntiJoin:
			c.Left = drop(c.Left, part)
		case usesRight && !usesLeft && !padsRight && !versioned(n):
			c.Right = drop(c.Right, shift(part, -left))
		case n.Type == logical.InnerJoin && !versioned(n):
			c = *dropImplied(&c, part)
			stay = append(stay, part)
		default:
			stay = append(stay, part)
		}
	}
	c.Cond = logical.And(stay...)
	return &c
}

// versioned reports a join with the versions of a table. A filter on its right
// side would let an older version take the place of one that it drops.
func versioned(n *logical.Join) bool { return n.AsOf != nil && !n.AsOf.Lookup }

func isTrue(e expr.Expr) bool {
	l, ok := e.(*expr.Literal)
	return ok && l.Value == true
}

// joinKeys computes below a join what its condition wants to be equal, so that
// rows can be brought together by it:
//
//	Join(upper(a) = b)      Project(a, b)
//	  Scan(a)            →    Join($1 = b)
//	  Scan(b)                   Project(a, upper(a))
//	                            Scan(b)
func joinKeys(n logical.Node) logical.Node {
	j, ok := n.(*logical.Join)
	if !ok || j.Cond == nil {
		return n
	}
	left := len(j.Left.Schema())
	below := [2]*logical.Project{passing(j.Left), passing(j.Right)}
	conds := logical.Conjuncts(j.Cond)
	found := false
	for i, part := range conds {
		c, ok := part.(*expr.Call)
		if !ok || c.Func != "eq" && c.Func != "is_not_distinct_from" || !logical.Deterministic(c) {
			continue
		}
		l, r := c.Args[0], c.Args[1]
		if usesLeft, _ := sides(l, left); !usesLeft {
			l, r = r, l
		}
		lLeft, lRight := sides(l, left)
		rLeft, rRight := sides(r, left)
		if !lLeft || lRight || rLeft || !rRight || isColumn(l) && isColumn(r) || !logical.Keyable(l) || !logical.Keyable(r) || !arrow.TypeEqual(l.Type(), r.Type()) {
			continue
		}
		found = true
		conds[i] = &expr.Call{Func: c.Func, Of: c.Of, Args: []expr.Expr{computed(below[0], l, leftMark), computed(below[1], shift(r, -left), rightMark)}}
	}
	if !found {
		return n
	}
	return withComputed(j, below, conds)
}

// typeOf is the type of a computed key, as far as its Arrow type tells.
func typeOf(e expr.Expr) datatype.Type {
	t, _ := datatype.FromField(arrow.Field{Type: e.Type(), Nullable: true})
	return t
}

func isColumn(e expr.Expr) bool {
	_, ok := e.(*expr.Column)
	return ok
}

// passing is a projection of all columns, to which others can be added.
func passing(n logical.Node) *logical.Project {
	return &logical.Project{Input: n, Exprs: n.Schema().Refs(), Output: slices.Clone(n.Schema())}
}

// Columns of the projections below a join are marked while those grow.
const (
	leftMark  = 1 << 24
	rightMark = 1 << 25
)

// computed is e as a column of p, marked.
func computed(p *logical.Project, e expr.Expr, mark int) expr.Expr {
	at := len(p.Exprs)
	if c, ok := e.(*expr.Column); ok {
		at = c.Index
	} else {
		p.Exprs = append(p.Exprs, e)
		p.Output = append(p.Output, logical.Column{Name: "$f" + strconv.Itoa(at), Type: typeOf(e)})
	}
	return &expr.Column{Index: at + mark, Name: p.Output[at].Name, Of: e.Type()}
}

// withComputed is the join over the projections, without what they have added.
func withComputed(j *logical.Join, below [2]*logical.Project, conds []expr.Expr) logical.Node {
	left, wider := len(j.Left.Schema()), len(below[0].Exprs)
	for i, c := range conds {
		conds[i] = logical.Rewrite(c, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok {
				return e
			}
			at := c.Index
			switch {
			case at >= rightMark:
				at += wider - rightMark
			case at >= leftMark:
				at -= leftMark
			case at >= left:
				at += wider - left
			}
			return &expr.Column{Index: at, Name: c.Name, Of: c.Of}
		})
	}
	inner := logical.NewJoin(slim(below[0]), slim(below[1]), j.Type, logical.And(conds...))
	inner.AsOf, inner.Hints = j.AsOf, j.Hints
	top := &logical.Project{Input: inner, Output: j.Output}
	for i := range j.Output {
		at := i
		if i >= left {
			at += wider - left
		}
		top.Exprs = append(top.Exprs, inner.Output.Ref(at))
	}
	return top
}

// slim drops a projection that adds nothing.
func slim(p *logical.Project) logical.Node {
	if len(p.Exprs) == len(p.Input.Schema()) {
		return p.Input
	}
	return p
}

// join prunes both sides to what is needed of them and to what the condition
// reads.
func (p *pruner) join(n *logical.Join, need paths) (logical.Node, renumber) {
	left := len(n.Left.Schema())
	all := paths{}
	for text := range need {
		all[text] = true
	}
	if n.Cond != nil {
		all.use(n.Cond)
	}
	if versioned(n) {
		all[strconv.Itoa(n.AsOf.Time)] = true
		all[strconv.Itoa(left+n.AsOf.Version)] = true
	}
	var below [2]paths
	below[0], below[1] = paths{}, paths{}
	for text := range all {
		if at := first(text); at < left {
			below[0][text] = true
		} else {
			below[1][moved(text, -left)] = true
		}
	}
	for i, side := range n.Inputs() { // a batch needs a column to have rows
		if s := side.Schema(); len(below[i]) == 0 && len(s) > 0 {
			below[i][strconv.Itoa(narrowest(s))] = true
		}
	}
	l, reLeft := p.tight(n.Left, below[0])
	r, reRight := p.tight(n.Right, below[1])
	width := len(l.Schema())
	var re renumber
	re = func(e expr.Expr) expr.Expr {
		if text, ok := path(e); ok {
			if first(text) < left {
				return reLeft(e)
			}
			return shift(reRight(shift(e, -left)), width)
		}
		c, ok := e.(*expr.Call)
		if !ok {
			return e
		}
		return c.With(each(c.Args, re))
	}
	var cond expr.Expr
	if n.Cond != nil {
		cond = re(n.Cond)
	}
	out := logical.NewJoin(l, r, n.Type, cond)
	out.Hints = n.Hints
	if n.AsOf != nil {
		out.AsOf = &logical.AsOf{Lookup: n.AsOf.Lookup, Latest: n.AsOf.Latest}
	}
	if versioned(n) {
		out.AsOf.Time, out.AsOf.Version = reLeft.index(n.Left.Schema(), n.AsOf.Time), reRight.index(n.Right.Schema(), n.AsOf.Version)
	}
	return out, re
}

// tight prunes a side to what is needed of it and nothing else, since a join keeps
// what it reads. Where fields of rows are wanted, it leaves the columns that the side
// has besides.
func (p *pruner) tight(n logical.Node, need paths) (logical.Node, renumber) {
	in, re := p.node(n, need)
	keep := sorted(need.columns())
	if len(keep) == len(in.Schema()) {
		return in, re
	}
	for text := range need {
		if text != strconv.Itoa(first(text)) {
			return in, re
		}
	}
	s := n.Schema()
	out, up := kept(s, keep)
	pick := &logical.Project{Input: in, Output: out}
	for _, i := range keep {
		pick.Exprs = append(pick.Exprs, re(s.Ref(i)))
	}
	return pick, up
}

// moved is a path whose column is by further on.
func moved(text string, by int) string {
	at := first(text)
	return strconv.Itoa(at+by) + text[len(strconv.Itoa(at)):]
}
