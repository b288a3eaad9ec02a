package expr

import (
	"fmt"
	"slices"
)

// MapColumns gives e over another record: column i is column to(i) there.
func MapColumns(e Expr, to func(i int) int) Expr {
	switch e := e.(type) {
	case *Column:
		c := *e
		c.Index = to(e.Index)
		return &c
	case *Call:
		c := *e
		c.Args = slices.Clone(e.Args)
		for i, a := range c.Args {
			c.Args[i] = MapColumns(a, to)
		}
		return &c
	case *Literal:
		return e
	case Doc:
		return MapColumns(e.Expr, to)
	}
	panic(fmt.Sprintf("expression of type %T", e))
}
