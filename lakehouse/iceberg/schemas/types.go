package schemas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// typeKey is the metadata key of a field under which Flink's type stands where
// Arrow's says less.
const typeKey = "wadi.type"

// ToIceberg gives the Iceberg schema for the columns of a new table, with
// Flink's mapping: TINYINT and SMALLINT widen to int, CHAR and VARCHAR become
// string, BINARY(n) fixed(n), TIME and TIMESTAMP have microseconds. Finer
// timestamps need format version 3. Identifier fields are the primary key.
func ToIceberg(s *arrow.Schema, primaryKey []string, version int) (*ice.Schema, error) {
	m := &Mapper{Version: version}
	fields, err := m.fields(s.Fields())
	if err != nil {
		return nil, err
	}
	var keys []int
	for _, name := range primaryKey {
		for i := range fields {
			if fields[i].Name == name {
				fields[i].Required = true
				keys = append(keys, fields[i].ID)
			}
		}
	}
	if len(keys) != len(primaryKey) {
		return nil, fmt.Errorf("%w: primary key (%s) names a column that is not there",
			job.ErrInvalid, strings.Join(primaryKey, ", "))
	}
	return ice.NewSchemaWithIdentifiers(0, keys, fields...), nil
}

// Mapper numbers fields level by level, as Iceberg does.
type Mapper struct {
	Version int
	last    int
}

func (m *Mapper) id() int { m.last++; return m.last }

func (m *Mapper) fields(in []arrow.Field) ([]ice.NestedField, error) {
	out := make([]ice.NestedField, len(in))
	for i, f := range in {
		out[i] = ice.NestedField{ID: m.id(), Name: f.Name, Required: !f.Nullable}
	}
	for i, f := range in {
		t, err := m.FieldType(f)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out[i].Type = t
	}
	return out, nil
}

// FieldType is the Iceberg type for a column, whose parts it numbers.
func (m *Mapper) FieldType(f arrow.Field) (ice.Type, error) {
	flink, _ := f.Metadata.GetValue(typeKey)
	if name, _, _ := strings.Cut(flink, " "); name == "VARIANT" {
		return nil, fmt.Errorf("%w: a VARIANT is read from Iceberg tables and not written; make it a STRING, with JSON_STRING", job.ErrInvalid)
	}
	switch t := f.Type.(type) {
	case *arrow.BooleanType:
		return ice.PrimitiveTypes.Bool, nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type:
		return ice.PrimitiveTypes.Int32, nil
	case *arrow.Int64Type:
		return ice.PrimitiveTypes.Int64, nil
	case *arrow.Float32Type:
		return ice.PrimitiveTypes.Float32, nil
	case *arrow.Float64Type:
		return ice.PrimitiveTypes.Float64, nil
	case *arrow.Decimal128Type:
		return ice.DecimalTypeOf(int(t.Precision), int(t.Scale)), nil
	case *arrow.StringViewType, *arrow.StringType, *arrow.LargeStringType:
		return ice.PrimitiveTypes.String, nil
	case *arrow.BinaryViewType, *arrow.BinaryType, *arrow.LargeBinaryType:
		if n, ok := typeLength(flink, "BINARY"); ok {
			return ice.FixedTypeOf(n), nil
		}
		return ice.PrimitiveTypes.Binary, nil
	case *arrow.FixedSizeBinaryType:
		return ice.FixedTypeOf(t.ByteWidth), nil
	case *arrow.Date32Type:
		return ice.PrimitiveTypes.Date, nil
	case *arrow.Time32Type, *arrow.Time64Type:
		return ice.PrimitiveTypes.Time, nil
	case *arrow.TimestampType:
		return m.timestamp(t)
	case *arrow.ListType:
		elem := ice.ListType{ElementID: m.id(), ElementRequired: !t.ElemField().Nullable}
		var err error
		elem.Element, err = m.FieldType(t.ElemField())
		return &elem, err
	case *arrow.MapType:
		return m.mapType(t)
	case *arrow.StructType:
		fields, err := m.fields(t.Fields())
		return &ice.StructType{FieldList: fields}, err
	}
	name := flink
	if name == "" {
		name = f.Type.String()
	}
	return nil, fmt.Errorf("%w: Iceberg has no type for %s", job.ErrInvalid, name)
}

func (m *Mapper) timestamp(t *arrow.TimestampType) (ice.Type, error) {
	if t.Unit != arrow.Nanosecond {
		if t.TimeZone != "" {
			return ice.PrimitiveTypes.TimestampTz, nil
		}
		return ice.PrimitiveTypes.Timestamp, nil
	}
	if m.Version < 3 {
		return nil, fmt.Errorf("%w: nanoseconds need 'format-version' = '3'; or cast to TIMESTAMP(6)", job.ErrInvalid)
	}
	if t.TimeZone != "" {
		return ice.PrimitiveTypes.TimestampTzNs, nil
	}
	return ice.PrimitiveTypes.TimestampNs, nil
}

func (m *Mapper) mapType(t *arrow.MapType) (ice.Type, error) {
	out := ice.MapType{KeyID: m.id(), ValueID: m.id(), ValueRequired: !t.ItemField().Nullable}
	var err error
	if out.KeyType, err = m.FieldType(t.KeyField()); err != nil {
		return nil, err
	}
	out.ValueType, err = m.FieldType(t.ItemField())
	return &out, err
}

