// Package datatype holds the logical types of Flink SQL and how they stand in
// Arrow: the type of every column and expression while a query is planned.
//
// Arrow's types say less than Flink's in places (CHAR(n), TIMESTAMP(2), …).
// Field writes what is missing as Flink's type text into the field's metadata,
// under MetadataKey, and FromField reads it back; the engine ignores it.
package datatype

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is the root of a type, without its parameters and nullability.
type Kind uint8

// The kinds of types. Null is the type of the literal NULL before a context
// gives it another.
const (
	Null Kind = iota
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	Char
	VarChar
	Binary
	VarBinary
	Date
	Time
	Timestamp
	TimestampLTZ
	IntervalMonths // INTERVAL YEAR TO MONTH
	IntervalMillis // INTERVAL DAY TO SECOND
	Variant        // what a JSON text holds
	Array
	Map
	Multiset
	Row
)

var kindNames = [...]string{
	Null: "NULL", Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Int: "INT", BigInt: "BIGINT",
	Float: "FLOAT", Double: "DOUBLE", Decimal: "DECIMAL", Char: "CHAR", VarChar: "VARCHAR", Binary: "BINARY",
	VarBinary: "VARBINARY", Date: "DATE", Time: "TIME", Timestamp: "TIMESTAMP", TimestampLTZ: "TIMESTAMP_LTZ",
	IntervalMonths: "INTERVAL YEAR TO MONTH", IntervalMillis: "INTERVAL DAY TO SECOND",
	Variant: "VARIANT", Array: "ARRAY", Map: "MAP", Multiset: "MULTISET", Row: "ROW",
}

// String is the kind's keyword.
func (k Kind) String() string { return kindNames[k] }

// Limits of type parameters, as Flink's.
const (
	MaxLength           = 1<<31 - 1 // of VARCHAR and VARBINARY: STRING and BYTES
	MaxDecimalPrecision = 38
	MaxTimePrecision    = 9
	defaultTimestamp    = 6
)

// Type is a logical type. The zero Type is the nullable type of NULL.
type Type struct {
	Kind    Kind
	NotNull bool
	// Precision is of DECIMAL (digits) and of TIME, TIMESTAMP and
	// TIMESTAMP_LTZ (digits of the second's fraction).
	Precision int
	Scale     int // of DECIMAL
	Length    int // of CHAR, VARCHAR, BINARY, VARBINARY
	// Elem is the element of ARRAY and MULTISET and the value of MAP.
	Elem   *Type
	Key    *Type   // of MAP
	Fields []Field // of ROW
}

// Field is one field of a ROW.
type Field struct {
	Name    string
	Type    Type
	Comment string
}

// Of returns the nullable type of a kind without parameters.
func Of(k Kind) Type { return Type{Kind: k} }

// String types.
var (
	String = Type{Kind: VarChar, Length: MaxLength}
	Bytes  = Type{Kind: VarBinary, Length: MaxLength}
)

// DecimalOf returns DECIMAL(precision, scale).
func DecimalOf(precision, scale int) Type {
	return Type{Kind: Decimal, Precision: precision, Scale: scale}
}

// TimestampOf returns TIMESTAMP(precision).
func TimestampOf(precision int) Type { return Type{Kind: Timestamp, Precision: precision} }

// TimestampLTZOf returns TIMESTAMP_LTZ(precision).
func TimestampLTZOf(precision int) Type { return Type{Kind: TimestampLTZ, Precision: precision} }

// CharOf returns CHAR(length).
func CharOf(length int) Type { return Type{Kind: Char, Length: length} }

// ArrayOf returns ARRAY<elem>.
func ArrayOf(elem Type) Type { return Type{Kind: Array, Elem: &elem} }

// MapOf returns MAP<key, value>.
func MapOf(key, value Type) Type { return Type{Kind: Map, Key: &key, Elem: &value} }

// MultisetOf returns MULTISET<elem>.
func MultisetOf(elem Type) Type { return Type{Kind: Multiset, Elem: &elem} }

// RowOf returns ROW<fields>.
func RowOf(fields ...Field) Type { return Type{Kind: Row, Fields: fields} }

