package iceberg_test

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/expr"
)

// exprOf is a filter of a test.
type exprOf struct{ expr.Expr }

func (e exprOf) doc() *expr.Doc { return expr.NewDoc(e.Expr) }

func col(i int, name string, of arrow.DataType) exprOf {
	return exprOf{&expr.Column{Index: i, Name: name, Of: of}}
}

func num(v int64, of arrow.DataType) exprOf { return exprOf{&expr.Literal{Value: v, Of: of}} }

func null(of arrow.DataType) exprOf { return exprOf{&expr.Literal{Of: of}} }

func call(name string, args ...exprOf) exprOf {
	c := &expr.Call{Func: name, Of: arrow.FixedWidthTypes.Boolean}
	for _, a := range args {
		c.Args = append(c.Args, a.Expr)
	}
	return exprOf{c}
}
