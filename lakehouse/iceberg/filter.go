package iceberg

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/vector/expr"
)

// planFilter is the part of a filter by which files can be left out: partitions
// and bounds of top-level columns. What it does not understand is true.
func planFilter(e expr.Expr, columns []projected) ice.BooleanExpression {
	c, ok := e.(*expr.Call)
	if !ok {
		return ice.AlwaysTrue{}
	}
	switch c.Func {
	case "and", "or":
		if len(c.Args) == 0 {
			return ice.AlwaysTrue{}
		}
		out := planFilter(c.Args[0], columns)
		for _, a := range c.Args[1:] {
			if c.Func == "and" {
				out = ice.NewAnd(out, planFilter(a, columns))
			} else {
				out = ice.NewOr(out, planFilter(a, columns))
			}
		}
		return out
	case "is_null", "is_not_null":
		if f, ok := planColumn(c.Args[0], columns); ok {
			if c.Func == "is_null" {
				return ice.IsNull(ice.Reference(f.Name))
			}
			return ice.NotNull(ice.Reference(f.Name))
		}
	case "in":
		out := ice.BooleanExpression(ice.AlwaysFalse{})
		for _, a := range c.Args[1:] {
			out = ice.NewOr(out, planComparison("eq", c.Args[0], a, columns))
		}
		return out
	case "eq", "lt", "le", "gt", "ge":
		if len(c.Args) == 2 {
			return planComparison(c.Func, c.Args[0], c.Args[1], columns)
		}
	}
	return ice.AlwaysTrue{}
}

// planColumn is the top-level column that e is, if its values in the engine
// compare like those of the table.
func planColumn(e expr.Expr, columns []projected) (ice.NestedField, bool) {
	c, ok := e.(*expr.Column)
	if !ok || c.Index < 0 || c.Index >= len(columns) || len(columns[c.Index].path) != 1 ||
		!arrow.TypeEqual(c.Of, columns[c.Index].engine.Type) {
		return ice.NestedField{}, false
	}
	return columns[c.Index].field(), true
}

var turned = map[string]string{"eq": "eq", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

func planComparison(op string, a, b expr.Expr, columns []projected) ice.BooleanExpression {
	if _, isLiteral := a.(*expr.Literal); isLiteral {
		a, b, op = b, a, turned[op]
	}
	f, ok := planColumn(a, columns)
	lit, is := b.(*expr.Literal)
	if !ok || !is || lit.Value == nil {
		return ice.AlwaysTrue{}
	}
	value, ok := planLiteral(lit, f.Type)
	if !ok {
		return ice.AlwaysTrue{}
	}
	ops := map[string]ice.Operation{"eq": ice.OpEQ, "lt": ice.OpLT, "le": ice.OpLTEQ, "gt": ice.OpGT, "ge": ice.OpGTEQ}
	return ice.LiteralPredicate(ops[op], ice.Reference(f.Name), value)
}

// planLiteral is a literal of the engine as one of the table's type. Only types
// whose values are the same on both sides have one.
func planLiteral(l *expr.Literal, t ice.Type) (ice.Literal, bool) {
	switch v := l.Value.(type) {
	case bool:
		return ice.NewLiteral(v), t.Equals(ice.PrimitiveTypes.Bool)
	case int64:
		switch t := t.(type) {
		case ice.Int32Type:
			return ice.NewLiteral(int32(v)), int64(int32(v)) == v && intType(l.Of)
		case ice.Int64Type:
			return ice.NewLiteral(v), intType(l.Of)
		case ice.DateType:
			return ice.NewLiteral(ice.Date(v)), l.Of.ID() == arrow.DATE32
		case ice.TimestampType, ice.TimestampTzType:
			ts, ok := l.Of.(*arrow.TimestampType)
			return ice.NewLiteral(ice.Timestamp(v)), ok && ts.Unit == arrow.Microsecond && (ts.TimeZone != "") == t.Equals(ice.PrimitiveTypes.TimestampTz)
		}
	case float64:
		switch t.(type) {
		case ice.Float64Type:
			return ice.NewLiteral(v), v == v
		}
	case string:
		return ice.NewLiteral(v), t.Equals(ice.PrimitiveTypes.String)
	case decimal128.Num:
		have, ok := l.Of.(*arrow.Decimal128Type)
		want, is := t.(ice.DecimalType)
		if ok && is && int(have.Scale) == want.Scale() {
			return ice.NewLiteral(ice.Decimal{Val: v, Scale: want.Scale()}), true
		}
	}
	return nil, false
}

func intType(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		return true
	}
	return false
}
