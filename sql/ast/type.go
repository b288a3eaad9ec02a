package ast

// TypeKind is the root of a data type.
type TypeKind uint8

// The types of the dialect.
const (
	BooleanType TypeKind = iota + 1
	TinyIntType
	SmallIntType
	IntType
	BigIntType
	FloatType
	DoubleType
	DecimalType      // Precision, Scale; DEC and NUMERIC are the same
	CharType         // Length
	VarcharType      // Length
	StringType       // VARCHAR(2147483647)
	BinaryType       // Length
	VarbinaryType    // Length
	BytesType        // VARBINARY(2147483647)
	DateType         //
	TimeType         // Precision
	TimestampType    // Precision
	TimestampLTZType // Precision; WITH LOCAL TIME ZONE
	TimestampTZType  // Precision; WITH TIME ZONE
	IntervalType     // Interval
	ArrayType        // Elem
	MultisetType     // Elem
	MapType          // Key, Elem
	RowType          // Fields
	StructuredType   // Class, Fields; STRUCTURED<'class', name type, …>
	RawType          // Class, Snapshot; RAW('class', 'snapshot')
	NullType
	VariantType
	BitmapType
	DescriptorType
	NamedType // Name: a type of the catalog
)

var typeKinds = [...]string{
	BooleanType: "BOOLEAN", TinyIntType: "TINYINT", SmallIntType: "SMALLINT", IntType: "INT", BigIntType: "BIGINT",
	FloatType: "FLOAT", DoubleType: "DOUBLE", DecimalType: "DECIMAL", CharType: "CHAR", VarcharType: "VARCHAR",
	StringType: "STRING", BinaryType: "BINARY", VarbinaryType: "VARBINARY", BytesType: "BYTES", DateType: "DATE",
	TimeType: "TIME", TimestampType: "TIMESTAMP", TimestampLTZType: "TIMESTAMP_LTZ", TimestampTZType: "TIMESTAMP WITH TIME ZONE",
	IntervalType: "INTERVAL", ArrayType: "ARRAY", MultisetType: "MULTISET", MapType: "MAP", RowType: "ROW",
	StructuredType: "STRUCTURED", RawType: "RAW", NullType: "NULL", VariantType: "VARIANT", BitmapType: "BITMAP",
	DescriptorType: "DESCRIPTOR", NamedType: "named type",
}

// String is the keyword of the type.
func (k TypeKind) String() string { return typeKinds[k] }

// Nullability is NULL, NOT NULL, or neither.
type Nullability uint8

// The nullabilities of a type. An unstated one means nullable, except where the
// place says otherwise (the columns of a primary key).
const (
	NullabilityUnset Nullability = iota
	NullableType
	NotNullType
)

// Unstated is the value of a length, precision or scale that was not written.
const Unstated = -1

// DataType is a type as written. Fields that its kind does not use are zero;
// Length, Precision and Scale are Unstated in every other case that was not written.
type DataType struct {
	Pos
	Kind TypeKind
	Null Nullability

	Length    int
	Precision int
	Scale     int

	Elem   *DataType
	Key    *DataType
	Fields []TypeField

	Interval IntervalUnit
	Name     Name
	Class    string
	Snapshot string
}

// TypeField is a field of a row.
type TypeField struct {
	Ident
	Type    *DataType
	Comment *Text // nil if not given
}

// NewType makes a type without parameters.
func NewType(kind TypeKind) *DataType {
	return &DataType{Kind: kind, Length: Unstated, Precision: Unstated, Scale: Unstated}
}
