package avro

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// space is the namespace of the records that tables are, as in Flink.
const space = "org.apache.flink.avro.generated"

// named is what the fields of records may be called.
var named = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Derive is the schema of a table's rows, in JSON, as Flink derives it: what may be
// NULL is a union of null and the type. Timestamps with and without a time zone are
// both timestamp-millis or -micros, unless local is set: then those without are
// local-timestamps.
func Derive(s *arrow.Schema, local bool) (string, error) {
	d := deriver{local: local}
	r, err := d.record("record", s.Fields())
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(r)
	return string(b), err
}

// DeriveChanges is the schema of the changes of a table's rows as Debezium writes them,
// in JSON: the row before a change, or null, the row after it, or null, and the change.
func DeriveChanges(s *arrow.Schema, local bool) (string, error) {
	d := deriver{local: local}
	r := object{Type: "record", Name: "record", Namespace: space}
	for _, side := range []string{"before", "after"} {
		row, err := d.record("record_"+side, s.Fields())
		if err != nil {
			return "", err
		}
		r.Fields = append(r.Fields, derived{Name: side, Type: []any{"null", row}, Default: &jsonNull})
	}
	r.Fields = append(r.Fields, derived{Name: "op", Type: "string"})
	b, err := json.Marshal(r)
	return string(b), err
}

type object struct {
	Type      any       `json:"type"`
	Name      string    `json:"name,omitempty"`
	Namespace string    `json:"namespace,omitempty"`
	Fields    []derived `json:"fields,omitempty"`
	Items     any       `json:"items,omitempty"`
	Values    any       `json:"values,omitempty"`
	Logical   string    `json:"logicalType,omitempty"`
	Precision int32     `json:"precision,omitempty"`
	Scale     *int32    `json:"scale,omitempty"`
}

type derived struct {
	Name    string           `json:"name"`
	Type    any              `json:"type"`
	Default *json.RawMessage `json:"default,omitempty"`
}

type deriver struct {
	local bool
}

var jsonNull = json.RawMessage("null")

func (d deriver) record(name string, fields []arrow.Field) (any, error) {
	r := object{Type: "record", Name: name, Fields: []derived{}}
	if name == "record" {
		r.Namespace = space
	}
	for _, f := range fields {
		if !named.MatchString(f.Name) {
			return nil, fmt.Errorf("%w: column %q: names in Avro are of letters, digits and _", job.ErrInvalid, f.Name)
		}
		t, err := d.nullable(name+"_"+f.Name, f)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		x := derived{Name: f.Name, Type: t}
		if f.Nullable {
			x.Default = &jsonNull
		}
		r.Fields = append(r.Fields, x)
	}
	return r, nil
}

func (d deriver) nullable(name string, f arrow.Field) (any, error) {
	t, err := d.of(name, f.Type)
	if err != nil || !f.Nullable {
		return t, err
	}
	return []any{"null", t}, nil
}

func (d deriver) of(name string, t arrow.DataType) (any, error) {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return "string", nil
	case *arrow.BinaryViewType:
		return "bytes", nil
	case *arrow.BooleanType:
		return "boolean", nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type:
		return "int", nil
	case *arrow.Int64Type:
		return "long", nil
	case *arrow.Float32Type:
		return "float", nil
	case *arrow.Float64Type:
		return "double", nil
	case *arrow.Decimal128Type:
		scale := t.Scale
		return object{Type: "bytes", Logical: "decimal", Precision: t.Precision, Scale: &scale}, nil
	case *arrow.Date32Type:
		return object{Type: "int", Logical: "date"}, nil
	case *arrow.Time32Type:
		return object{Type: "int", Logical: "time-millis"}, nil
	case *arrow.TimestampType:
		return d.timestamp(t)
	case *arrow.ListType:
		items, err := d.nullable(name, t.ElemField())
		return object{Type: "array", Items: items}, err
	case *arrow.MapType:
		if t.KeyType().ID() != arrow.STRING_VIEW {
			return nil, fmt.Errorf("%w: the keys of a map in Avro are text, not %s", job.ErrInvalid, expr.TypeName(t.KeyType()))
		}
		values, err := d.nullable(name, t.ItemField())
		return object{Type: "map", Values: values}, err
	case *arrow.StructType:
		return d.record(name, t.Fields())
	}
	return nil, fmt.Errorf("%w: Avro has no type for %s", job.ErrInvalid, expr.TypeName(t))
}

func (d deriver) timestamp(t *arrow.TimestampType) (any, error) {
	logical := ""
	switch t.Unit {
	case arrow.Second, arrow.Millisecond:
		logical = "timestamp-millis"
	case arrow.Microsecond:
		logical = "timestamp-micros"
	case arrow.Nanosecond:
		return nil, fmt.Errorf("%w: timestamps of Avro have up to 6 digits behind the second", job.ErrInvalid)
	}
	if d.local && t.TimeZone == "" {
		logical = "local-" + logical
	}
	return object{Type: "long", Logical: logical}, nil
}
