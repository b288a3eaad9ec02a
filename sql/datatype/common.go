package datatype

// Common is the type to which values of a and b both convert without a cast
// in the query: of the branches of CASE, the inputs of UNION, the sides of a
// comparison. It is nullable when either is. ok is false when there is none.
//
//	integers            the wider one
//	integer, DECIMAL    DECIMAL with room for both; integers count as DECIMAL(3|5|10|19, 0)
//	DECIMAL, FLOAT      DOUBLE
//	strings             VARCHAR of the greater length, CHAR only for equal lengths
//	DATE, TIMESTAMP     TIMESTAMP
func Common(a, b Type) (t Type, ok bool) {
	null := a.Nullable() || b.Nullable()
	switch {
	case a.Kind == Null:
		return b.WithNull(true), true
	case b.Kind == Null:
		return a.WithNull(true), true
	case a.Same(b):
		return a.WithNull(null), true
	case a.IsNumeric() && b.IsNumeric():
		return commonNumeric(a, b).WithNull(null), true
	case a.IsString() && b.IsString():
		return Type{Kind: VarChar, Length: max(a.Length, b.Length)}.WithNull(null), true
	case a.IsBinary() && b.IsBinary():
		return Type{Kind: VarBinary, Length: max(a.Length, b.Length)}.WithNull(null), true
	case a.Kind == b.Kind && a.IsTemporal():
		return Type{Kind: a.Kind, Precision: max(a.Precision, b.Precision)}.WithNull(null), true
	case a.Kind == b.Kind && a.IsInterval():
		return a.WithNull(null), true
	}
	if a.IsNested() && a.Kind == b.Kind {
		t, ok = commonNested(a, b)
		return t.WithNull(null), ok
	}
	t, ok = commonDateTime(a, b)
	return t.WithNull(null), ok
}

func commonNumeric(a, b Type) Type {
	switch {
	case a.IsInteger() && b.IsInteger():
		return Of(max(a.Kind, b.Kind))
	case a.Kind == Double || b.Kind == Double:
		return Of(Double)
	case a.Kind == Float || b.Kind == Float:
		if a.Kind == Decimal || b.Kind == Decimal {
			return Of(Double)
		}
		return Of(Float)
	}
	a, b = AsDecimal(a), AsDecimal(b)
	scale := max(a.Scale, b.Scale)
	return bounded(max(a.Precision-a.Scale, b.Precision-b.Scale)+scale, scale)
}

func commonDateTime(a, b Type) (Type, bool) {
	if a.Kind > b.Kind {
		a, b = b, a
	}
	switch {
	case a.Kind == Date && b.IsTimestamp(), a.Kind == Timestamp && b.Kind == TimestampLTZ:
		return Type{Kind: b.Kind, Precision: max(a.Precision, b.Precision)}, true
	}
	return Type{}, false
}

func commonNested(a, b Type) (Type, bool) {
	out := Type{Kind: a.Kind}
	if a.Elem != nil {
		e, ok := Common(*a.Elem, *b.Elem)
		if !ok {
			return out, false
		}
		out.Elem = &e
	}
	if a.Key != nil {
		k, ok := Common(*a.Key, *b.Key)
		if !ok {
			return out, false
		}
		out.Key = &k
	}
	if len(a.Fields) != len(b.Fields) {
		return out, false
	}
	for i, f := range a.Fields {
		t, ok := Common(f.Type, b.Fields[i].Type)
		if !ok {
			return out, false
		}
		out.Fields = append(out.Fields, Field{Name: f.Name, Type: t})
	}
	return out, true
}

// Comparable gives the type in which a and b are compared with = or <. Besides
// Common it lets strings be read as dates and times, and as booleans. A string
// and a number are not compared, as in Flink: it would be guesswork how.
func Comparable(a, b Type) (Type, bool) {
	if t, ok := Common(a, b); ok {
		return t, true
	}
	null := a.Nullable() || b.Nullable()
	switch {
	case a.IsString() && (b.IsTemporal() || b.Kind == Boolean):
		return b.WithNull(null), true
	case b.IsString() && (a.IsTemporal() || a.Kind == Boolean):
		return a.WithNull(null), true
	}
	return Type{}, false
}

// Assignable reports whether values of type from may be written into a column
// of type to with an implicit cast, as INSERT INTO and arguments of functions
// allow: within a family, into a wider number, and into text of any length.
func Assignable(from, to Type) bool {
	switch {
	case from.Kind == Null || from.Same(to):
		return true
	case from.IsNumeric() && to.IsNumeric(), from.IsString() && to.IsString(), from.IsBinary() && to.IsBinary():
		return true
	case from.Kind == Date && to.IsTimestamp(), from.IsTimestamp() && to.IsTimestamp(), from.IsTimestamp() && to.Kind == Date:
		return true
	case from.Kind == Time && to.Kind == Time, from.Kind == to.Kind && from.IsInterval():
		return true
	}
	return from.Kind == to.Kind && from.IsNested() && assignableNested(from, to)
}

func assignableNested(from, to Type) bool {
	if from.Elem != nil && !Assignable(*from.Elem, *to.Elem) || from.Key != nil && !Assignable(*from.Key, *to.Key) ||
		len(from.Fields) != len(to.Fields) {
		return false
	}
	for i, f := range from.Fields {
		if !Assignable(f.Type, to.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Castable reports whether CAST(from AS to) exists.
func Castable(from, to Type) bool {
	if Assignable(from, to) || to.IsString() {
		return true
	}
	switch {
	case from.Kind == Variant:
		return to.IsNumeric() || to.Kind == Boolean || to.Kind == Date || to.IsTimestamp()
	case to.Kind == Variant:
		return false
	case from.IsString():
		return !to.IsInterval() && !to.IsNested()
	case from.IsNumeric() && to.Kind == Boolean, from.Kind == Boolean && to.IsNumeric():
		return true
	case from.IsBinary():
		return to.IsString()
	case from.IsTemporal() && to.IsTemporal():
		return (from.Kind != Time || to.Kind != Date) && (from.Kind != Date || to.Kind != Time)
	case from.IsInterval() && to.IsInteger(), from.IsInteger() && to.IsInterval():
		return true
	case from.Kind == to.Kind && from.Kind == Row:
		return castableFields(from.Fields, to.Fields)
	case from.Kind == to.Kind && from.IsNested():
		return Castable(*from.Elem, *to.Elem) && (from.Key == nil || Castable(*from.Key, *to.Key))
	}
	return false
}

func castableFields(from, to []Field) bool {
	if len(from) != len(to) {
		return false
	}
	for i, f := range from {
		if !Castable(f.Type, to[i].Type) {
			return false
		}
	}
	return true
}
