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

// docNode is the tree as plain data, so that it is written and read in one
// pass however deep it is.
type docNode struct {
	Column *int            `json:"column,omitempty"`
	Name   string          `json:"name,omitempty"`
	Func   string          `json:"func,omitempty"`
	Args   []docNode       `json:"args,omitempty"`
	At     string          `json:"at,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
	Kind   string          `json:"kind,omitempty"` // of a literal's value
	Type   []byte          `json:"type"`           // an Arrow IPC schema of one field
}

// MarshalJSON writes the tree.
func (d Doc) MarshalJSON() ([]byte, error) {
	if d.Expr == nil {
		return []byte("null"), nil
	}
	n, err := toDoc(d.Expr, map[string][]byte{})
	if err != nil {
		return nil, err
	}
	return json.Marshal(n)
}

// toDoc converts e; types holds the encoded types by fingerprint.
func toDoc(e Expr, types map[string][]byte) (n docNode, err error) {
	switch e := e.(type) {
	case Doc:
		return toDoc(e.Expr, types)
	case *Column:
		n.Column, n.Name = &e.Index, e.Name
	case *Call:
		n.Func, n.At = e.Func, e.At
		n.Args = make([]docNode, len(e.Args))
		for i, a := range e.Args {
			if n.Args[i], err = toDoc(a, types); err != nil {
				return n, err
			}
		}
	case *Literal:
		if n.Kind, n.Value, err = literalDoc(e.Value); err != nil {
			return n, err
		}
	}
	n.Type, err = typeDoc(e.Type(), types)
	return n, err
}

func literalDoc(value any) (kind string, raw json.RawMessage, err error) {
	v := value
	switch x := value.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "bool"
	case int64:
		kind = "int"
	case float64:
		kind, v = "float", fmt.Sprintf("%x", x)
	case string: // kept as bytes: a string literal need not be valid UTF-8
		kind, v = "string", []byte(x)
	case []byte:
		kind = "bytes"
	case decimal128.Num:
		kind, v = "decimal", x.BigInt().String()
	default:
		return "", nil, fmt.Errorf("literal of Go type %T", x)
	}
	raw, err = json.Marshal(v)
	return kind, raw, err
}

// typeDoc is the IPC schema message of a type.
func typeDoc(t arrow.DataType, types map[string][]byte) ([]byte, error) {
	key := t.Fingerprint() + t.String() // the fingerprint does not say which items may be null
	if b, ok := types[key]; ok {
		return b, nil
	}
	var buf bytes.Buffer
	field := arrow.Field{Name: "t", Type: t, Nullable: true}
	if err := ipc.NewWriter(&buf, ipc.WithSchema(arrow.NewSchema([]arrow.Field{field}, nil))).Close(); err != nil {
		return nil, fmt.Errorf("write type %v: %w", t, err)
	}
	types[key] = buf.Bytes()
	return buf.Bytes(), nil
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
	e, err := fromDoc(n, map[string]arrow.DataType{})
	d.Expr = e
	return err
}

// fromDoc converts n; types holds the decoded types by their encoding.
func fromDoc(n docNode, types map[string]arrow.DataType) (Expr, error) {
	t, ok := types[string(n.Type)]
	if !ok {
		r, err := ipc.NewReader(bytes.NewReader(n.Type))
		if err != nil {
			return nil, fmt.Errorf("read type of expression: %w", err)
		}
		t = r.Schema().Field(0).Type
		r.Release()
		types[string(n.Type)] = t
	}
	switch {
	case n.Column != nil:
		return &Column{Index: *n.Column, Name: n.Name, Of: t}, nil
	case n.Func != "":
		c := &Call{Func: n.Func, Of: t, At: n.At}
		for _, a := range n.Args {
			arg, err := fromDoc(a, types)
			if err != nil {
				return nil, err
			}
			c.Args = append(c.Args, arg)
		}
		return c, nil
	}
	v, err := literalValue(n.Kind, n.Value)
	if err != nil {
		return nil, fmt.Errorf("read literal: %w", err)
	}
	return &Literal{Value: v, Of: t}, nil
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
