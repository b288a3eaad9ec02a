package optimize

import (
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

type fold = func(expr.Expr) (*expr.Literal, bool)

// assume computes the projection over a filter with what the filter says: where
// type = 2 holds,
//
//	CASE(type = 0, person.time, type = 1, auction.time, bid.time)
//
// is bid.time, and the other columns need not be read. It is for cases where a
// view chooses one of several kinds of rows that share computed columns.
func assume(n logical.Node, fold fold) logical.Node {
	p, ok := n.(*logical.Project)
	if !ok || fold == nil {
		return n
	}
	f, ok := p.Input.(*logical.Filter)
	if !ok {
		return n
	}
	known := map[string]*expr.Literal{}
	for _, c := range logical.Conjuncts(f.Cond) {
		if column, value := equality(c); value != nil {
			known[column] = value
		}
	}
	if len(known) == 0 {
		return n
	}
	out := *p
	out.Exprs = each(p.Exprs, func(e expr.Expr) expr.Expr { return within(e, known, fold) })
	return &out
}

// equality takes c = literal apart; c is a column or a field of one.
func equality(e expr.Expr) (column string, value *expr.Literal) {
	c, ok := e.(*expr.Call)
	if !ok || c.Func != "eq" {
		return "", nil
	}
	for i, a := range c.Args {
		text, isColumn := path(a)
		l, isLiteral := c.Args[1-i].(*expr.Literal)
		if isColumn && isLiteral && l.Value != nil {
			return text, l
		}
	}
	return "", nil
}

// within replaces the conditions of CASE that are decided.
func within(e expr.Expr, known map[string]*expr.Literal, fold fold) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Call)
		if !ok || c.Func != "case" {
			return e
		}
		var args []expr.Expr
		for i := 0; i+1 < len(c.Args); i += 2 {
			switch decided(c.Args[i], known, fold) {
			case never:
			case always:
				return cased(c, append(args, c.Args[i+1]))
			default:
				args = append(args, c.Args[i], c.Args[i+1])
			}
		}
		return cased(c, append(args, c.Args[len(c.Args)-1]))
	})
}

// cased is a CASE with fewer branches: the last argument is the ELSE.
func cased(c *expr.Call, args []expr.Expr) expr.Expr {
	if len(args) == 1 {
		return args[0]
	}
	return c.With(args)
}

type decision uint8

const (
	open decision = iota
	never
	always
)

// decided evaluates a condition with the known values in place.
func decided(e expr.Expr, known map[string]*expr.Literal, fold fold) decision {
	with := replace(e, known)
	if !logical.Constant(with) {
		return open
	}
	l, ok := with.(*expr.Literal)
	if !ok {
		if l, ok = fold(with); !ok {
			return open
		}
	}
	if l.Value == true {
		return always
	}
	return never
}

func replace(e expr.Expr, known map[string]*expr.Literal) expr.Expr {
	if text, ok := path(e); ok {
		if l, ok := known[text]; ok {
			return l
		}
		return e
	}
	c, ok := e.(*expr.Call)
	if !ok {
		return e
	}
	return c.With(each(c.Args, func(a expr.Expr) expr.Expr { return replace(a, known) }))
}

// maxConstants bounds the rows of VALUES that are computed while planning.
const maxConstants = 10_000

// constants turns a projection of VALUES into VALUES.
func constants(n logical.Node, fold fold) logical.Node {
	p, ok := n.(*logical.Project)
	if !ok || fold == nil {
		return n
	}
	v, ok := p.Input.(*logical.Values)
	if !ok || len(v.Rows) > maxConstants {
		return n
	}
	out := &logical.Values{Output: p.Output, Rows: make([][]expr.Expr, len(v.Rows))}
	for r, row := range v.Rows {
		for _, e := range p.Exprs {
			e = logical.Substitute(e, row)
			if _, is := e.(*expr.Literal); !is {
				l, ok := fold(e)
				if !ok || !logical.Deterministic(e) {
					return n
				}
				e = l
			}
			out.Rows[r] = append(out.Rows[r], e)
		}
	}
	return out
}

// direct lets an aggregation read the input of a projection that only picks
// columns. Over a filter the projection stays: it is one operator with it, and
// drops the columns that only the filter reads.
func direct(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Aggregate:
		if in, at, ok := picked(n.Input); ok {
			c := *n
			c.Input, c.Keys, c.Aggs = in, at.keys(n.Keys), at.aggs(n.Aggs)
			return &c
		}
	case *logical.WindowAggregate:
		if in, at, ok := picked(n.Input); ok {
			c := *n
			c.Input, c.Keys, c.Aggs = in, at.keys(n.Keys), at.aggs(n.Aggs)
			c.Spec.Time = at[n.Spec.Time]
			c.Late = n.Late.Over(func(e expr.Expr) expr.Expr { return at.over(e, in.Schema()) })
			return &c
		}
	}
	return n
}

// picks are the columns that a projection picks.
type pick []int

func picked(n logical.Node) (in logical.Node, at pick, ok bool) {
	p, ok := n.(*logical.Project)
	if !ok {
		return nil, nil, false
	}
	if _, filtered := p.Input.(*logical.Filter); filtered {
		return nil, nil, false
	}
	seen := map[int]bool{}
	for _, e := range p.Exprs {
		c, ok := e.(*expr.Column)
		if !ok || seen[c.Index] {
			return nil, nil, false
		}
		seen[c.Index] = true
		at = append(at, c.Index)
	}
	return p.Input, at, true
}

// over rewrites an expression over the picked columns into one over all.
func (p pick) over(e expr.Expr, all logical.Schema) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			return all.Ref(p[c.Index])
		}
		return e
	})
}

func (p pick) keys(keys []int) []int {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = p[k]
	}
	return out
}

func (p pick) aggs(aggs []logical.AggCall) []logical.AggCall {
	out := make([]logical.AggCall, len(aggs))
	for i, a := range aggs {
		a.Args = p.keys(a.Args)
		if a.Filter >= 0 {
			a.Filter = p[a.Filter]
		}
		out[i] = a
	}
	return out
}
