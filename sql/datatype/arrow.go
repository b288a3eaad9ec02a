package datatype

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// MetadataKey is the key of an Arrow field's metadata that holds Flink's type
// text where the Arrow type says less.
const MetadataKey = "wadi.type"

// Arrow is the type that values of t have inside the engine: strings and bytes
// as views.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case Null:
		return arrow.Null
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case TinyInt:
		return arrow.PrimitiveTypes.Int8
	case SmallInt:
		return arrow.PrimitiveTypes.Int16
	case Int:
		return arrow.PrimitiveTypes.Int32
	case BigInt:
		return arrow.PrimitiveTypes.Int64
	case Float:
		return arrow.PrimitiveTypes.Float32
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case Char, VarChar, Variant:
		return arrow.BinaryTypes.StringView
	case Binary, VarBinary:
		return arrow.BinaryTypes.BinaryView
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Time:
		return arrow.FixedWidthTypes.Time32ms
	case Timestamp:
		return &arrow.TimestampType{Unit: timestampUnit(t.Precision)}
	case TimestampLTZ:
		return &arrow.TimestampType{Unit: timestampUnit(t.Precision), TimeZone: "UTC"}
	case IntervalMonths:
		return arrow.FixedWidthTypes.MonthInterval
	case IntervalMillis:
		return arrow.FixedWidthTypes.Duration_ms
	default:
		return t.nestedArrow()
	}
}

func (t Type) nestedArrow() arrow.DataType {
	switch t.Kind {
	case Array:
		return arrow.ListOfField(ArrowField("item", *t.Elem))
	case Map:
		return arrow.MapOfFields(ArrowField("key", t.Key.WithNull(false)), ArrowField("value", *t.Elem))
	case Multiset:
		return arrow.MapOfFields(ArrowField("key", t.Elem.WithNull(false)), ArrowField("value", Of(Int).WithNull(false)))
	default:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = ArrowField(f.Name, f.Type)
		}
		return arrow.StructOf(fields...)
	}
}

// timestampUnit is ms for precisions to 3, us to 6, ns to 9.
func timestampUnit(precision int) arrow.TimeUnit {
	switch {
	case precision <= 3:
		return arrow.Millisecond
	case precision <= 6:
		return arrow.Microsecond
	}
	return arrow.Nanosecond
}

// Exact reports whether the Arrow type says all about t. Of nested types the
// fields say it.
func (t Type) Exact() bool { return t.IsNested() || fromArrow(t.Arrow()).Same(t.WithNull(true)) }

// ArrowField is a column of type t, with the metadata that FromField needs.
func ArrowField(name string, t Type) arrow.Field {
	f := arrow.Field{Name: name, Type: t.Arrow(), Nullable: t.Nullable()}
	if !t.Exact() || t.Kind == Multiset {
		f.Metadata = arrow.NewMetadata([]string{MetadataKey}, []string{t.Text()})
	}
	return f
}

// FromField is the logical type of an Arrow column: what its metadata says, or
// the widest Flink type that the Arrow type stands for. Types of other engines
// (unsigned integers, dictionaries, …) map to the Flink type that holds every
// value; ok is false when there is none.
func FromField(f arrow.Field) (t Type, ok bool) {
	if text, found := f.Metadata.GetValue(MetadataKey); found {
		if t, err := Parse(text); err == nil {
			return t.WithNull(f.Nullable), true
		}
	}
	t, ok = fromForeign(f.Type)
	return t.WithNull(f.Nullable), ok
}

func fromForeign(dt arrow.DataType) (Type, bool) {
	switch d := dt.(type) {
	case *arrow.Uint8Type:
		return Of(SmallInt), true
	case *arrow.Uint16Type:
		return Of(Int), true
	case *arrow.Uint32Type:
		return Of(BigInt), true
	case *arrow.Uint64Type:
		return DecimalOf(20, 0), true
	case *arrow.Float16Type:
		return Of(Float), true
	case *arrow.Date64Type:
		return Of(Date), true
	case *arrow.Time64Type, *arrow.Time32Type:
		return Type{Kind: Time, Precision: 3}, true
	case *arrow.DictionaryType:
		return fromForeign(d.ValueType)
	case *arrow.FixedSizeBinaryType:
		return Type{Kind: Binary, Length: d.ByteWidth}, true
	case *arrow.Decimal32Type:
		return DecimalOf(int(d.Precision), int(d.Scale)), true
	case *arrow.Decimal64Type:
		return DecimalOf(int(d.Precision), int(d.Scale)), true
	case *arrow.LargeListType:
		return elemOf(d.ElemField())
	case *arrow.FixedSizeListType:
		return elemOf(d.ElemField())
	}
	t := fromArrow(dt)
	return t, t.Kind != Null || dt.ID() == arrow.NULL
}

func elemOf(f arrow.Field) (Type, bool) {
	t, ok := FromField(f)
	return ArrayOf(t), ok
}

// fromArrow is the inverse of Type.Arrow as far as Arrow's type tells; the
// zero Type when it is none of ours.
func fromArrow(dt arrow.DataType) Type {
	switch d := dt.(type) {
	case *arrow.BooleanType:
		return Of(Boolean)
	case *arrow.Int8Type:
		return Of(TinyInt)
	case *arrow.Int16Type:
		return Of(SmallInt)
	case *arrow.Int32Type:
		return Of(Int)
	case *arrow.Int64Type:
		return Of(BigInt)
	case *arrow.Float32Type:
		return Of(Float)
	case *arrow.Float64Type:
		return Of(Double)
	case *arrow.Decimal128Type:
		return DecimalOf(int(d.Precision), int(d.Scale))
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return String
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return Bytes
	case *arrow.Date32Type:
		return Of(Date)
	case *arrow.Time32Type:
		return Type{Kind: Time, Precision: 3}
	case *arrow.TimestampType:
		return timestampOf(d)
	case *arrow.MonthIntervalType:
		return Of(IntervalMonths)
	case *arrow.DurationType:
		return Of(IntervalMillis)
	}
	return fromNested(dt)
}

func timestampOf(d *arrow.TimestampType) Type {
	t := Type{Kind: Timestamp, Precision: map[arrow.TimeUnit]int{
		arrow.Second: 0, arrow.Millisecond: 3, arrow.Microsecond: 6, arrow.Nanosecond: 9,
	}[d.Unit]}
	if d.TimeZone != "" {
		t.Kind = TimestampLTZ
	}
	return t
}

func fromNested(dt arrow.DataType) Type {
	switch d := dt.(type) {
	case *arrow.ListType:
		if t, ok := elemOf(d.ElemField()); ok {
			return t
		}
	case *arrow.MapType:
		k, ok1 := FromField(d.KeyField())
		v, ok2 := FromField(d.ItemField())
		if ok1 && ok2 {
			return MapOf(k.WithNull(true), v)
		}
	case *arrow.StructType:
		t := RowOf()
		for _, f := range d.Fields() {
			ft, ok := FromField(f)
			if !ok {
				return Type{}
			}
			t.Fields = append(t.Fields, Field{Name: f.Name, Type: ft})
		}
		return t
	}
	return Type{}
}
