package bind

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// convert casts v implicitly to type to: it adds nothing where the values
// already have the right form, and gives a NULL or a numeric constant the type
// directly.
func convert(v Value, to datatype.Type) Value {
	to = to.WithNull(v.Type.Nullable())
	out := Value{Type: to, Name: v.Name}
	if v.Type.Same(to) {
		return v
	}
	have, want := v.Type.Arrow(), to.Arrow()
	if l, ok := v.Expr.(*expr.Literal); ok {
		if l.Value == nil {
			return null(to)
		}
		if n, is := l.Value.(int64); is && v.Type.IsInteger() {
			if c, ok := integerAs(n, to); ok {
				return Value{Expr: &expr.Literal{Value: c, Of: want}, Type: to}
			}
		}
	}
	if arrow.TypeEqual(have, want) {
		out.Expr, out.Time = v.Expr, v.Time
		return out
	}
	out.Expr = &expr.Call{Func: "cast", Args: []expr.Expr{v.Expr}, Of: want}
	return out
}

// integerAs is an integer constant in another numeric type.
func integerAs(n int64, to datatype.Type) (any, bool) {
	switch {
	case to.Kind == datatype.BigInt, to.Kind == datatype.Int && int64(int32(n)) == n,
		to.Kind == datatype.SmallInt && int64(int16(n)) == n, to.Kind == datatype.TinyInt && int64(int8(n)) == n:
		return n, true
	case to.Kind == datatype.Double:
		return float64(n), int64(float64(n)) == n
	}
	return nil, false
}

// explicit is CAST(v AS to), where CHAR(n) and VARCHAR(n) cut and pad.
func explicit(v Value, to datatype.Type, try bool) Value {
	null := v.Type.Nullable() || try
	to = to.WithNull(null)
	fn := "cast"
	if try {
		fn = "try_cast"
	}
	out := Value{Type: to, Expr: v.Expr}
	if l, ok := v.Expr.(*expr.Literal); ok && l.Value == nil {
		return Value{Expr: &expr.Literal{Of: to.Arrow()}, Type: to.WithNull(true)}
	}
	if !arrow.TypeEqual(v.Type.Arrow(), to.Arrow()) {
		out.Expr = &expr.Call{Func: fn, Args: []expr.Expr{v.Expr}, Of: to.Arrow()}
	}
	if !to.IsString() || to.Length == datatype.MaxLength || v.Type.IsString() && v.Type.Length <= to.Length && (to.Kind == datatype.VarChar || v.Type.Same(to.WithNull(v.Type.Nullable()))) {
		return out
	}
	length := integer(int64(to.Length)).Expr
	out.Expr = &expr.Call{Func: "left", Args: []expr.Expr{out.Expr, length}, Of: to.Arrow()}
	if to.Kind == datatype.Char {
		out.Expr = &expr.Call{Func: "rpad", Args: []expr.Expr{out.Expr, length, text(" ").Expr}, Of: to.Arrow()}
	}
	return out
}
