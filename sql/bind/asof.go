package bind

import (
	"context"
	"slices"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// asof is an ASOF JOIN that is being bound: a join of each row of the left side
// with that row of the right side that is the closest to it. Each row of the
// right side holds up to the next one of its keys, in the order away from the
// left side's rows:
//
//	a ASOF JOIN b ON a.k = b.k AND a.t >= b.t
//
//	Project(a.*, b.*)
//	  Join(a.k = b.k AND a.t >= b.t AND (next IS NULL OR a.t < next))
//	    a
//	    Over(partition=[k], order=[t, all others DESC], LEAD(t) AS next)
//	      Filter(t IS NOT NULL)
//	        b
//
// Of rows of one time and key all but the last hold for no time at all. The last
// is the one whose columns are the least.
type asof struct {
	left  int // columns of the left side
	both  *scope
	right *logical.Project // the right side, and what is computed of it

	conds     []expr.Expr
	partition []int
	op        ast.BinaryOp // left op right, 0 as long as there is none
	time      Value        // of the left side
	at        int          // of the right side, the column of its time
}

// asofJoin binds ASOF JOIN and LEFT ASOF JOIN.
func (b *Binder) asofJoin(ctx context.Context, r *ast.Join, env *ctes) (logical.Node, *scope, error) {
	left, ls, err := b.tableRef(ctx, r.Left, env)
	if err != nil {
		return nil, nil, err
	}
	right, rs, err := b.tableRef(ctx, r.Right, env)
	if err != nil {
		return nil, nil, err
	}
	if err := distinctNames(r.Pos, ls, rs); err != nil {
		return nil, nil, err
	}
	if r.Natural || len(r.Using) > 0 {
		return nil, nil, diag.At(r.Pos, "%s takes no USING and is not NATURAL; write ON a.k = b.k AND a.t >= b.t", r.Kind)
	}
	a := &asof{
		left:  len(ls.columns),
		both:  &scope{columns: append(slices.Clone(ls.columns), rs.columns...)},
		right: &logical.Project{Input: right, Exprs: right.Schema().Refs(), Output: slices.Clone(right.Schema())},
	}
	x := &exprs{b: b, ctx: ctx, scope: a.both}
	for _, e := range []ast.Expr{r.Match, r.On} {
		if e == nil {
			continue
		}
		for _, part := range conjuncts(e, nil) {
			if err := a.condition(x, part); err != nil {
				return nil, nil, err
			}
		}
	}
	if a.op == 0 {
		return nil, nil, diag.At(r.Pos, "%s needs a condition with >=, >, <= or < between a column of each side: ON a.k = b.k AND a.t >= b.t", r.Kind)
	}
	return a.plan(left, len(rs.columns), r.Kind)
}

// condition takes one part of the condition: an equality, or the inequality.
func (a *asof) condition(x *exprs, part ast.Expr) error {
	c, ok := part.(*ast.Binary)
	if !ok || mirrored[c.Op] == 0 {
		return a.refuse(part)
	}
	l, err := x.bind(c.Left)
	if err != nil {
		return err
	}
	r, err := x.bind(c.Right)
	if err != nil {
		return err
	}
	if l.Time == logical.Proctime || r.Time == logical.Proctime {
		return diag.At(part.Position(), "an ASOF join cannot compare processing time; join with a table FOR SYSTEM_TIME AS OF it")
	}
	if l, r, err = comparable(part.Position(), c.Op.String(), l, r); err != nil {
		return err
	}
	op := c.Op
	if a.of(l, true) && a.of(r, false) {
		l, r, op = r, l, mirrored[op]
	}
	if !a.of(l, false) || !a.of(r, true) || l.Type.IsNested() {
		return a.refuse(part)
	}
	a.conds = append(a.conds, apply(comparisons[op], boolType, l, r).Expr)
	if op == ast.Eq {
		a.partition = append(a.partition, a.column(r))
		return nil
	}
	if a.op != 0 {
		return a.refuse(part)
	}
	a.op, a.time, a.at = op, l, a.column(r)
	return nil
}

// mirrored are the operators of the conditions, and what they are with their
// sides exchanged.
var mirrored = map[ast.BinaryOp]ast.BinaryOp{ast.Eq: ast.Eq, ast.Lt: ast.Gt, ast.Le: ast.Ge, ast.Gt: ast.Lt, ast.Ge: ast.Le}

func (a *asof) refuse(part ast.Expr) error {
	return diag.At(part.Position(), "the condition of an ASOF join is made of equalities of both sides and one of >=, >, <= and < between them; put other conditions into WHERE, or into a query that is joined")
}

// of reports whether v is of the columns of one side alone, and of some.
func (a *asof) of(v Value, right bool) bool {
	used := map[int]bool{}
	logical.Columns(v.Expr, used)
	for i := range used {
		if i >= a.left != right || i >= len(a.both.columns) {
			return false
		}
	}
	return len(used) > 0
}

// column is the column of the right side that holds v.
func (a *asof) column(v Value) int {
	if c := columnOf(v); c >= 0 {
		return c - a.left
	}
	e := logical.Rewrite(v.Expr, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			return &expr.Column{Index: c.Index - a.left, Name: c.Name, Of: c.Of}
		}
		return e
	})
	at := len(a.right.Exprs)
	a.right.Exprs = append(a.right.Exprs, e)
	a.right.Output = append(a.right.Output, logical.Column{Name: "asof$" + itoa(at), Type: v.Type})
	return at
}

