package bind

import (
	"context"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// sorting is the ORDER BY around a SELECT, which can reach what the SELECT
// does not give.
type sorting struct {
	items         []ast.OrderItem
	offset, limit int64
}

// selectQuery binds the clauses in the order in which they apply:
//
//	FROM → WHERE → GROUP BY → HAVING → select list → DISTINCT → ORDER BY
func (b *Binder) selectQuery(ctx context.Context, s *ast.Select, env *ctes, order *sorting) (logical.Node, error) {
	around := b.hints
	defer func() { b.hints = around }()
	var err error
	if b.hints, err = newBlockHints(s); err != nil {
		return nil, err
	}
	node, sc, err := b.from(ctx, s, env)
	if err != nil {
		return nil, err
	}
	x := &exprs{b: b, ctx: ctx, scope: sc, queries: newQueries(env, node)}
	if s.Where != nil {
		cond, err := x.where(s.Where)
		if err != nil {
			return nil, err
		}
		if node = x.queries.node; cond != nil {
			node = &logical.Filter{Input: node, Cond: cond}
		}
	}
	if b.grouped(s, order) {
		return b.groupedSelect(ctx, s, node, sc, env, order)
	}
	x.queries = newQueries(env, node)
	if x.windows, err = newWindows(s); err != nil {
		return nil, err
	}
	if s.Having != nil {
		return nil, diag.At(s.Having.Position(), "HAVING needs GROUP BY or an aggregate function; WHERE filters rows")
	}
	items, err := b.items(s, x, sc)
	if err != nil {
		return nil, err
	}
	return b.finish(s, x, items, order)
}

// from binds FROM; without it there is one row without columns.
func (b *Binder) from(ctx context.Context, s *ast.Select, env *ctes) (logical.Node, *scope, error) {
	if s.From == nil {
		return &logical.Values{Rows: [][]expr.Expr{{}}}, &scope{}, nil
	}
	return b.tableRef(ctx, s.From, env)
}

// grouped reports whether the query aggregates.
func (b *Binder) grouped(s *ast.Select, order *sorting) bool {
	if s.GroupBy != nil {
		return true
	}
	memo := map[ast.Expr]bool{}
	for _, item := range s.Items {
		if hasAggregate(b, item.Expr, memo) {
			return true
		}
	}
	if order != nil {
		for _, item := range order.items {
			if hasAggregate(b, item.Expr, memo) {
				return true
			}
		}
	}
	return s.Having != nil && hasAggregate(b, s.Having, memo)
}

func (b *Binder) groupedSelect(ctx context.Context, s *ast.Select, node logical.Node, sc *scope, env *ctes, order *sorting) (logical.Node, error) {
	node, sc, g, err := b.groupBy(ctx, s, node, sc)
	if err != nil {
		return nil, err
	}
	x := &exprs{b: b, ctx: ctx, scope: sc, groups: g, queries: newQueries(env, nil)}
	if x.windows, err = newWindows(s); err != nil {
		return nil, err
	}
	items, err := b.items(s, x, sc)
	if err != nil {
		return nil, err
	}
	var having []Value
	if s.Having != nil {
		v, err := x.condition(s.Having, "HAVING")
		if err != nil {
			return nil, err
		}
		having = append(having, v)
	}
	// The keys of ORDER BY may bring aggregates of their own, so they are bound
	// before the aggregation is built.
	hidden, keys, err := b.sortKeys(s, x, items, order)
	if err != nil {
		return nil, err
	}
	qualify, err := x.qualify(s, items)
	if err != nil {
		return nil, err
	}
	agg := g.plan(node)
	agg.TTL = b.hints.aggregate(s.From)
	if node, err = x.queries.attach(agg, items, hidden, having, qualify); err != nil {
		return nil, err
	}
	if having != nil {
		node = &logical.Filter{Input: node, Cond: having[0].Expr}
	}
	node = x.windowed(node, qualify, items, hidden)
	return complete(s, node, items, hidden, keys, order), nil
}

// groupBy binds the keys. A group window among them, TUMBLE(ts, INTERVAL '1'
// HOUR), becomes a window table function below and its columns as keys.
func (b *Binder) groupBy(ctx context.Context, s *ast.Select, node logical.Node, sc *scope) (logical.Node, *scope, *groups, error) {
	var items []ast.Expr
	if s.GroupBy != nil {
		items = s.GroupBy.Items
	}
	auxiliary := map[string]*scope{}
	var computed map[string]Value
	for _, item := range items {
		c, ok := item.(*ast.Call)
		if !ok || groupWindows[strings.ToUpper(c.Name.Last())] == 0 {
			continue
		}
		if len(auxiliary) > 0 {
			return nil, nil, nil, diag.At(c.Pos, "GROUP BY takes one window")
		}
		var err error
		if isSession(c) {
			x := &exprs{b: b, ctx: ctx, scope: sc}
			node, sc, computed, err = b.sessionWindow(s, x, c, node, items)
		} else {
			node, sc, err = asNode(b.groupWindow(ctx, c, node, sc))
		}
		if err != nil {
			return nil, nil, nil, err
		}
		auxiliary[strings.ToUpper(c.Name.Last())+windowText(c)] = sc
	}
	g := newGroups(sc)
	if len(auxiliary) > 0 {
		g.auxiliary = auxiliary
	}
	for key, v := range computed {
		g.preAt[key] = g.addKey(v)
	}
	x := &exprs{b: b, ctx: ctx, scope: sc}
	if err := b.groupItems(s, x, g, items); err != nil {
		return nil, nil, nil, err
	}
	return node, sc, g, nil
}

// asNode is the result of groupWindow as a node like others.
func asNode(w *logical.Window, sc *scope, err error) (logical.Node, *scope, error) { return w, sc, err }

// groupAlias lets GROUP BY name an item of the select list by its alias.
func (b *Binder) groupAlias(s *ast.Select, x *exprs, item ast.Expr) (Value, bool) {
	c, ok := item.(*ast.Column)
	if !ok || len(c.Parts) != 1 {
		return Value{}, false
	}
	for _, it := range s.Items {
		if it.Alias.Name == c.Parts[0] && !hasAggregate(b, it.Expr, map[ast.Expr]bool{}) {
			v, err := x.bind(it.Expr)
			v.Name = it.Alias.Name
			return v, err == nil
		}
	}
	return Value{}, false
}

// items binds the select list and spreads stars.
func (b *Binder) items(s *ast.Select, x *exprs, sc *scope) ([]Value, error) {
	var out []Value
	for _, item := range s.Items {
		if star, ok := item.Expr.(*ast.Star); ok {
			vs, err := spread(x, sc, star)
			if err != nil {
				return nil, err
			}
			out = append(out, vs...)
			continue
		}
		if f, ok := item.Expr.(*ast.Field); ok && f.Name == "*" {
			return nil, unsupported(f.Pos, ".* of a row")
		}
		v, err := x.bind(item.Expr)
		if err != nil {
			return nil, err
		}
		if item.Alias.Name != "" {
			v.Name = item.Alias.Name
		}
		out = append(out, v)
	}
	for i := range out {
		if out[i].Name == "" {
			out[i].Name = "EXPR$" + itoa(i)
		}
	}
	return out, nil
}

// spread gives the columns of * or t.*; or the fields of a row column.
func spread(x *exprs, sc *scope, star *ast.Star) ([]Value, error) {
	var out []Value
	for i, c := range sc.columns {
		if !c.under(star.Qualifier) {
			continue
		}
		if x.groups == nil {
			out = append(out, sc.value(i))
			continue
		}
		v, err := x.bind(&ast.Column{Pos: star.Pos, Parts: append(append([]string{}, star.Qualifier...), c.Name)})
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if len(out) > 0 {
		return out, nil
	}
	if star.Qualifier != nil && x.groups == nil {
		v, err := sc.find(&ast.Column{Pos: star.Pos, Parts: star.Qualifier})
		if err == nil && v.Type.Kind == datatype.Row {
			for i := range v.Type.Fields {
				out = append(out, fieldOf(v, i))
			}
			return out, nil
		}
		return nil, diag.At(star.Pos, "no table %q in this query%s", strings.Join(star.Qualifier, "."), meant(star.Qualifier[len(star.Qualifier)-1], sc.tables()))
	}
	return nil, diag.At(star.Pos, "* needs a FROM clause")
}

// finish binds ORDER BY and puts the select list, DISTINCT and the order on top.
func (b *Binder) finish(s *ast.Select, x *exprs, items []Value, order *sorting) (logical.Node, error) {
	hidden, keys, err := b.sortKeys(s, x, items, order)
	if err != nil {
		return nil, err
	}
	qualify, err := x.qualify(s, items)
	if err != nil {
		return nil, err
	}
	node := x.windowed(x.queries.node, qualify, items, hidden)
	return complete(s, node, items, hidden, keys, order), nil
}

// sortKeys binds ORDER BY: a column of the result by name or number, or an
// expression, which is hidden when the select list does not have it.
func (b *Binder) sortKeys(s *ast.Select, x *exprs, items []Value, order *sorting) (hidden []Value, keys []logical.SortKey, err error) {
	if order == nil {
		return nil, nil, nil
	}
	for _, item := range order.items {
		at, ok, err := ordinal(item.Expr, len(items))
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			at, ok = named(item.Expr, items)
		}
		if !ok {
			v, err := x.bind(item.Expr)
			if err != nil {
				return nil, nil, err
			}
			if at = index(v, items); at < 0 {
				if s.Distinct {
					return nil, nil, diag.At(item.Expr.Position(), "ORDER BY of SELECT DISTINCT needs a column of the select list")
				}
				at = len(items) + len(hidden)
				hidden = append(hidden, v)
			}
		}
		keys = append(keys, sortKey(item, at))
	}
	return hidden, keys, nil
}

func named(e ast.Expr, items []Value) (int, bool) {
	c, ok := e.(*ast.Column)
	if !ok || len(c.Parts) != 1 {
		return 0, false
	}
	for i, v := range items {
		if v.Name == c.Parts[0] {
			return i, true
		}
	}
	return 0, false
}

func index(v Value, items []Value) int {
	key := logical.Key(v.Expr)
	for i, it := range items {
		if logical.Key(it.Expr) == key {
			return i
		}
	}
	return -1
}

// complete builds what stands above the rows: the select list with hidden keys
// of the order, DISTINCT, the order, and a projection that hides them again.
func complete(s *ast.Select, node logical.Node, items, hidden []Value, keys []logical.SortKey, order *sorting) logical.Node {
	all := append(append([]Value{}, items...), hidden...)
	node = project(node, all)
	if s.Distinct {
		node = distinct(node)
	}
	if order == nil {
		return node
	}
	node = &logical.Sort{Input: node, Keys: keys, Offset: order.offset, Limit: order.limit}
	if len(hidden) == 0 {
		return node
	}
	sc := node.Schema()
	top := make([]Value, len(items))
	for i := range items {
		top[i] = Value{Expr: sc.Ref(i), Type: sc[i].Type, Time: sc[i].Time, Name: sc[i].Name}
	}
	return project(node, top)
}
