package wadi

import (
	"fmt"

	"github.com/wadi-engine/wadi/sql/ast"
)

// JoinLateral puts beside each row those that a table function gives for it, as
// Fn("words", Col("text")) calls it, under the names of columns; a row for which it
// gives none is left out.
func (f *Frame) JoinLateral(call Expr, columns ...string) *Frame {
	return f.lateral(ast.CrossJoin, call, columns)
}

// LeftJoinLateral is JoinLateral that keeps all rows, with NULLs.
func (f *Frame) LeftJoinLateral(call Expr, columns ...string) *Frame {
	return f.lateral(ast.LeftJoin, call, columns)
}

func (f *Frame) lateral(kind ast.JoinKind, call Expr, columns []string) *Frame {
	if err := firstError(f.err, call.err); err != nil {
		return f.fail(err)
	}
	c, ok := call.node.(*ast.Call)
	if !ok {
		return f.fail(fmt.Errorf("JoinLateral(%s): it takes a call of a table function, Fn(name, …)", call))
	}
	rows := &ast.TableFunc{Lateral: true, Wrapped: true, Call: c, Alias: ast.Alias{Name: "rows_of"}}
	for _, name := range columns {
		rows.Alias.Columns = append(rows.Alias.Columns, ast.Ident{Name: name})
	}
	j := &ast.Join{Kind: kind, Left: f.from(), Right: rows}
	if kind == ast.LeftJoin {
		j.On = &ast.Bool{Value: true}
	}
	return f.selecting(&ast.Select{Items: []ast.SelectItem{{Expr: &ast.Star{}}}, From: j})
}
