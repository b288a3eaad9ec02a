package wadi

import (
	"time"

	"github.com/wadi-engine/wadi/sql/ast"
)

// operand is what an aggregate counts: a column by its name, or an Expr.
func operand(x any) any {
	if name, ok := x.(string); ok {
		return Col(name)
	}
	return x
}

// Count counts rows or, given a column (by name) or Expr, those where it is
// not NULL.
func Count(of ...any) Expr {
	if len(of) == 0 {
		return Expr{node: ast.Fn("COUNT", &ast.Star{})}
	}
	return Fn("COUNT", operand(of[0]))
}

// CountDistinct counts the different values that are not NULL.
func CountDistinct(of any) Expr {
	e := Fn("COUNT", operand(of))
	if c, ok := e.node.(*ast.Call); ok {
		c.Distinct = true
	}
	return e
}

// Sum adds up; the sum of integers keeps their type and wraps around, as in Flink.
func Sum(of any) Expr { return Fn("SUM", operand(of)) }

// Avg is the mean; that of integers is an integer, as in Flink.
func Avg(of any) Expr { return Fn("AVG", operand(of)) }

// Min is the smallest value.
func Min(of any) Expr { return Fn("MIN", operand(of)) }

// Max is the largest value.
func Max(of any) Expr { return Fn("MAX", operand(of)) }

// Key is what GroupBy groups by: an Expr or a Window.
type Key interface{ key() }

func (Expr) key()   {}
func (Window) key() {}

// Window cuts event time into pieces for GroupBy. The result has the columns
// window_start and window_end in front of the other keys.
type Window struct {
	column      string
	slide, size time.Duration
}

// Tumble cuts event time into windows of the given size, one after another.
// The column must have a watermark when the input has no end.
func Tumble(column string, size time.Duration) Window { return Window{column: column, size: size} }

// Hop makes a window of the given size begin at every slide; a row belongs to
// all windows that hold its time.
func Hop(column string, slide, size time.Duration) Window {
	return Window{column: column, slide: slide, size: size}
}

// table is the windowed input as a table function.
func (w Window) table(input ast.Query) ast.TableRef {
	name, args := "TUMBLE", []ast.Expr{&ast.TableArg{Query: input}, &ast.Descriptor{Columns: []ast.DescriptorColumn{{Ident: ast.Ident{Name: w.column}}}}}
	if w.slide > 0 {
		name = "HOP"
		args = append(args, interval(w.slide))
	}
	return &ast.TableFunc{Wrapped: true, Call: ast.Fn(name, append(args, interval(w.size))...)}
}
