package logical

import "github.com/wadi-engine/wadi/vector/expr"

// Over gives the side over other rows: f rewrites its expressions. Of nil it is
// nil.
func (s *Side) Over(f func(expr.Expr) expr.Expr) *Side {
	if s == nil {
		return nil
	}
	c := *s
	if s.Cond != nil {
		c.Cond = f(s.Cond)
	}
	c.Exprs = make([]expr.Expr, len(s.Exprs))
	for i, e := range s.Exprs {
		c.Exprs[i] = f(e)
	}
	return &c
}

// Each visits the expressions of the side, of which nil has none.
func (s *Side) Each(visit func(expr.Expr)) {
	if s == nil {
		return
	}
	if s.Cond != nil {
		visit(s.Cond)
	}
	for _, e := range s.Exprs {
		visit(e)
	}
}
