package bind

import (
	"context"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// tableRef binds one item of FROM.
func (b *Binder) tableRef(ctx context.Context, ref ast.TableRef, env *ctes) (logical.Node, *scope, error) {
	switch r := ref.(type) {
	case *ast.Table:
		return b.table(ctx, r, env)
	case *ast.Derived:
		if r.Lateral {
			return nil, nil, unsupported(r.Pos, "LATERAL")
		}
		if r.Sample != nil {
			return nil, nil, unsupported(r.Pos, "TABLESAMPLE")
		}
		node, err := b.query(ctx, r.Query, env)
		if err != nil {
			return nil, nil, err
		}
		return aliased(node, scopeOf("", node.Schema()), r.Alias)
	case *ast.TableFunc:
		return b.tableFunc(ctx, r, env)
	case *ast.Join:
		return b.join(ctx, r, env)
	case *ast.Unnest:
		return b.unnest(ctx, r, &logical.Values{Rows: [][]expr.Expr{{}}}, &scope{}, false)
	case *ast.MatchRecognize:
		return b.match(ctx, r, env)
	}
	return nil, nil, unsupported(ref.Position(), "this kind of table")
}

// aliased puts AS t (a, b) on the columns.
func aliased(node logical.Node, sc *scope, a ast.Alias) (logical.Node, *scope, error) {
	if a.Name == "" {
		return node, sc, nil
	}
	if len(a.Columns) > 0 && len(a.Columns) != len(sc.columns) {
		return nil, nil, diag.At(a.Pos, "alias %s names %d columns, the table has %d", a.Name, len(a.Columns), len(sc.columns))
	}
	for i := range sc.columns {
		sc.columns[i].table = []string{a.Name}
		if len(a.Columns) > 0 {
			sc.columns[i].Name = a.Columns[i].Name
		}
	}
	if len(a.Columns) > 0 {
		node = renamed(node, sc)
	}
	return node, sc, nil
}

// renamed passes all columns on under the scope's names.
func renamed(node logical.Node, sc *scope) logical.Node {
	p := &logical.Project{Input: node, Exprs: node.Schema().Refs()}
	for _, c := range sc.columns {
		p.Output = append(p.Output, c.Column)
	}
	return p
}

// table binds a table, a view or a query of WITH by name.
func (b *Binder) table(ctx context.Context, t *ast.Table, env *ctes) (logical.Node, *scope, error) {
	if t.Sample != nil {
		return nil, nil, unsupported(t.Pos, "TABLESAMPLE")
	}
	if len(t.Name.Parts) == 1 {
		if c := env.find(t.Name.Parts[0]); c != nil {
			if t.AsOf != nil {
				return nil, nil, diag.At(t.AsOf.Position(), "%s is a query of WITH, which has no versions; FOR SYSTEM_TIME AS OF belongs to the tables in it", t.Name)
			}
			return b.cte(ctx, t, c)
		}
	}
	id, err := b.Tables.Ident(t.Name.Parts)
	if err != nil {
		return nil, nil, diag.Wrap(t.Pos, err)
	}
	ct, err := b.lookup(ctx, t.Pos, id, t.Name)
	if err != nil {
		return nil, nil, err
	}
	if t.AsOf != nil {
		if ct, err = b.asOfTime(ctx, t, ct); err != nil {
			return nil, nil, err
		}
	}
	var node logical.Node
	if hints := options(t.Hints); ct.View != nil && len(hints) > 0 {
		return nil, nil, diag.At(t.Pos, "%s is a view, which has no options; the hint belongs to the tables in its query", t.Name)
	}
	if ct.View != nil {
		node, err = b.view(ctx, t.Pos, ct)
	} else {
		node, err = b.scan(ctx, t.Pos, ct, options(t.Hints))
	}
	if err != nil {
		return nil, nil, err
	}
	sc := scopeOf(id.Name, node.Schema())
	for i := range sc.columns {
		sc.columns[i].table = []string{id.Catalog, id.Database, id.Name}
	}
	return aliased(node, sc, t.Alias)
}

// options collects the hints OPTIONS('k'='v').
func options(hints []ast.Hint) map[string]string {
	out := map[string]string{}
	for _, h := range hints {
		if strings.EqualFold(h.Name, "OPTIONS") {
			for _, o := range h.Options {
				out[o.Key] = o.Value
			}
		}
	}
	return out
}

// cte binds a query of WITH where it is named. Each use is bound anew; equal
// plans are run once.
func (b *Binder) cte(ctx context.Context, t *ast.Table, c *ctes) (logical.Node, *scope, error) {
	if b.depth++; b.depth > maxViewDepth {
		return nil, nil, diag.At(t.Pos, "queries are nested more than %d deep", maxViewDepth)
	}
	defer func() { b.depth-- }()
	around := b.outer
	b.outer = nil
	node, err := b.named(ctx, t, c)
	b.outer = around
	if err != nil {
		return nil, nil, err
	}
	sc := scopeOf(c.cte.Name, node.Schema())
	if len(c.cte.Columns) > 0 {
		if node, sc, err = aliased(node, sc, ast.Alias{Pos: c.cte.Pos, Name: c.cte.Name, Columns: c.cte.Columns}); err != nil {
			return nil, nil, err
		}
	}
	return aliased(node, sc, t.Alias)
}

// tableFunc binds a window table function, or a function that reads files.
func (b *Binder) tableFunc(ctx context.Context, f *ast.TableFunc, env *ctes) (logical.Node, *scope, error) {
	name := strings.ToUpper(f.Call.Name.Last())
	if f.Sample != nil {
		return nil, nil, unsupported(f.Pos, "TABLESAMPLE")
	}
	if kind := groupWindows[name]; kind != 0 {
		return b.windowFunc(ctx, f, kind, env)
	}
	if changelogArgs[name] != nil {
		return b.changelogFunc(ctx, f, env)
	}
	if b.Functions.IsTable(name) {
		return b.userTable(ctx, f, &logical.Values{Rows: [][]expr.Expr{{}}}, &scope{}, false)
	}
	positional, named, err := b.constants(ctx, f.Call)
	if err != nil {
		if f.Lateral || b.knownFunc(f.Call.Name.Last()) == "" {
			return nil, nil, b.noTableFunc(f)
		}
		return nil, nil, err
	}
	for k, v := range options(f.Hints) {
		named[k] = v
	}
	t, ok := b.Tables.Function(f.Call.Name.Last(), positional, named)
	if !ok {
		return nil, nil, b.noTableFunc(f)
	}
	node, err := b.scan(ctx, f.Call.Pos, t, nil)
	if err != nil {
		return nil, nil, err
	}
	return aliased(node, scopeOf(t.Ident.Name, node.Schema()), f.Alias)
}

// knownFunc is the table function called name, whatever its case, or "".
func (b *Binder) knownFunc(name string) string {
	for _, n := range b.Tables.FunctionNames() {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	return ""
}

func (b *Binder) noTableFunc(f *ast.TableFunc) error {
	name := f.Call.Name.Last()
	known := append([]string{"TUMBLE", "HOP", "CUMULATE", "SESSION", "FROM_CHANGELOG", "TO_CHANGELOG"}, b.Tables.FunctionNames()...)
	known = append(known, b.Functions.TableNames()...)
	return diag.At(f.Call.Pos, "no table function %s%s", name, nearest.Hint(name, known, ""))
}

// constants are the arguments of a function that reads files: strings in
// order, and options by name.
func (b *Binder) constants(ctx context.Context, c *ast.Call) (positional []string, named map[string]string, err error) {
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	named = map[string]string{}
	for _, a := range c.Args {
		e := a
		n, isNamed := a.(*ast.NamedArg)
		if isNamed {
			e = n.Value
		}
		v, err := x.bind(e)
		if err != nil {
			return nil, nil, err
		}
		l, ok := v.Expr.(*expr.Literal)
		if !ok || l.Value == nil {
			return nil, nil, diag.At(e.Position(), "%s takes constants", c.Name)
		}
		s, ok := l.Value.(string)
		if !ok {
			s = l.String()
		}
		if isNamed {
			named[n.Name] = s
		} else {
			positional = append(positional, s)
		}
	}
	return positional, named, nil
}
