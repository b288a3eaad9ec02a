package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// ordered are the aggregate functions whose result depends on the order of
// their values.
var ordered = map[string]bool{"array_agg": true, "listagg": true, "first_value": true, "last_value": true}

// valuesOrderOf is the order that a call of an aggregate function gives to its
// values: F(x ORDER BY y) or F(x) WITHIN GROUP (ORDER BY y).
func valuesOrderOf(c *ast.Call) []ast.OrderItem {
	if len(c.Within) > 0 {
		return c.Within
	}
	return c.OrderBy
}

// valuesOrder binds that order; vs are the arguments of the function.
func (x *exprs) valuesOrder(c *ast.Call, name string, call *logical.AggCall, vs []Value, column func(Value) int) error {
	items := valuesOrderOf(c)
	switch {
	case len(items) == 0:
		return nil
	case len(c.OrderBy) > 0 && len(c.Within) > 0:
		return diag.At(items[0].Expr.Position(), "%s has an ORDER BY both inside its parentheses and WITHIN GROUP", name)
	case name == "PERCENTILE" || name == "PERCENTILE_CONT" || name == "PERCENTILE_DISC":
		return diag.At(c.Pos, "the percentile of x is PERCENTILE(x, percentage), without ORDER BY")
	case !ordered[call.Func]:
		return diag.At(c.Pos, "%s does not depend on the order of its values; ORDER BY is for ARRAY_AGG, LISTAGG, FIRST_VALUE, LAST_VALUE and JSON_ARRAYAGG", name)
	}
	return x.orderKeys(items, name, call, vs[0], column)
}

// orderKeys binds the keys by which the values of an aggregate are ordered.
// Those that are the value itself need no column of their own.
func (x *exprs) orderKeys(items []ast.OrderItem, name string, call *logical.AggCall, of Value, column func(Value) int) error {
	for _, item := range items {
		v, err := x.bind(item.Expr)
		if err != nil {
			return err
		}
		if v.Type.IsNested() {
			return diag.At(item.Expr.Position(), "ORDER BY takes no values of type %s", v.Type.Text())
		}
		at := 0
		if logical.Key(v.Expr) != logical.Key(of.Expr) {
			if call.Distinct {
				return diag.At(item.Expr.Position(), "%s(DISTINCT …) can only be ordered by its value: equal values may have several of another expression", name)
			}
			at = len(call.Args)
			call.Args = append(call.Args, column(v))
		}
		call.Order = append(call.Order, sortKey(item, at))
	}
	return nil
}
