package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// queries joins the queries in the expressions of one clause to what the clause
// reads:
//
//	a IN (SELECT …), EXISTS (…) in WHERE    a SEMI or ANTI join
//	(SELECT …) as a value                   a LEFT join; its column follows the others
//
// so that the columns that are there keep their numbers.
type queries struct {
	env *ctes
	// node is what the clause reads, or nil above a GROUP BY, which is built later.
	node logical.Node
	// plain is what the clause reads, without the queries.
	plain   logical.Node
	pending []pending
	values  map[*ast.Subquery]Value // so that each is joined once
}

func newQueries(env *ctes, node logical.Node) *queries {
	return &queries{env: env, node: node, plain: node, values: map[*ast.Subquery]Value{}}
}

// read is what the clause reads, with a column at least: SELECT without FROM reads
// a row without any.
func (q *queries) read() logical.Node {
	if len(q.node.Schema()) > 0 {
		return q.node
	}
	return &logical.Project{
		Input: q.node, Exprs: []expr.Expr{boolean(true).Expr}, Output: logical.Schema{{Name: "$row", Type: boolType.WithNull(false)}},
	}
}

// Numbers of columns that stand for something else while a query is bound. They
// are above those of columns and below those of window functions.
const (
	// outerBase·(k+1) + i is column i of the query that is k queries away from the
	// outermost one.
	outerBase = 1 << 20
	maxOuter  = 6
	// pendingBase + i is the value of the i-th pending query.
	pendingBase = 1 << 23
)

// outer is a query around the one that is being bound.
type outer struct {
	scope *scope
	// groups is set above its GROUP BY: then its keys can be named.
	groups *groups
}

// outerColumn finds a name in the queries around this one, from the inside out.
func (x *exprs) outerColumn(ref *ast.Column) (Value, bool, error) {
	around := x.b.outer
	for k := len(around) - 1; k >= 0; k-- {
		v, err := around[k].scope.find(ref)
		if err != nil {
			continue
		}
		if g := around[k].groups; g != nil {
			over, grouped := g.overKeys(v.Expr)
			if !grouped {
				return v, true, diag.At(ref.Pos, "column %q is neither in GROUP BY nor in an aggregate function", strings.Join(ref.Parts, "."))
			}
			if v.Expr = over; g.sets != nil {
				v.Type = v.Type.WithNull(true)
			}
		}
		v.Expr = logical.Rewrite(v.Expr, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok {
				return &expr.Column{Index: outerBase*(k+1) + c.Index, Name: c.Name, Of: c.Of}
			}
			return e
		})
		v.Time = logical.NoTime
		return v, true, nil
	}
	return Value{}, false, nil
}

// has reports whether a name is one of the scope, if perhaps ambiguous.
func (s *scope) has(ref *ast.Column) bool {
	for q := min(len(ref.Parts)-1, 3); q >= 0; q-- {
		if _, n := s.match(ref.Parts[:q], ref.Parts[q]); n > 0 {
			return true
		}
	}
	return false
}

// column finds a name here or in the queries around.
func (x *exprs) column(ref *ast.Column) (Value, error) {
	if len(x.b.outer) > 0 && !x.scope.has(ref) {
		if v, ok, err := x.outerColumn(ref); ok {
			return v, err
		}
	}
	return x.scope.find(ref)
}

// subquery binds a query within an expression.
func (x *exprs) subquery(q ast.Query) (logical.Node, error) {
	b := x.b
	if x.queries == nil {
		return nil, unsupported(q.Position(), "a query as a value here")
	}
	if len(b.outer) == maxOuter {
		return nil, unsupported(q.Position(), "more queries within each other")
	}
	around := outer{scope: x.scope}
	if x.queries.node == nil {
		around.groups = x.groups
	}
	b.outer = append(b.outer, around)
	plan, err := b.query(x.ctx, q, x.queries.env)
	b.outer = b.outer[:len(b.outer)-1]
	return plan, err
}

// pull takes out of a query the conditions that relate it to the one around.
func (x *exprs) pull(pos ast.Pos, plan logical.Node, exists bool) (logical.Node, []expr.Expr, error) {
	d := decorrelator{pos: pos, level: len(x.b.outer), exists: exists}
	return d.pull(plan, func() logical.Node { return x.queries.plain })
}

