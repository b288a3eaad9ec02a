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

// joinTypes are the joins that have a logical form of their own.
var joinTypes = map[ast.JoinKind]logical.JoinType{
	ast.InnerJoin: logical.InnerJoin, ast.CrossJoin: logical.InnerJoin, ast.CommaJoin: logical.InnerJoin,
	ast.LeftJoin: logical.LeftJoin, ast.RightJoin: logical.RightJoin, ast.FullJoin: logical.FullJoin,
	ast.SemiJoin: logical.SemiJoin, ast.AntiJoin: logical.AntiJoin,
}

// join binds a join of two tables. Conditions of WHERE come to it when the plan
// is optimized.
func (b *Binder) join(ctx context.Context, r *ast.Join, env *ctes) (logical.Node, *scope, error) {
	if r.Kind == ast.AsofJoin || r.Kind == ast.LeftAsofJoin {
		return b.asofJoin(ctx, r, env)
	}
	t := joinTypes[r.Kind]
	if t == 0 {
		return nil, nil, unsupported(r.Pos, r.Kind.String())
	}
	left, ls, err := b.tableRef(ctx, r.Left, env)
	if err != nil {
		return nil, nil, err
	}
	switch right := r.Right.(type) {
	case *ast.Unnest:
		return b.unnestJoin(ctx, r, right, left, ls)
	case *ast.TableFunc:
		if b.Functions.IsTable(right.Call.Name.Last()) {
			return b.tableFuncJoin(ctx, r, right, left, ls)
		}
	case *ast.Derived:
		if right.Lateral {
			return b.lateral(ctx, r, right, left, ls, env)
		}
	}
	right, rs, asOf, err := b.rightSide(ctx, r, t, left, ls, env)
	if err != nil {
		return nil, nil, err
	}
	if err := distinctNames(r.Pos, ls, rs); err != nil {
		return nil, nil, err
	}
	both := &scope{columns: append(slices.Clone(ls.columns), rs.columns...)}
	common := r.Using
	if r.Natural {
		common = shared(r.Pos, ls, rs)
	}
	cond, err := b.joinCondition(ctx, r, common, ls, rs, both)
	if err != nil {
		return nil, nil, err
	}
	if cond == nil && r.On == nil && r.Kind != ast.CrossJoin && r.Kind != ast.CommaJoin && !r.Natural {
		return nil, nil, diag.At(r.Pos, "%s needs a condition: ON …, or USING (…)", r.Kind)
	}
	j := logical.NewJoin(left, right, t, cond)
	j.AsOf, j.Hints = asOf, b.hints.join(r.Left, r.Right)
	if t.Half() {
		return j, ls, nil
	}
	for i, c := range j.Output {
		both.columns[i].Type = c.Type
	}
	if len(common) == 0 {
		return j, both, nil
	}
	return merged(j, both, common, len(ls.columns))
}

// rightSide binds the right side of a join: a table, or a table as of a time of
// the left side.
func (b *Binder) rightSide(ctx context.Context, r *ast.Join, t logical.JoinType, left logical.Node, ls *scope, env *ctes) (logical.Node, *scope, *logical.AsOf, error) {
	table, ok := r.Right.(*ast.Table)
	if !ok || table.AsOf == nil || b.isConstant(ctx, table.AsOf) {
		node, sc, err := b.tableRef(ctx, r.Right, env)
		return node, sc, nil, err
	}
	if t != logical.InnerJoin && t != logical.LeftJoin {
		return nil, nil, nil, diag.At(r.Pos, "%s cannot join a table FOR SYSTEM_TIME AS OF; JOIN and LEFT JOIN can", r.Kind)
	}
	x := &exprs{b: b, ctx: ctx, scope: ls}
	v, err := x.bind(table.AsOf)
	if err != nil {
		return nil, nil, nil, err
	}
	at := columnOf(v)
	if at < 0 || v.Time == logical.NoTime {
		return nil, nil, nil, diag.At(table.AsOf.Position(), "FOR SYSTEM_TIME AS OF needs a time attribute of the left side: a column with a watermark, or one of PROCTIME()")
	}
	plain := *table
	plain.AsOf = nil
	node, sc, err := b.table(ctx, &plain, env)
	if err != nil {
		return nil, nil, nil, err
	}
	asOf := &logical.AsOf{Lookup: v.Time == logical.Proctime, Time: at}
	if !asOf.Lookup {
		asOf.Version = slices.IndexFunc(node.Schema(), func(c logical.Column) bool { return c.Time == logical.Rowtime })
		if asOf.Version < 0 {
			return nil, nil, nil, diag.At(table.Pos, "table %s has no versions: it needs a time attribute (WATERMARK FOR) that says from when on a row holds", table.Name)
		}
		if left.Schema()[at].Type.Kind != node.Schema()[asOf.Version].Type.Kind {
			return nil, nil, nil, diag.At(table.AsOf.Position(), "the times of both sides are of different types: %s and %s", v.Type.Text(), node.Schema()[asOf.Version].Type.Text())
		}
	}
	return node, sc, asOf, nil
}

