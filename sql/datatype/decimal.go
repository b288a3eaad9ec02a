package datatype

// The precision and scale of results, by Flink's rules (which are those of
// SQL Server and Hive): when the exact result needs more than 38 digits,
// digits of the fraction are given up first, but not below 6 of them.

// AsDecimal is the DECIMAL that holds every value of an integer type; a
// DECIMAL is itself.
func AsDecimal(t Type) Type {
	switch t.Kind {
	case TinyInt:
		return DecimalOf(3, 0)
	case SmallInt:
		return DecimalOf(5, 0)
	case Int:
		return DecimalOf(10, 0)
	case BigInt:
		return DecimalOf(19, 0)
	default:
		return t
	}
}

// Arithmetic is the type of a op b, where op is one of + - * / %, for numeric
// types. It is nullable when either is.
func Arithmetic(op byte, a, b Type) Type {
	null := a.Nullable() || b.Nullable()
	if a.Kind != Decimal && b.Kind != Decimal || a.IsApprox() || b.IsApprox() {
		return commonNumeric(a, b).WithNull(null)
	}
	return decimalArithmetic(op, AsDecimal(a), AsDecimal(b)).WithNull(null)
}

func decimalArithmetic(op byte, a, b Type) Type {
	p1, s1, p2, s2 := a.Precision, a.Scale, b.Precision, b.Scale
	switch op {
	case '*':
		return adjusted(p1+p2+1, s1+s2)
	case '/':
		scale := max(6, s1+p2+1)
		return adjusted(p1-s1+s2+scale, scale)
	case '%':
		scale := max(s1, s2)
		return adjusted(min(p1-s1, p2-s2)+scale, scale)
	default:
		scale := max(s1, s2)
		return adjusted(max(p1-s1, p2-s2)+scale+1, scale)
	}
}

// adjusted fits a result into 38 digits.
func adjusted(precision, scale int) Type {
	if precision <= MaxDecimalPrecision {
		return DecimalOf(precision, scale)
	}
	whole := precision - scale
	return DecimalOf(MaxDecimalPrecision, max(MaxDecimalPrecision-whole, min(scale, 6)))
}

// bounded cuts the precision at 38 and keeps the scale.
func bounded(precision, scale int) Type {
	return DecimalOf(min(precision, MaxDecimalPrecision), min(scale, MaxDecimalPrecision))
}

// Sum is the type of SUM over values of type t: integers and floats keep
// theirs, DECIMAL gets all 38 digits.
func Sum(t Type) Type {
	if t.Kind == Decimal {
		return DecimalOf(MaxDecimalPrecision, t.Scale)
	}
	return t.WithNull(true)
}

// Avg is the type of AVG over values of type t: integers stay integers.
func Avg(t Type) Type {
	if t.Kind == Decimal {
		return decimalArithmetic('/', DecimalOf(MaxDecimalPrecision, t.Scale), DecimalOf(20, 0))
	}
	return t.WithNull(true)
}

// Round is the type of ROUND(x, digits) over a DECIMAL x.
func Round(t Type, digits int) Type {
	p, s := t.Precision, t.Scale
	switch {
	case digits >= s:
		return t
	case digits < 0:
		return DecimalOf(min(MaxDecimalPrecision, 1+p-s), 0).WithNull(t.Nullable())
	}
	return DecimalOf(1+p-s+digits, digits).WithNull(t.Nullable())
}