// where binds WHERE. What is asked of queries there becomes joins; the rest is
// the condition, or nil.
func (x *exprs) where(e ast.Expr) (expr.Expr, error) {
	var conds []expr.Expr
	for _, part := range conjuncts(e, nil) {
		done, err := x.member(part, false)
		if err != nil {
			return nil, err
		}
		if done {
			continue
		}
		v, err := x.condition(part, "WHERE")
		if err != nil {
			return nil, err
		}
		conds = append(conds, v.Expr)
	}
	return logical.And(conds...), nil
}

// conjuncts splits a condition at its ANDs, without recursion on their left.
func conjuncts(e ast.Expr, dst []ast.Expr) []ast.Expr {
	var right []ast.Expr
	for {
		b, ok := e.(*ast.Binary)
		if !ok || b.Op != ast.And {
			break
		}
		right = append(right, b.Right)
		e = b.Left
	}
	dst = append(dst, e)
	for i := len(right) - 1; i >= 0; i-- {
		dst = conjuncts(right[i], dst)
	}
	return dst
}

// member joins EXISTS and IN, or their negation; done is false for any other
// condition.
func (x *exprs) member(e ast.Expr, not bool) (done bool, err error) {
	switch e := e.(type) {
	case *ast.Unary:
		if e.Op == ast.Not {
			return x.member(e.X, !not)
		}
	case *ast.Exists:
		return true, x.exists(e, not)
	case *ast.In:
		if e.Query != nil {
			return true, x.inQuery(e.Pos, e.X, e.Query, e.Not != not)
		}
	case *ast.Quantified:
		if e.Query == nil {
			break
		}
		switch {
		case e.Op == ast.Eq && !e.All:
			return true, x.inQuery(e.Pos, e.X, e.Query, not)
		case e.Op == ast.Ne && e.All:
			return true, x.inQuery(e.Pos, e.X, e.Query, !not)
		}
	}
	return false, nil
}

func joinKind(not bool) logical.JoinType {
	if not {
		return logical.AntiJoin
	}
	return logical.SemiJoin
}

func (x *exprs) exists(e *ast.Exists, not bool) error {
	plan, err := x.subquery(e.Query)
	if err != nil {
		return err
	}
	plan, conds, err := x.pull(e.Pos, plan, true)
	if err != nil {
		return err
	}
	node := x.queries.read()
	x.queries.node = logical.NewJoin(node, plan, joinKind(not), x.joined(conds, len(node.Schema())))
	return nil
}

// joined is conditions between a query and the one around as those of a join.
func (x *exprs) joined(conds []expr.Expr, width int) expr.Expr {
	return joined(conds, width, len(x.b.outer))
}

func joined(conds []expr.Expr, width, level int) expr.Expr {
	out := make([]expr.Expr, len(conds))
	base := outerBase * (level + 1)
	for i, c := range conds {
		out[i] = logical.Rewrite(c, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok {
				return e
			}
			at := c.Index
			switch {
			case at >= base && at < base+outerBase:
				at -= base
			case at < outerBase:
				at += width
			}
			return &expr.Column{Index: at, Name: c.Name, Of: c.Of}
		})
	}
	return logical.And(out...)
}

// inQuery joins with the rows of a query that are equal. NOT IN is not true when
// the comparison with some row is neither true nor false:
//
//	a NOT IN (SELECT b …)    ANTI JOIN ON a = b OR a IS NULL OR b IS NULL
func (x *exprs) inQuery(pos ast.Pos, left ast.Expr, q ast.Query, not bool) error {
	vs, plan, err := x.compared(pos, left, q)
	if err != nil {
		return err
	}
	plan, conds, err := x.pull(pos, plan, false)
	if err != nil {
		return err
	}
	node := x.queries.read()
	width := len(node.Schema())
	cond := x.joined(conds, width)
	s := plan.Schema()
	for i, v := range vs {
		r := Value{Expr: &expr.Column{Index: width + i, Name: s[i].Name, Of: s[i].Type.Arrow()}, Type: s[i].Type}
		eq, err := compare(pos, ast.Eq, v, r)
		if err != nil {
			return err
		}
		if not && (v.Type.Nullable() || r.Type.Nullable()) {
			parts := []Value{eq}
			for _, side := range []Value{v, r} {
				if side.Type.Nullable() {
					parts = append(parts, total("is_null", side))
				}
			}
			eq = apply("or", boolType, parts...)
		}
		cond = logical.And(cond, eq.Expr)
	}
	x.queries.node = logical.NewJoin(node, plan, joinKind(not), cond)
	return nil
}

