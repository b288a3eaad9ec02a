package bind

import (
	"context"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// unnestJoin binds t CROSS JOIN UNNEST(t.a) AS u (x) and its relatives: the
// elements of each row beside it.
func (b *Binder) unnestJoin(ctx context.Context, r *ast.Join, u *ast.Unnest, left logical.Node, ls *scope) (logical.Node, *scope, error) {
	outer := r.Kind == ast.LeftJoin
	switch r.Kind {
	case ast.InnerJoin, ast.CrossJoin, ast.CommaJoin, ast.LeftJoin:
	default:
		return nil, nil, diag.At(r.Pos, "%s cannot join UNNEST; CROSS JOIN and LEFT JOIN … ON TRUE can", r.Kind)
	}
	if len(r.Using) > 0 || r.Natural {
		return nil, nil, diag.At(r.Pos, "a join with UNNEST has no columns in common")
	}
	node, sc, err := b.unnest(ctx, u, left, ls, outer)
	if err != nil {
		return nil, nil, err
	}
	return b.elementsOn(ctx, r, node, sc, "UNNEST")
}

// elementsOn binds the condition of a join with the elements of each row.
func (b *Binder) elementsOn(ctx context.Context, r *ast.Join, node logical.Node, sc *scope, what string) (logical.Node, *scope, error) {
	if r.On == nil {
		return node, sc, nil
	}
	x := &exprs{b: b, ctx: ctx, scope: sc}
	cond, err := x.condition(r.On, "ON")
	if err != nil {
		return nil, nil, err
	}
	if l, ok := cond.Expr.(*expr.Literal); ok && l.Value == true {
		return node, sc, nil
	}
	if r.Kind == ast.LeftJoin {
		return nil, nil, diag.At(r.On.Position(), "LEFT JOIN %s takes ON TRUE only; put the condition into WHERE, or use CROSS JOIN", what)
	}
	return &logical.Filter{Input: node, Cond: cond.Expr}, sc, nil
}

// unnest puts the elements of a collection beside the rows of left.
func (b *Binder) unnest(ctx context.Context, u *ast.Unnest, left logical.Node, ls *scope, outer bool) (logical.Node, *scope, error) {
	if len(u.Args) != 1 {
		return nil, nil, diag.At(u.Pos, "UNNEST takes one ARRAY, MAP or MULTISET")
	}
	x := &exprs{b: b, ctx: ctx, scope: ls}
	v, err := x.bind(u.Args[0])
	if err != nil {
		return nil, nil, err
	}
	elements, err := elementsOf(u, v.Type)
	if err != nil {
		return nil, nil, err
	}
	e := unnesting{elements: elements, alias: u.Alias, outer: outer, ordinality: u.Ordinality}
	return e.beside(v, left, ls)
}

// unnesting is how the elements of a collection become rows.
type unnesting struct {
	elements   logical.Schema
	alias      ast.Alias
	outer      bool
	ordinality bool
	call       string // the table function whose rows they are, or ""
}

// beside puts the elements of v, which is computed over left, beside its rows.
func (e unnesting) beside(v Value, left logical.Node, ls *scope) (logical.Node, *scope, error) {
	n := &logical.Unnest{Input: left, Column: columnOf(v), Outer: e.outer, Ordinality: e.ordinality, Call: e.call}
	if n.Column < 0 || n.Column >= len(ls.columns) { // computed, or of a query around
		n.Column = len(ls.columns)
		vs := make([]Value, 0, n.Column+1)
		for i := range ls.columns {
			vs = append(vs, ls.value(i))
		}
		v.Name = "$collection"
		n.Input = project(left, append(vs, v))
	}
	out := &scope{}
	for i, c := range ls.columns {
		n.Keep = append(n.Keep, i)
		n.Output = append(n.Output, left.Schema()[i])
		out.columns = append(out.columns, c)
	}
	for _, c := range e.elements {
		if e.outer {
			c.Type = c.Type.WithNull(true)
		}
		n.Output = append(n.Output, c)
	}
	sc := scopeOf("", e.elements)
	for i := range sc.columns {
		sc.columns[i].Type = n.Output[len(n.Keep)+i].Type
	}
	if len(e.alias.Columns) == 0 && len(e.elements) == 1 && e.alias.Name != "" {
		sc.columns[0].Name = e.alias.Name // UNNEST(items) AS item
	}
	_, sc, err := aliased(n, sc, e.alias)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range sc.columns {
		n.Output[len(n.Keep)+i].Name = c.Name
	}
	out.columns = append(out.columns, sc.columns...)
	return n, out, nil
}

// elementsOf are the columns that an element of a collection has.
func elementsOf(u *ast.Unnest, t datatype.Type) (logical.Schema, error) {
	var out logical.Schema
	null := func(t datatype.Type, also bool) datatype.Type { return t.WithNull(t.Nullable() || also) }
	switch t.Kind {
	case datatype.Map:
		out = append(out, logical.Column{Name: "KEY", Type: t.Key.WithNull(false)}, logical.Column{Name: "VALUE", Type: *t.Elem})
	case datatype.Array, datatype.Multiset:
		if t.Elem.Kind != datatype.Row {
			out = append(out, logical.Column{Name: "f0", Type: *t.Elem})
			break
		}
		for _, f := range t.Elem.Fields {
			out = append(out, logical.Column{Name: f.Name, Type: null(f.Type, t.Elem.Nullable())})
		}
	default:
		return nil, diag.At(u.Args[0].Position(), "UNNEST takes an ARRAY, MAP or MULTISET, not a value of type %s", t.Text())
	}
	if u.Ordinality {
		out = append(out, logical.Column{Name: "ORDINALITY", Type: datatype.Of(datatype.Int).WithNull(false)})
	}
	return out, nil
}