// next is the right side with the time of the next row at its end, out of its
// first columns.
func (a *asof) next(columns int) logical.Node {
	s := a.right.Output
	t := Value{Expr: s.Ref(a.at), Type: s[a.at].Type}
	valid := total("is_not_null", t).Expr
	if k := t.Type.Kind; k == datatype.Float || k == datatype.Double { // NaN is the time of nothing
		valid = logical.And(valid, apply("eq", boolType, t, t).Expr)
	}
	o := &logical.Over{Input: &logical.Filter{Input: a.right, Cond: valid}, Partition: a.partition, Output: slices.Clone(s)}
	back := a.op == ast.Lt || a.op == ast.Le
	o.Order = []logical.SortKey{{Column: a.at, Desc: back, NullsFirst: !back}}
	for i, c := range s[:columns] {
		if i != a.at && !slices.Contains(a.partition, i) && !c.Type.IsNested() {
			o.Order = append(o.Order, logical.SortKey{Column: i, Desc: true})
		}
	}
	o.Calls = []logical.OverCall{{
		AggCall: logical.AggCall{Func: "lead", Args: []int{a.at}, Filter: -1, Type: t.Type.WithNull(true)},
		Frame:   whole, Offset: 1,
	}}
	o.Output = append(o.Output, logical.Column{Name: "asof$next", Type: t.Type.WithNull(true)})
	return o
}

// plan joins the sides and keeps their own columns.
func (a *asof) plan(left logical.Node, columns int, kind ast.JoinKind) (logical.Node, *scope, error) {
	right := a.next(columns)
	s := right.Schema()
	at := len(s) - 1
	next := Value{Expr: &expr.Column{Index: a.left + at, Name: s[at].Name, Of: s[at].Type.Arrow()}, Type: s[at].Type}
	before := map[ast.BinaryOp]string{ast.Ge: "lt", ast.Gt: "le", ast.Le: "gt", ast.Lt: "ge"}[a.op]
	a.conds = append(a.conds, apply("or", boolType, total("is_null", next), apply(before, boolType, a.time, next)).Expr)
	t := logical.InnerJoin
	if kind == ast.LeftAsofJoin {
		t = logical.LeftJoin
	}
	j := logical.NewJoin(left, right, t, logical.And(a.conds...))
	n := a.left + columns
	p := &logical.Project{Input: j, Exprs: j.Output.Refs()[:n], Output: slices.Clone(j.Output[:n])}
	for i, c := range p.Output {
		a.both.columns[i].Type = c.Type
	}
	return p, a.both, nil
}
