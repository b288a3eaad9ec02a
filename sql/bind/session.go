package bind

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// sessionWindow binds GROUP BY a, SESSION(ts, gap): the sessions are those of
// the other keys, which must be columns below the window. Keys that are
// computed become such; computed maps their expressions to the columns.
func (b *Binder) sessionWindow(s *ast.Select, x *exprs, c *ast.Call, node logical.Node, items []ast.Expr) (logical.Node, *scope, map[string]Value, error) {
	sc := x.scope
	var partition []int
	computed := map[string]Value{}
	below := &scope{columns: append([]scopeColumn{}, sc.columns...)}
	vs := make([]Value, len(sc.columns))
	for i := range vs {
		vs[i] = sc.value(i)
	}
	for _, item := range flat(items) {
		if item == ast.Expr(c) {
			continue
		}
		if g, ok := item.(*ast.Grouping); ok {
			return nil, nil, nil, diag.At(g.Pos, "%s does not go together with SESSION; use the table function SESSION", g.Kind)
		}
		v, err := b.groupKey(s, x, item)
		if err != nil {
			return nil, nil, nil, err
		}
		at := columnOf(v)
		if at < 0 {
			at = len(vs)
			key := logical.Key(v.Expr)
			name := v.Name
			v.Name = "$key" + itoa(at)
			vs = append(vs, v)
			below.columns = append(below.columns, scopeColumn{Column: logical.Column{Name: v.Name, Type: v.Type}})
			v = below.value(at)
			v.Name = name
			computed[key] = v
		}
		partition = append(partition, at)
	}
	if len(vs) > len(sc.columns) {
		for i := range sc.columns {
			vs[i].Name = sc.columns[i].Name
		}
		node = project(node, vs)
	}
	w, out, err := b.groupWindow(x.ctx, c, node, below)
	if err != nil {
		return nil, nil, nil, err
	}
	w.Spec.Partition = partition
	return w, out, computed, nil
}

// flat are the items of GROUP BY without parentheses around them.
func flat(items []ast.Expr) []ast.Expr {
	var out []ast.Expr
	for _, item := range items {
		if r, ok := item.(*ast.Row); ok && !r.Explicit {
			out = append(out, flat(r.Elems)...)
		} else {
			out = append(out, item)
		}
	}
	return out
}

func isSession(c *ast.Call) bool { return strings.EqualFold(c.Name.Last(), "SESSION") }