// typeLength reads n from "NAME(n)", with or without NOT NULL behind it.
func typeLength(flink, name string) (int, bool) {
	rest, ok := strings.CutPrefix(flink, name+"(")
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, ")")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n > 0
}

// ToEngine gives the columns of a table as the engine knows them.
func ToEngine(s *ice.Schema) (*arrow.Schema, error) {
	fields, err := engineFields(s.Fields())
	if err != nil {
		return nil, err
	}
	return arrow.NewSchema(fields, nil), nil
}

// engineField is the engine's column for a field of this type.
func engineFields(in []ice.NestedField) ([]arrow.Field, error) {
	out := make([]arrow.Field, len(in))
	for i, f := range in {
		var err error
		if out[i], err = EngineField(f.Name, f.Type, !f.Required); err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	return out, nil
}

// ReadOnly reports whether values of a type, or of one in it, are read and not
// written: a variant is the text of its JSON, geometries and geographies are
// their well-known binary, and what is unknown is NULL.
func ReadOnly(t ice.Type) bool {
	switch t := t.(type) {
	case ice.VariantType, ice.GeometryType, ice.GeographyType, ice.UnknownType:
		return true
	case *ice.ListType:
		return ReadOnly(t.Element)
	case *ice.MapType:
		return ReadOnly(t.KeyType) || ReadOnly(t.ValueType)
	case *ice.StructType:
		return slices.ContainsFunc(t.FieldList, func(f ice.NestedField) bool { return ReadOnly(f.Type) })
	}
	return false
}

// EngineField is the engine's column for a field of this type.
func EngineField(name string, t ice.Type, nullable bool) (arrow.Field, error) {
	f := arrow.Field{Name: name, Nullable: nullable}
	flink := ""
	switch t := t.(type) {
	case ice.BooleanType:
		f.Type = arrow.FixedWidthTypes.Boolean
	case ice.Int32Type:
		f.Type = arrow.PrimitiveTypes.Int32
	case ice.Int64Type:
		f.Type = arrow.PrimitiveTypes.Int64
	case ice.Float32Type:
		f.Type = arrow.PrimitiveTypes.Float32
	case ice.Float64Type:
		f.Type = arrow.PrimitiveTypes.Float64
	case ice.DecimalType:
		f.Type = &arrow.Decimal128Type{Precision: int32(t.Precision()), Scale: int32(t.Scale())}
	case ice.StringType:
		f.Type = arrow.BinaryTypes.StringView
	case ice.BinaryType:
		f.Type = arrow.BinaryTypes.BinaryView
	case ice.FixedType:
		f.Type, flink = arrow.BinaryTypes.BinaryView, fmt.Sprintf("BINARY(%d)", t.Len())
	case ice.UUIDType:
		f.Type, flink = arrow.BinaryTypes.BinaryView, "BINARY(16)"
	case ice.DateType:
		f.Type = arrow.FixedWidthTypes.Date32
	case ice.TimeType:
		f.Type = arrow.FixedWidthTypes.Time32ms
	case ice.TimestampType:
		f.Type = &arrow.TimestampType{Unit: arrow.Microsecond}
	case ice.TimestampTzType:
		f.Type = arrow.FixedWidthTypes.Timestamp_us
	case ice.TimestampNsType:
		f.Type = &arrow.TimestampType{Unit: arrow.Nanosecond}
	case ice.TimestampTzNsType:
		f.Type = arrow.FixedWidthTypes.Timestamp_ns
	case ice.VariantType:
		f.Type, flink = arrow.BinaryTypes.StringView, "VARIANT"
	case ice.GeometryType, ice.GeographyType:
		f.Type = arrow.BinaryTypes.BinaryView
	case ice.UnknownType:
		f.Type = arrow.BinaryTypes.StringView
	default:
		return engineNested(f, t)
	}
	if flink != "" {
		f.Metadata = arrow.MetadataFrom(map[string]string{typeKey: flink})
	}
	return f, nil
}

func engineNested(f arrow.Field, t ice.Type) (arrow.Field, error) {
	switch t := t.(type) {
	case *ice.ListType:
		elem, err := EngineField("element", t.Element, !t.ElementRequired)
		f.Type = arrow.ListOfField(elem)
		return f, err
	case *ice.MapType:
		key, err := EngineField("key", t.KeyType, false)
		if err != nil {
			return f, err
		}
		value, err := EngineField("value", t.ValueType, !t.ValueRequired)
		f.Type = arrow.MapOfFields(key, value)
		return f, err
	case *ice.StructType:
		fields, err := engineFields(t.FieldList)
		f.Type = arrow.StructOf(fields...)
		return f, err
	}
	return f, fmt.Errorf("%w: type %s cannot be read yet", job.ErrInvalid, t)
}

// Names are the names of the columns of s.
func Names(s *arrow.Schema) []string {
	out := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		out[i] = f.Name
	}
	return out
}

// FieldID is the field's id in the table, or -1.
func FieldID(f arrow.Field) int32 {
	text, ok := f.Metadata.GetValue(parquet.FieldIDKey)
	if !ok {
		return -1
	}
	var id int32
	if _, err := fmt.Sscan(text, &id); err != nil {
		return -1
	}
	return id
}
