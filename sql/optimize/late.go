package optimize

import (
	"strconv"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// keepLate lets the columns that late rows are written with pass to the window
// aggregation; it returns the side over them.
func (w *windowing) keepLate(schema logical.Schema) *logical.Side {
	at := map[int]int{}
	return w.late.Over(func(e expr.Expr) expr.Expr {
		return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			if !ok {
				return e
			}
			i, ok := at[c.Index]
			if !ok {
				i = len(w.pre)
				at[c.Index] = i
				w.pre = append(w.pre, schema.Ref(c.Index))
				w.preCols = append(w.preCols, schema[c.Index])
			}
			return &expr.Column{Index: i, Name: c.Name, Of: c.Of}
		})
	})
}

// onceLate lets late rows be written once where rows are repeated for grouping
// sets: with the first of them.
func (w *windowing) onceLate(late *logical.Side, input logical.Node) *logical.Side {
	if late == nil || w.expand == nil {
		return late
	}
	s := input.Schema()
	c := *late
	first := &expr.Literal{Value: int64(0), Of: datatype.Of(datatype.BigInt).Arrow()}
	c.Cond = &expr.Call{Func: "eq", Args: []expr.Expr{s.Ref(len(s) - 1), first}, Of: datatype.Of(datatype.Boolean).Arrow()}
	return &c
}

// useLate adds what a side reads.
func (p paths) useLate(s *logical.Side) {
	s.Each(func(e expr.Expr) {
		used := map[int]bool{}
		logical.Columns(e, used)
		for i := range used {
			p[strconv.Itoa(i)] = true
		}
	})
}
