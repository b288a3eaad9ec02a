package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Doc is an Expr that can stand in a document: it marshals to JSON and back.
type Doc struct{ Expr }

// NewDoc wraps e, or returns nil for nil.
func NewDoc(e Expr) *Doc {
	if e == nil {
		return nil
	}
	return &Doc{Expr: e}
}

type docNode struct {
	Column *int            `json:"column,omitempty"`
	Name   string          `json:"name,omitempty"`
	Func   string          `json:"func,omitempty"`
	Args   []Doc           `json:"args,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
	Kind   string          `json:"kind,omitempty"` // of a literal's value
	Type   []byte          `json:"type"`           // an Arrow IPC schema of one field
}

// MarshalJSON writes the tree.
func (d Doc) MarshalJSON() ([]byte, error) {
	if d.Expr == nil {
		return []byte("null"), nil
	}
	var n docNode
	switch e := d.Expr.(type) {
	case *Column:
		n.Column, n.Name = &e.Index, e.Name
	case *Call:
		n.Func = e.Func
		for _, a := range e.Args {
			n.Args = append(n.Args, Doc{Expr: a})
		}
	case Doc:
		return e.MarshalJSON()
	case *Literal:
		v := e.Value
		switch x := e.Value.(type) {
		case nil:
			n.Kind = "null"
		case bool:
			n.Kind = "bool"
		case int64:
			n.Kind = "int"
		case float64:
			n.Kind, v = "float", fmt.Sprintf("%x", x)
		case string: // kept as bytes: a string literal need not be valid UTF-8
			n.Kind, v = "string", []byte(x)
		case []byte:
			n.Kind = "bytes"
		case decimal128.Num:
			n.Kind, v = "decimal", x.BigInt().String()
		default:
			return nil, fmt.Errorf("literal of Go type %T", x)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		n.Value = raw
	}
	var buf bytes.Buffer
	field := arrow.Field{Name: "t", Type: d.Type(), Nullable: true}
	if err := ipc.NewWriter(&buf, ipc.WithSchema(arrow.NewSchema([]arrow.Field{field}, nil))).Close(); err != nil {
		return nil, fmt.Errorf("write type %v: %w", d.Type(), err)
	}
	n.Type = buf.Bytes()
	return json.Marshal(n)
}

// UnmarshalJSON reads the tree.
func (d *Doc) UnmarshalJSON(b []byte) error {
	d.Expr = nil
	if string(b) == "null" {
		return nil
	}
	var n docNode
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("read expression: %w", err)
	}
	r, err := ipc.NewReader(bytes.NewReader(n.Type))
	if err != nil {
		return fmt.Errorf("read type of expression: %w", err)
	}
	defer r.Release()
	t := r.Schema().Field(0).Type
	switch {
	case n.Column != nil:
		d.Expr = &Column{Index: *n.Column, Name: n.Name, Of: t}
	case n.Func != "":
		c := &Call{Func: n.Func, Of: t}
		for _, a := range n.Args {
			c.Args = append(c.Args, a.Expr)
		}
		d.Expr = c
	default:
		v, err := literalValue(n.Kind, n.Value)
		if err != nil {
			return fmt.Errorf("read literal: %w", err)
		}
		d.Expr = &Literal{Value: v, Of: t}
	}
	return nil
}

func literalValue(kind string, raw json.RawMessage) (any, error) {
	switch kind {
	case "null":
		return nil, nil
	case "bool":
		return decode[bool](raw)
	case "int":
		return decode[int64](raw)
	case "float":
		s, err := decode[string](raw)
		if err != nil {
			return nil, err
		}
		var f float64
		_, err = fmt.Sscan(s, &f)
		return f, err
	case "string":
		b, err := decode[[]byte](raw)
		return string(b), err
	case "bytes":
		return decode[[]byte](raw)
	case "decimal":
		s, err := decode[string](raw)
		if err != nil {
			return nil, err
		}
		n, ok := new(big.Int).SetString(s, 10)
		if !ok {
			return nil, fmt.Errorf("decimal %q", s)
		}
		return decimal128.FromBigInt(n), nil
	}
	return nil, fmt.Errorf("literal of kind %q", kind)
}

func decode[T any](raw json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}