// compared binds both sides of IN.
func (x *exprs) compared(pos ast.Pos, left ast.Expr, q ast.Query) ([]Value, logical.Node, error) {
	list := []ast.Expr{left}
	if row, ok := left.(*ast.Row); ok {
		list = row.Elems
	}
	vs, err := x.all(list)
	if err != nil {
		return nil, nil, err
	}
	plan, err := x.subquery(q)
	if err != nil {
		return nil, nil, err
	}
	if n := len(plan.Schema()); n != len(vs) {
		return nil, nil, diag.At(pos, "IN compares %d columns with %d of the query", len(vs), n)
	}
	return vs, plan, nil
}

// scalar joins a query that stands for one value: NULL when it has no row.
func (x *exprs) scalar(e *ast.Subquery) (Value, error) {
	if x.queries != nil {
		if v, ok := x.queries.values[e]; ok {
			return v, nil
		}
	}
	plan, err := x.subquery(e.Query)
	if err != nil {
		return Value{}, err
	}
	if n := len(plan.Schema()); n != 1 {
		return Value{}, diag.At(e.Pos, "a query that stands for a value gives one column, this one gives %d", n)
	}
	if !oneRow(plan) {
		if plan, err = single(e.Pos, plan); err != nil {
			return Value{}, err
		}
	}
	vs, err := x.oneOf(e.Pos, plan)
	if err != nil {
		return Value{}, err
	}
	x.queries.values[e] = vs[0]
	return vs[0], nil
}

// oneOf joins the only row of a query and gives its columns.
func (x *exprs) oneOf(pos ast.Pos, plan logical.Node) ([]Value, error) {
	s, none := plan.Schema(), withoutRows(plan)
	counts := slices.ContainsFunc(none, func(e expr.Expr) bool {
		l, ok := e.(*expr.Literal)
		return !ok || l.Value != nil
	})
	var at, flag int
	if x.queries.node == nil {
		at = x.queries.pend(pending{plan: plan, pos: pos, level: len(x.b.outer), counts: counts})
		flag = at + len(s)
	} else {
		related, conds, err := x.pull(pos, plan, false)
		if err != nil {
			return nil, err
		}
		if counts {
			related = flagged(related)
		}
		node := x.queries.read()
		at = len(node.Schema())
		x.queries.node = logical.NewJoin(node, related, logical.LeftJoin, x.joined(conds, at))
		flag = at + len(related.Schema()) - 1
	}
	out := make([]Value, len(s))
	for i := range out {
		t := s[i].Type.WithNull(true)
		out[i] = Value{Expr: &expr.Column{Index: at + i, Name: s[i].Name, Of: t.Arrow()}, Type: t}
		if counts {
			missing := &expr.Call{Func: "is_null", Of: boolType.Arrow(), Args: []expr.Expr{
				&expr.Column{Index: flag, Name: flagName, Of: boolType.Arrow()},
			}}
			out[i].Expr = &expr.Call{Func: "case", Args: []expr.Expr{missing, none[i], out[i].Expr}, Of: t.Arrow()}
		}
	}
	return out, nil
}

// existsValue is EXISTS where it is not a condition by itself: whether the query
// has more than 0 rows.
func (x *exprs) existsValue(e *ast.Exists) (Value, error) {
	plan, err := x.subquery(e.Query)
	if err != nil {
		return Value{}, err
	}
	vs, err := x.oneOf(e.Pos, counting(bare(plan), -1))
	if err != nil {
		return Value{}, err
	}
	return positive(vs[0]), nil
}

