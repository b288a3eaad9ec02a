package json

import (
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// property is a JSON Schema of a value. connect.type and connect.index are what
// Confluent's tools add for what JSON cannot tell apart.
type property struct {
	Title      string               `json:"title,omitempty"`
	Type       string               `json:"type,omitempty"`
	Connect    string               `json:"connect.type,omitempty"`
	Index      *int                 `json:"connect.index,omitempty"`
	OneOf      []*property          `json:"oneOf,omitempty"`
	Items      *property            `json:"items,omitempty"`
	Values     *property            `json:"additionalProperties,omitempty"`
	Properties map[string]*property `json:"properties,omitempty"`
	Required   []string             `json:"required,omitempty"`
}

// Schema is the JSON Schema of the objects that an Encoder writes for rows of s. What
// may be NULL is null or absent.
func Schema(s *arrow.Schema) (string, error) {
	p, err := objectOf(s.Fields())
	if err != nil {
		return "", fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	p.Title = "Record"
	b, err := json.Marshal(p)
	return string(b), err
}

func objectOf(fields []arrow.Field) (*property, error) {
	p := &property{Type: "object", Properties: map[string]*property{}}
	for i, f := range fields {
		of, err := propertyOf(f)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		of.Index = &i
		p.Properties[f.Name] = of
		if !f.Nullable {
			p.Required = append(p.Required, f.Name)
		}
	}
	return p, nil
}

func propertyOf(f arrow.Field) (*property, error) {
	p, err := valueOf(f.Type)
	if err != nil || !f.Nullable {
		return p, err
	}
	return &property{OneOf: []*property{{Type: "null"}, p}}, nil
}

func valueOf(t arrow.DataType) (*property, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return &property{Type: "boolean"}, nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		return &property{Type: "integer", Connect: t.Name()}, nil
	case *arrow.Float32Type, *arrow.Float64Type:
		return &property{Type: "number", Connect: t.Name()}, nil
	case *arrow.Decimal128Type:
		return &property{Type: "number"}, nil
	case *arrow.BinaryViewType:
		return &property{Type: "string", Connect: "bytes"}, nil
	case *arrow.StringViewType, *arrow.Date32Type, *arrow.Time32Type, *arrow.TimestampType:
		return &property{Type: "string"}, nil
	case *arrow.ListType:
		items, err := propertyOf(t.ElemField())
		return &property{Type: "array", Items: items}, err
	case *arrow.MapType:
		values, err := propertyOf(t.ItemField())
		return &property{Type: "object", Connect: "map", Values: values}, err
	case *arrow.StructType:
		return objectOf(t.Fields())
	}
	return nil, fmt.Errorf("JSON has no type for %s", expr.TypeName(t))
}
