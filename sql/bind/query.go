package bind

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

func (b *Binder) query(ctx context.Context, q ast.Query, env *ctes) (logical.Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch q := q.(type) {
	case *ast.Select:
		return b.selectQuery(ctx, q, env, nil)
	case *ast.SetOp:
		return b.setOp(ctx, q, env)
	case *ast.Values:
		return b.values(ctx, q, nil)
	case *ast.TableQuery:
		node, _, err := b.table(ctx, &ast.Table{Pos: q.Pos, Name: q.Name}, env)
		return node, err
	case *ast.With:
		for _, c := range q.CTEs {
			env = &ctes{cte: c, outer: env, next: env, recursive: q.Recursive}
		}
		return b.query(ctx, q.Body, env)
	case *ast.Ordered:
		return b.ordered(ctx, q, env)
	}
	return nil, fmt.Errorf("query of Go type %T", q)
}

// ordered binds ORDER BY, OFFSET and LIMIT. The keys may be columns of the
// result, their numbers, or, over a SELECT, anything that it could have
// selected.
func (b *Binder) ordered(ctx context.Context, q *ast.Ordered, env *ctes) (logical.Node, error) {
	offset, err := b.count(ctx, q.Offset, "OFFSET", 0)
	if err != nil {
		return nil, err
	}
	limit, err := b.count(ctx, q.Limit, "LIMIT", -1)
	if err != nil {
		return nil, err
	}
	if s, ok := q.Body.(*ast.Select); ok && len(q.OrderBy) > 0 {
		return b.selectQuery(ctx, s, env, &sorting{items: q.OrderBy, offset: offset, limit: limit})
	}
	body, err := b.query(ctx, q.Body, env)
	if err != nil {
		return nil, err
	}
	sort := &logical.Sort{Input: body, Offset: offset, Limit: limit}
	x := &exprs{b: b, ctx: ctx, scope: scopeOf("", body.Schema())}
	for _, item := range q.OrderBy {
		at, ok, err := ordinal(item.Expr, len(body.Schema()))
		if err != nil {
			return nil, err
		}
		if !ok {
			v, err := x.bind(item.Expr)
			if err != nil {
				return nil, err
			}
			c, is := v.Expr.(*expr.Column)
			if !is {
				return nil, unsupported(item.Expr.Position(), "ORDER BY an expression over a set operation; name it in the queries")
			}
			at = c.Index
		}
		sort.Keys = append(sort.Keys, sortKey(item, at))
	}
	return sort, nil
}

// count binds the number of LIMIT or OFFSET.
func (b *Binder) count(ctx context.Context, e ast.Expr, clause string, none int64) (int64, error) {
	if e == nil {
		return none, nil
	}
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	v, err := x.bind(e)
	if err != nil {
		return 0, err
	}
	l, ok := v.Expr.(*expr.Literal)
	n, ok := value[int64](l, ok)
	if !ok || n < 0 || !v.Type.IsInteger() {
		return 0, diag.At(e.Position(), "%s needs a number that is not negative", clause)
	}
	return n, nil
}

func sortKey(item ast.OrderItem, column int) logical.SortKey {
	k := logical.SortKey{Column: column, Desc: item.Desc, NullsFirst: !item.Desc}
	switch item.Nulls {
	case ast.NullsFirst:
		k.NullsFirst = true
	case ast.NullsLast:
		k.NullsFirst = false
	default:
	}
	return k
}

// ordinal reads ORDER BY 2.
func ordinal(e ast.Expr, columns int) (int, bool, error) {
	n, ok := e.(*ast.Number)
	if !ok {
		return 0, false, nil
	}
	v, err := number(n, false)
	if err != nil {
		return 0, false, err
	}
	l, ok := v.Expr.(*expr.Literal)
	i, ok := value[int64](l, ok)
	if !ok || i < 1 || int(i) > columns {
		return 0, false, diag.At(n.Pos, "ORDER BY %s is not one of the %d columns of the select list", n.Text, columns)
	}
	return int(i) - 1, true, nil
}

// setOp binds UNION; the columns take the names of the left side.
func (b *Binder) setOp(ctx context.Context, q *ast.SetOp, env *ctes) (logical.Node, error) {
	if q.Op != ast.Union {
		return b.members(ctx, q, env)
	}
	var in []logical.Node
	for _, side := range unionSides(q) {
		n, err := b.query(ctx, side, env)
		if err != nil {
			return nil, err
		}
		in = append(in, n)
	}
	u, err := union(q.Pos, q.Op, in)
	if err != nil {
		return nil, err
	}
	if q.All {
		return u, nil
	}
	return distinct(u), nil
}

