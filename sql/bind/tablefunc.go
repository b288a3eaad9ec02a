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

// tableFuncJoin binds t CROSS JOIN LATERAL TABLE(f(t.a)) AS u (x) and its
// relatives: the rows that a function of the user gives, beside each row.
func (b *Binder) tableFuncJoin(ctx context.Context, r *ast.Join, f *ast.TableFunc, left logical.Node, ls *scope) (logical.Node, *scope, error) {
	name := strings.ToUpper(f.Call.Name.Last())
	switch r.Kind {
	case ast.InnerJoin, ast.CrossJoin, ast.CommaJoin, ast.LeftJoin:
	default:
		return nil, nil, diag.At(r.Pos, "%s cannot join the rows of %s; CROSS JOIN and LEFT JOIN … ON TRUE can", r.Kind, name)
	}
	if len(r.Using) > 0 || r.Natural {
		return nil, nil, diag.At(r.Pos, "a join with the rows of %s has no columns in common", name)
	}
	node, sc, err := b.userTable(ctx, f, left, ls, r.Kind == ast.LeftJoin)
	if err != nil {
		return nil, nil, err
	}
	return b.elementsOn(ctx, r, node, sc, "LATERAL TABLE")
}

// userTable puts the rows of a table function of the user beside those of left:
// the function gives an array of rows.
func (b *Binder) userTable(ctx context.Context, f *ast.TableFunc, left logical.Node, ls *scope, outer bool) (logical.Node, *scope, error) {
	name := strings.ToUpper(f.Call.Name.Last())
	if f.Sample != nil {
		return nil, nil, unsupported(f.Pos, "TABLESAMPLE")
	}
	x := &exprs{b: b, ctx: ctx, scope: ls}
	vs, err := x.all(f.Call.Args)
	if err != nil {
		return nil, nil, err
	}
	r, err := b.Functions.Table(name, args(vs))
	if err != nil {
		return nil, nil, diag.At(f.Call.Pos, "%s", err)
	}
	for i := range vs {
		vs[i] = convert(vs[i], r.Casts[i])
	}
	v := apply(r.Func, r.Result, vs...)
	v.Type = r.Result
	call := v.Expr.(*expr.Call)
	call.At = place(f.Call.Pos)
	e := unnesting{alias: f.Alias, outer: outer, call: logical.Text(call, left.Schema().Names())}
	if elem := r.Result.Elem; elem.Kind == datatype.Row {
		for _, c := range elem.Fields {
			e.elements = append(e.elements, logical.Column{Name: c.Name, Type: c.Type})
		}
	} else {
		e.elements = logical.Schema{{Name: "f0", Type: *elem}}
	}
	return e.beside(v, left, ls)
}
