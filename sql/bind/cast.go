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
	if v.Type.Kind == datatype.Variant && to.Kind != datatype.Variant {
		return explicit(scalarOf(v, to, try), to, try)
	}
	if v.Type.WithNull(null).Same(to) || holds(v.Type, to) {
		return out
	}
	args := []expr.Expr{v.Expr}
	switch {
	case detailed(to) || to.IsString() && detailed(v.Type):
		args = append(args, text(to.WithNull(true).Text()).Expr, text(v.Type.WithNull(true).Text()).Expr)
	case arrow.TypeEqual(v.Type.Arrow(), to.Arrow()):
		return out
	}
	out.Expr = &expr.Call{Func: fn, Args: args, Of: to.Arrow()}
	return out
}

// holds reports whether every value of type from is one of type to as it is,
// so that a cast would change nothing.
func holds(from, to datatype.Type) bool {
	if !arrow.TypeEqual(from.Arrow(), to.Arrow()) {
		return false
	}
	switch to.Kind {
	case datatype.VarChar, datatype.VarBinary:
		return from.Length <= to.Length
	case datatype.Time, datatype.Timestamp, datatype.TimestampLTZ:
		return from.Kind == to.Kind && from.Precision <= to.Precision
	default:
		return false
	}
}

// detailed reports whether the Arrow type of t says less than t: the kernel of
// a cast then needs the names of the types.
func detailed(t datatype.Type) bool {
	switch t.Kind {
	case datatype.Char, datatype.Binary, datatype.Time, datatype.Timestamp, datatype.TimestampLTZ:
		return true
	case datatype.VarChar, datatype.VarBinary:
		return t.Length != datatype.MaxLength
	case datatype.Array, datatype.Multiset, datatype.Map, datatype.Row:
		return true
	default:
		return false
	}
}

// scalarOf is the text of the scalar in a VARIANT that is cast to a type.
func scalarOf(v Value, to datatype.Type, try bool) Value {
	kind, fn := "s", "variant_text"
	switch {
	case to.IsNumeric():
		kind = "n"
	case to.Kind == datatype.Boolean:
		kind = "b"
	case to.IsString():
		kind = "x"
	}
	if try {
		fn = "try_variant_text"
	}
	out := apply(fn, datatype.String, v, text(kind))
	out.Type.NotNull = false
	return out
}
