package avro

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// Infer is the columns of a table whose rows are records of a schema, in JSON. Every
// column may be NULL: another file need not have it.
func Infer(text string) (*arrow.Schema, error) {
	s, err := parseSchema(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if s.kind != record {
		return nil, fmt.Errorf("%w: a schema of rows is a record, not a %s", job.ErrInvalid, s.kind)
	}
	fields, err := infer{}.fields(s)
	if err != nil {
		return nil, err
	}
	for i := range fields {
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil), nil
}

// infer remembers the records that it is in: none holds itself.
type infer []*schema

func (in infer) fields(s *schema) ([]arrow.Field, error) {
	for _, outer := range in {
		if outer == s {
			return nil, fmt.Errorf("%w: record %s holds itself: declare the columns that are wanted", job.ErrInvalid, s.name)
		}
	}
	in = append(in[:len(in):len(in)], s)
	fields := make([]arrow.Field, len(s.fields))
	for i, f := range s.fields {
		of, _, null := f.schema.nullable()
		if !null {
			of = f.schema
		}
		t, err := in.typeOf(of)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		fields[i] = arrow.Field{Name: f.name, Type: t, Nullable: null}
	}
	return fields, nil
}

// element is the field of a list, or of a map's values.
func (in infer) element(s *schema) (arrow.Field, error) {
	of, _, null := s.nullable()
	if !null {
		of = s
	}
	t, err := in.typeOf(of)
	return arrow.Field{Name: "item", Type: t, Nullable: null}, err
}

func (in infer) typeOf(s *schema) (arrow.DataType, error) {
	switch s.kind {
	case null:
		return arrow.BinaryTypes.StringView, nil
	case boolean:
		return arrow.FixedWidthTypes.Boolean, nil
	case integer, long:
		return whole(s), nil
	case float:
		return arrow.PrimitiveTypes.Float32, nil
	case double:
		return arrow.PrimitiveTypes.Float64, nil
	case bytes, fixed:
		if s.logical == "decimal" && s.digits > 0 && s.digits <= 38 && s.scale <= s.digits {
			return &arrow.Decimal128Type{Precision: s.digits, Scale: s.scale}, nil
		}
		return arrow.BinaryTypes.BinaryView, nil
	case chars, enum:
		return arrow.BinaryTypes.StringView, nil
	case record:
		fields, err := in.fields(s)
		return arrow.StructOf(fields...), err
	case list:
		e, err := in.element(s.elements)
		if err != nil {
			return nil, err
		}
		return arrow.ListOfField(e), nil
	case mapping:
		e, err := in.element(s.elements)
		if err != nil {
			return nil, err
		}
		m := arrow.MapOf(arrow.BinaryTypes.StringView, e.Type)
		m.SetItemNullable(e.Nullable)
		return m, nil
	case union:
	}
	return nil, fmt.Errorf("%w: a union of several types is no column: declare the columns that are wanted", job.ErrInvalid)
}

// whole is the type of an int or a long.
func whole(s *schema) arrow.DataType {
	switch s.logical {
	case "date":
		return arrow.FixedWidthTypes.Date32
	case "time-millis", "time-micros":
		return arrow.FixedWidthTypes.Time32ms
	case "timestamp-millis":
		return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	case "timestamp-micros":
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case "timestamp-nanos":
		return &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	case "local-timestamp-millis":
		return &arrow.TimestampType{Unit: arrow.Millisecond}
	case "local-timestamp-micros":
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case "local-timestamp-nanos":
		return &arrow.TimestampType{Unit: arrow.Nanosecond}
	}
	if s.kind == integer {
		return arrow.PrimitiveTypes.Int32
	}
	return arrow.PrimitiveTypes.Int64
}
