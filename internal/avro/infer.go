package avro

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// Infer is the columns of a table whose rows are records of a schema, in JSON. Every
// column may be NULL: another file need not have it.
func Infer(text string) (*arrow.Schema, error) {
	fields, err := infer{}.rows(text)
	if err != nil {
		return nil, err
	}
	for i := range fields {
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil), nil
}

// Stored is the columns of records of a schema, in JSON, as Iceberg keeps them: times
// are as fine as they are, an array may be a map, and fields have their ids, if the
// schema tells them, in their metadata under idKey.
func Stored(text, idKey string) (*arrow.Schema, error) {
	fields, err := infer{idKey: idKey}.rows(text)
	return arrow.NewSchema(fields, nil), err
}

// infer finds the types of columns.
type infer struct {
	idKey string    // "" unless they are as they are stored
	outer []*schema // the records around: none holds itself
}

func (in infer) rows(text string) ([]arrow.Field, error) {
	s, err := parseSchema(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if s.kind != record {
		return nil, fmt.Errorf("%w: a schema of rows is a record, not a %s", job.ErrInvalid, s.kind)
	}
	return in.fields(s)
}

// marked is a field with its id.
func (in infer) marked(f arrow.Field, id string) arrow.Field {
	if id != "" && in.idKey != "" {
		f.Metadata = arrow.NewMetadata([]string{in.idKey}, []string{id})
	}
	return f
}

func (in infer) fields(s *schema) ([]arrow.Field, error) {
	for _, outer := range in.outer {
		if outer == s {
			return nil, fmt.Errorf("%w: record %s holds itself: declare the columns that are wanted", job.ErrInvalid, s.name)
		}
	}
	in.outer = append(in.outer[:len(in.outer):len(in.outer)], s)
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
		fields[i] = in.marked(arrow.Field{Name: f.name, Type: t, Nullable: null}, f.id)
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
		if in.idKey != "" {
			return stored(s), nil
		}
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
		if in.idKey != "" && s.pairs() {
			pair, err := in.fields(s.elements)
			if err != nil {
				return nil, err
			}
			return arrow.MapOfFields(pair[0], pair[1]), nil
		}
		e, err := in.element(s.elements)
		if err != nil {
			return nil, err
		}
		return arrow.ListOfField(in.marked(e, s.ids[0])), nil
	case mapping:
		e, err := in.element(s.elements)
		if err != nil {
			return nil, err
		}
		e.Name = "value"
		return arrow.MapOfFields(in.marked(arrow.Field{Name: "key", Type: arrow.BinaryTypes.StringView}, s.ids[0]), in.marked(e, s.ids[1])), nil
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

// stored is the type of an int or a long without loss.
func stored(s *schema) arrow.DataType {
	switch t := whole(s).(type) {
	case *arrow.Time32Type:
		if s.logical == "time-micros" {
			return arrow.FixedWidthTypes.Time64us
		}
		return t
	case *arrow.TimestampType:
		if s.local {
			return &arrow.TimestampType{Unit: t.Unit}
		}
		return t
	default:
		return t
	}
}