// distinctNames refuses two tables of one name.
func distinctNames(pos ast.Pos, ls, rs *scope) error {
	for _, name := range rs.tables() {
		i := slices.IndexFunc(ls.columns, func(c scopeColumn) bool { return len(c.table) > 0 && c.table[len(c.table)-1] == name })
		if i < 0 {
			continue
		}
		k := slices.IndexFunc(rs.columns, func(c scopeColumn) bool { return len(c.table) > 0 && c.table[len(c.table)-1] == name })
		if slices.Equal(ls.columns[i].table, rs.columns[k].table) {
			return diag.At(pos, "both sides of the join are called %q; give one of them an alias", name)
		}
	}
	return nil
}

// shared are the names of the columns that both sides have, for NATURAL.
func shared(pos ast.Pos, ls, rs *scope) []ast.Ident {
	var out []ast.Ident
	for _, c := range ls.columns {
		if _, n := rs.match(nil, c.Name); n > 0 && !c.hidden {
			out = append(out, ast.Ident{Pos: pos, Name: c.Name})
		}
	}
	return out
}

// joinCondition binds ON, or makes the condition of USING and NATURAL; nil when
// every pair is wanted.
func (b *Binder) joinCondition(ctx context.Context, r *ast.Join, common []ast.Ident, ls, rs, both *scope) (expr.Expr, error) {
	if r.On != nil {
		x := &exprs{b: b, ctx: ctx, scope: both}
		v, err := x.condition(r.On, "ON")
		return v.Expr, err
	}
	var parts []expr.Expr
	for _, name := range common {
		l, err := ls.find(&ast.Column{Pos: name.Pos, Parts: []string{name.Name}})
		if err != nil {
			return nil, err
		}
		right, err := rs.find(&ast.Column{Pos: name.Pos, Parts: []string{name.Name}})
		if err != nil {
			return nil, err
		}
		right = both.value(len(ls.columns) + columnOf(right))
		v, err := compare(name.Pos, ast.Eq, l, right)
		if err != nil {
			return nil, err
		}
		parts = append(parts, v.Expr)
	}
	return logical.And(parts...), nil
}

// merged puts the columns that USING names before the others, each once: the
// value of the side that has one. Those of the two sides stay, to be called by
// their tables.
func merged(j *logical.Join, both *scope, common []ast.Ident, left int) (logical.Node, *scope, error) {
	p := &logical.Project{Input: j}
	sc := &scope{}
	add := func(v Value, c scopeColumn) {
		p.Exprs = append(p.Exprs, v.Expr)
		p.Output = append(p.Output, c.Column)
		sc.columns = append(sc.columns, c)
	}
	hidden := map[int]bool{}
	ls, rs := &scope{columns: both.columns[:left]}, &scope{columns: both.columns[left:]}
	for _, name := range common {
		l, _ := ls.match(nil, name.Name)
		r, _ := rs.match(nil, name.Name)
		r += left
		hidden[l], hidden[r] = true, true
		v := both.value(l)
		switch j.Type {
		case logical.RightJoin:
			v = both.value(r)
		case logical.FullJoin:
			t, ok := datatype.Common(v.Type, both.value(r).Type)
			if !ok {
				return nil, nil, diag.At(name.Pos, "column %q is of type %s on one side and %s on the other", name.Name, v.Type.Text(), both.value(r).Type.Text())
			}
			v = apply("coalesce", t, convert(v, t), convert(both.value(r), t))
		case logical.InnerJoin, logical.LeftJoin, logical.SemiJoin, logical.AntiJoin:
		}
		add(v, scopeColumn{Column: logical.Column{Name: name.Name, Type: v.Type, Time: v.Time}})
	}
	for i, c := range both.columns {
		c.hidden = c.hidden || hidden[i]
		add(both.value(i), c)
	}
	return p, sc, nil
}