// WithNull returns t with the given nullability.
func (t Type) WithNull(nullable bool) Type {
	t.NotNull = !nullable
	return t
}

// Nullable reports whether values of t may be NULL.
func (t Type) Nullable() bool { return !t.NotNull }

// Families of kinds.

// IsInteger reports TINYINT to BIGINT.
func (t Type) IsInteger() bool { return t.Kind >= TinyInt && t.Kind <= BigInt }

// IsApprox reports FLOAT and DOUBLE.
func (t Type) IsApprox() bool { return t.Kind == Float || t.Kind == Double }

// IsNumeric reports integers, FLOAT, DOUBLE and DECIMAL.
func (t Type) IsNumeric() bool { return t.Kind >= TinyInt && t.Kind <= Decimal }

// IsString reports CHAR and VARCHAR.
func (t Type) IsString() bool { return t.Kind == Char || t.Kind == VarChar }

// IsBinary reports BINARY and VARBINARY.
func (t Type) IsBinary() bool { return t.Kind == Binary || t.Kind == VarBinary }

// IsTimestamp reports TIMESTAMP and TIMESTAMP_LTZ.
func (t Type) IsTimestamp() bool { return t.Kind == Timestamp || t.Kind == TimestampLTZ }

// IsTemporal reports DATE, TIME and the timestamps.
func (t Type) IsTemporal() bool { return t.Kind >= Date && t.Kind <= TimestampLTZ }

// IsInterval reports the two intervals.
func (t Type) IsInterval() bool { return t.Kind == IntervalMonths || t.Kind == IntervalMillis }

// IsNested reports the kinds that contain other types.
func (t Type) IsNested() bool { return t.Kind >= Array }

// Equal reports whether t and o are the same type, nullability included.
func (t Type) Equal(o Type) bool { return t.NotNull == o.NotNull && t.Same(o) }

// Same is Equal without the outermost nullability and without field comments.
func (t Type) Same(o Type) bool {
	return t.Kind == o.Kind && t.Precision == o.Precision && t.Scale == o.Scale && t.Length == o.Length &&
		samePtr(t.Elem, o.Elem) && samePtr(t.Key, o.Key) &&
		slices.EqualFunc(t.Fields, o.Fields, func(a, b Field) bool { return a.Name == b.Name && a.Type.Equal(b.Type) })
}

func samePtr(a, b *Type) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// String is Flink's text of the type, with NOT NULL where it applies.
func (t Type) String() string {
	if t.NotNull {
		return t.Text() + " NOT NULL"
	}
	return t.Text()
}

// Text is String without the outermost nullability.
func (t Type) Text() string {
	switch t.Kind {
	case Decimal:
		return "DECIMAL(" + strconv.Itoa(t.Precision) + ", " + strconv.Itoa(t.Scale) + ")"
	case Char, Binary:
		return t.Kind.String() + "(" + strconv.Itoa(t.Length) + ")"
	case VarChar, VarBinary:
		return varyingText(t)
	case Time, Timestamp, TimestampLTZ:
		return t.Kind.String() + "(" + strconv.Itoa(t.Precision) + ")"
	case Array, Multiset:
		return t.Kind.String() + "<" + t.Elem.String() + ">"
	case Map:
		return "MAP<" + t.Key.String() + ", " + t.Elem.String() + ">"
	case Row:
		return rowText(t.Fields)
	case IntervalMillis:
		return "INTERVAL DAY TO SECOND(3)"
	default:
		return t.Kind.String()
	}
}

func varyingText(t Type) string {
	if t.Length < MaxLength {
		return t.Kind.String() + "(" + strconv.Itoa(t.Length) + ")"
	}
	if t.Kind == VarChar {
		return "STRING"
	}
	return "BYTES"
}

func rowText(fields []Field) string {
	var b strings.Builder
	b.WriteString("ROW<")
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(QuoteName(f.Name) + " " + f.Type.String())
		if f.Comment != "" {
			b.WriteString(" '" + strings.ReplaceAll(f.Comment, "'", "''") + "'")
		}
	}
	b.WriteString(">")
	return b.String()
}

// QuoteName writes an identifier in backticks.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