// unionSides flattens a chain of UNION ALL (or of UNION, over which the outer
// one removes all duplicates anyway), without recursion on its left.
func unionSides(q *ast.SetOp) []ast.Query {
	var sides []ast.Query
	var at ast.Query = q
	for {
		s, ok := at.(*ast.SetOp)
		if !ok || s.Op != ast.Union || q.All && !s.All {
			sides = append(sides, at)
			break
		}
		sides = append(sides, s.Right)
		at = s.Left
	}
	for i, j := 0, len(sides)-1; i < j; i, j = i+1, j-1 {
		sides[i], sides[j] = sides[j], sides[i]
	}
	return sides
}

// union casts the inputs to common types.
func union(pos ast.Pos, op ast.SetOpKind, in []logical.Node) (*logical.Union, error) {
	first := in[0].Schema()
	out := make(logical.Schema, len(first))
	copy(out, first)
	for n, side := range in[1:] {
		s := side.Schema()
		if len(s) != len(out) {
			return nil, diag.At(pos, "the sides of %s have %d and %d columns", op, len(out), len(s))
		}
		for i, c := range s {
			t, ok := datatype.Common(out[i].Type, c.Type)
			if !ok {
				return nil, diag.At(pos, "column %d of %s, %q, is of type %s on one side and of type %s on side %d; CAST one of them", i+1, op, out[i].Name, out[i].Type.Text(), c.Type.Text(), n+2)
			}
			out[i].Type = t
			if c.Time != out[i].Time {
				out[i].Time = logical.NoTime
			}
		}
	}
	u := &logical.Union{Output: out}
	for _, side := range in {
		u.In = append(u.In, castColumns(side, out))
	}
	return u, nil
}

// members binds INTERSECT and EXCEPT: the rows of the left side, each once, that
// the right side has, or has not. NULLs are equal here. With ALL, rows are counted.
func (b *Binder) members(ctx context.Context, q *ast.SetOp, env *ctes) (logical.Node, error) {
	in := make([]logical.Node, 2)
	for i, side := range []ast.Query{q.Left, q.Right} {
		var err error
		if in[i], err = b.query(ctx, side, env); err != nil {
			return nil, err
		}
	}
	u, err := union(q.Pos, q.Op, in)
	if err != nil {
		return nil, err
	}
	if q.All {
		return counted(u, q.Op == ast.Except), nil
	}
	left := distinct(u.In[0])
	ls, rs := left.Schema(), u.In[1].Schema()
	conds := make([]expr.Expr, len(ls))
	for i := range ls {
		r := &expr.Column{Index: len(ls) + i, Name: rs[i].Name, Of: rs[i].Type.Arrow()}
		conds[i] = &expr.Call{Func: "is_not_distinct_from", Args: []expr.Expr{ls.Ref(i), r}, Of: boolType.Arrow()}
	}
	return logical.NewJoin(left, u.In[1], joinKind(q.Op == ast.Except), logical.And(conds...)), nil
}

// castColumns converts the columns of a node to those of a schema.
func castColumns(n logical.Node, to logical.Schema) logical.Node {
	s := n.Schema()
	same := true
	vs := make([]Value, len(s))
	for i, c := range s {
		v := Value{Expr: s.Ref(i), Type: c.Type, Time: c.Time, Name: c.Name}
		vs[i] = convert(v, to[i].Type)
		if vs[i].Expr != v.Expr {
			same = false
		}
		vs[i].Name = to[i].Name
	}
	if same {
		return n
	}
	return project(n, vs)
}

// values binds VALUES. With targets (of INSERT) NULLs and columns take their
// types from there.
func (b *Binder) values(ctx context.Context, q *ast.Values, targets []datatype.Type) (logical.Node, error) {
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	var rows [][]Value
	for _, r := range q.Rows {
		list := []ast.Expr{r}
		if row, ok := r.(*ast.Row); ok {
			list = row.Elems
		}
		vs, err := x.all(list)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 && len(vs) != len(rows[0]) {
			return nil, diag.At(r.Position(), "this row of VALUES has %d columns, the first has %d", len(vs), len(rows[0]))
		}
		rows = append(rows, vs)
	}
	v := &logical.Values{Rows: make([][]expr.Expr, len(rows))}
	for i := range rows[0] {
		t := rows[0][i].Type
		for _, r := range rows[1:] {
			next, ok := datatype.Common(t, r[i].Type)
			if !ok {
				return nil, diag.At(q.Pos, "column %d of VALUES has both %s and %s; CAST them", i+1, t.Text(), r[i].Type.Text())
			}
			t = next
		}
		if i < len(targets) && t.Kind == datatype.Null {
			t = targets[i].WithNull(true)
		}
		v.Output = append(v.Output, logical.Column{Name: "EXPR$" + itoa(i), Type: t})
	}
	for r, row := range rows {
		for i, val := range row {
			v.Rows[r] = append(v.Rows[r], convert(val, v.Output[i].Type).Expr)
		}
	}
	return v, nil
}
