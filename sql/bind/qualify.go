package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// qualify binds QUALIFY, a condition over the results of window functions,
// which may name the items of the select list. It gives no or one value.
func (x *exprs) qualify(s *ast.Select, items []Value) ([]Value, error) {
	if s.Qualify == nil {
		return nil, nil
	}
	q := *x
	q.aliases = map[string]Value{}
	for _, v := range items {
		if _, ok := q.aliases[v.Name]; !ok {
			q.aliases[v.Name] = v
		}
	}
	cond, err := q.condition(s.Qualify, "QUALIFY")
	if err != nil {
		return nil, err
	}
	if len(x.windows.calls) == 0 {
		return nil, diag.At(s.Qualify.Position(), "QUALIFY needs a window function; WHERE filters rows")
	}
	return []Value{cond}, nil
}

// windowed puts the window functions over node, and QUALIFY over them. The
// lists are bound through the windows.
func (x *exprs) windowed(node logical.Node, qualify []Value, lists ...[]Value) logical.Node {
	node = x.windows.place(node, append(lists, qualify)...)
	if len(qualify) > 0 {
		node = &logical.Filter{Input: node, Cond: qualify[0].Expr}
	}
	return node
}