// inValue is IN (query) where it is not a condition by itself:
//
//	TRUE    when the query has an equal row
//	NULL    otherwise, when it has rows and the value, or that of a row, is NULL
//	FALSE   otherwise
func (x *exprs) inValue(e *ast.In) (Value, error) {
	vs, plan, err := x.compared(e.Pos, e.X, e.Query)
	if err != nil {
		return Value{}, err
	}
	if len(vs) != 1 || usesPending(vs[0].Expr) {
		return Value{}, unsupported(e.Pos, "rows, and queries as values, IN (query) within another condition")
	}
	v, s := vs[0], plan.Schema()
	r := Value{Expr: s.Ref(0), Type: s[0].Type}
	marked := v
	marked.Expr = outward(v.Expr, outerBase*(len(x.b.outer)+1))
	eq, err := compare(e.Pos, ast.Eq, r, marked)
	if err != nil {
		return Value{}, err
	}
	equal, err := x.oneOf(e.Pos, counting(&logical.Filter{Input: plan, Cond: eq.Expr}, -1))
	if err != nil {
		return Value{}, err
	}
	out := positive(equal[0])
	if v.Type.Nullable() || r.Type.Nullable() {
		all, err := x.oneOf(e.Pos, counting(plan, 0))
		if err != nil {
			return Value{}, err
		}
		unknown := apply("and", boolType, positive(all[0]), apply("or", boolType, total("is_null", v), apply("gt", boolType, all[0], all[1])))
		out.Expr = &expr.Call{Func: "case", Of: boolType.Arrow(), Args: []expr.Expr{
			out.Expr, boolean(true).Expr, unknown.Expr, null(boolType).Expr, boolean(false).Expr,
		}}
		out.Type = boolType
	}
	if e.Not {
		out = apply("not", boolType, out)
	}
	return out, nil
}

// outward is an expression of the query around as one within a query.
func outward(e expr.Expr, base int) expr.Expr {
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok && c.Index < outerBase {
			return &expr.Column{Index: base + c.Index, Name: c.Name, Of: c.Of}
		}
		return e
	})
}

// counting counts the rows of a plan and, unless column is -1, those that have a
// value there.
func counting(plan logical.Node, column int) logical.Node {
	t := datatype.Of(datatype.BigInt).WithNull(false)
	agg := &logical.Aggregate{
		Input: plan, Output: logical.Schema{{Name: "$n", Type: t}}, Aggs: []logical.AggCall{{Func: "count", Filter: -1, Type: t}},
	}
	if column >= 0 {
		agg.Output = append(agg.Output, logical.Column{Name: "$v", Type: t})
		agg.Aggs = append(agg.Aggs, logical.AggCall{Func: "count", Args: []int{column}, Filter: -1, Type: t})
	}
	return agg
}

func positive(n Value) Value {
	return apply("gt", boolType, n, literal(int64(0), datatype.Of(datatype.BigInt).WithNull(false)))
}

// oneRow reports whether a plan gives exactly one row.
func oneRow(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Project:
		return oneRow(n.Input)
	case *logical.Aggregate:
		return len(n.Keys) == 0 && len(n.Aggs) > 0
	case *logical.Values:
		return len(n.Rows) == 1
	}
	return false
}

// single gives the value of a query of one row, and fails when it has more:
//
//	Project(single(n, v))
//	  Aggregate(COUNT(*) AS n, MIN(v) AS v)
func single(pos ast.Pos, plan logical.Node) (logical.Node, error) {
	c := plan.Schema()[0]
	if c.Type.IsNested() {
		return nil, unsupported(pos, "a query as a value of type "+c.Type.Text())
	}
	count := logical.Column{Name: "$n", Type: datatype.Of(datatype.BigInt).WithNull(false)}
	value := logical.Column{Name: "$v", Type: c.Type.WithNull(true)}
	agg := &logical.Aggregate{Input: plan, Output: logical.Schema{count, value}, Aggs: []logical.AggCall{
		{Func: "count", Filter: -1, Type: count.Type}, {Func: "min", Args: []int{0}, Filter: -1, Type: value.Type},
	}}
	return &logical.Project{
		Input: agg, Output: logical.Schema{{Name: c.Name, Type: value.Type}},
		Exprs: []expr.Expr{&expr.Call{Func: "single", Args: agg.Output.Refs(), Of: value.Type.Arrow()}},
	}, nil
}

// flagName is the column that tells rows of a query from those that a LEFT join
// pads.
const flagName = "$there"

func flagged(plan logical.Node) logical.Node {
	s := plan.Schema()
	return &logical.Project{
		Input: plan, Exprs: append(s.Refs(), boolean(true).Expr),
		Output: append(append(logical.Schema{}, s...), logical.Column{Name: flagName, Type: boolType.WithNull(false)}),
	}
}
