package optimize

import (
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// foldAll computes the constant parts of all expressions.
func foldAll(n logical.Node, fold func(expr.Expr) (*expr.Literal, bool)) logical.Node {
	if fold == nil {
		return n
	}
	f := func(e expr.Expr) expr.Expr { return foldExpr(e, fold) }
	return rewrite(n, func(n logical.Node) logical.Node {
		switch n := n.(type) {
		case *logical.Project:
			c := *n
			c.Exprs = each(n.Exprs, f)
			return &c
		case *logical.Filter:
			return &logical.Filter{Input: n.Input, Cond: f(n.Cond)}
		case *logical.Join:
			if n.Cond != nil {
				c := *n
				c.Cond = f(n.Cond)
				return &c
			}
		case *logical.Match:
			c := *n
			c.Define, c.Measures = optional(n.Define, f), each(n.Measures, f)
			return &c
		case *logical.Values:
			c := *n
			c.Rows = make([][]expr.Expr, len(n.Rows))
			for i, r := range n.Rows {
				c.Rows[i] = each(r, f)
			}
			return &c
		case *logical.Scan:
			if n.Watermark != nil {
				c := *n
				c.Watermark = f(n.Watermark)
				return &c
			}
		}
		return n
	})
}

func each(list []expr.Expr, f func(expr.Expr) expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		out[i] = f(e)
	}
	return out
}

// foldExpr folds the constant parts of e, from the leaves up. An expression
// that fails, such as 1 / 0, stays: it may never be computed.
func foldExpr(e expr.Expr, fold func(expr.Expr) (*expr.Literal, bool)) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		c, ok := e.(*expr.Call)
		if !ok {
			return e
		}
		for _, a := range c.Args {
			if _, ok := a.(*expr.Literal); !ok {
				return simplified(c)
			}
		}
		if l, ok := foldCall(c, fold); ok {
			return l
		}
		return e
	})
}

// foldCall computes a call of constants.
func foldCall(c *expr.Call, fold func(expr.Expr) (*expr.Literal, bool)) (*expr.Literal, bool) {
	if !logical.Deterministic(c) {
		return nil, false
	}
	return fold(c)
}

// simplified drops the neutral arguments of AND and OR, and knows the result
// where one argument decides it.
func simplified(c *expr.Call) expr.Expr {
	if c.Func != "and" && c.Func != "or" {
		return c
	}
	neutral := c.Func == "and"
	var args []expr.Expr
	for _, a := range c.Args {
		if l, ok := a.(*expr.Literal); ok {
			if v, ok := l.Value.(bool); ok {
				if v != neutral {
					return l
				}
				continue
			}
		}
		args = append(args, a)
	}
	switch len(args) {
	case 0:
		return &expr.Literal{Value: neutral, Of: c.Of}
	case 1:
		return args[0]
	}
	return c.With(args)
}

// mergeAll merges projections, drops those that change nothing, and joins
// filters.
func mergeAll(n logical.Node) logical.Node { return rewrite(n, merge) }

func merge(n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Project:
		if in, ok := n.Input.(*logical.Project); ok && mergeable(n.Exprs, in.Exprs) {
			return merge(&logical.Project{
				Input: in.Input, Output: n.Output,
				Exprs: each(n.Exprs, func(e expr.Expr) expr.Expr { return logical.Substitute(e, in.Exprs) }),
			})
		}
		if identity(n) {
			return n.Input
		}
	case *logical.Filter:
		if l, ok := n.Cond.(*expr.Literal); ok && l.Value == true {
			return n.Input
		}
		if in, ok := n.Input.(*logical.Filter); ok {
			return &logical.Filter{Input: in.Input, Cond: logical.And(in.Cond, n.Cond)}
		}
	}
	return n
}

// mergeable reports whether outer can be computed directly over the input of
// inner: when nothing costly is computed twice and nothing volatile is drawn
// twice.
func mergeable(outer, inner []expr.Expr) bool {
	uses := make([]int, len(inner))
	for _, e := range outer {
		logical.Walk(e, func(e expr.Expr) bool {
			if c, ok := e.(*expr.Column); ok {
				uses[c.Index]++
			}
			return true
		})
	}
	for i, e := range inner {
		if uses[i] > 1 && !cheap(e) || uses[i] == 0 && !logical.Deterministic(e) {
			return false
		}
	}
	return true
}

// cheap reports expressions that may be computed again: columns, constants,
// fields of rows.
func cheap(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Column, *expr.Literal:
		return true
	case *expr.Call:
		return e.Func == "field" && cheap(e.Args[0])
	}
	return false
}

// identity reports a projection that passes all columns on as they are, under
// their names.
func identity(p *logical.Project) bool {
	in := p.Input.Schema()
	if len(in) != len(p.Exprs) {
		return false
	}
	for i, e := range p.Exprs {
		c, ok := e.(*expr.Column)
		if !ok || c.Index != i || p.Output[i].Name != in[i].Name {
			return false
		}
		if t := p.Output[i].Time; t != logical.NoTime && t != in[i].Time {
			return false // only the projection knows that it is a time attribute
		}
	}
	return true
}
