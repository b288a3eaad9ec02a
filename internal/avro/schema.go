package avro

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// kind is a type of Avro.
type kind uint8

const (
	null kind = iota
	boolean
	integer
	long
	float
	double
	bytes
	chars
	record
	enum
	list
	mapping
	union
	fixed
)

var primitives = map[string]kind{"null": null, "boolean": boolean, "int": integer, "long": long, "float": float, "double": double, "bytes": bytes, "string": chars}

func (k kind) String() string {
	return [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array", "map", "union", "fixed"}[k]
}

// schema is a schema of Avro, in which names stand for what they name. It may refer
// to itself.
type schema struct {
	kind     kind
	name     string // of a record, an enum or a fixed, with its namespace
	logical  string
	scale    int32   // of a decimal
	digits   int32   // of a decimal: its precision, or 0
	fields   []field // of a record
	symbols  []string
	elements *schema   // of an array, or of a map's values
	branches []*schema // of a union
	size     int       // of a fixed
	local    bool      // of a timestamp: it is not in UTC, whatever its name says
	ids      [2]string // of elements, or of keys and values
}

type field struct {
	name   string
	id     string // by Iceberg's spec, or ""
	schema *schema
}

// pairs reports an array that is a map, whose keys need not be text, by Iceberg's spec.
func (s *schema) pairs() bool {
	return s.kind == list && s.logical == "map" && s.elements.kind == record && len(s.elements.fields) == 2 &&
		s.elements.fields[0].name == "key" && s.elements.fields[1].name == "value"
}

// idOf is an attribute that is a number, as text.
func idOf(v map[string]any, key string) string {
	if n, ok := v[key].(float64); ok {
		return strconv.Itoa(int(n))
	}
	return ""
}

// maxDepth is how deep schemas may be nested.
const maxDepth = 100

// parseSchema reads a schema in JSON, which may name types of others.
func parseSchema(text string, others ...string) (s *schema, err error) {
	p := &parser{named: map[string]*schema{}}
	for _, t := range append(others[:len(others):len(others)], text) {
		var v any
		if err := json.Unmarshal([]byte(t), &v); err != nil {
			v = strings.TrimSpace(t) // a type may stand without quotes
			if _, ok := primitives[v.(string)]; !ok {
				return nil, fmt.Errorf("a schema of Avro is JSON: %w", err)
			}
		}
		if s, err = p.schema(v, "", 0); err != nil {
			return nil, err
		}
	}
	return s, nil
}

type parser struct {
	named map[string]*schema
}

func (p *parser) schema(v any, space string, depth int) (*schema, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("schema of more than %d levels", maxDepth)
	}
	switch v := v.(type) {
	case string:
		if k, ok := primitives[v]; ok {
			return &schema{kind: k}, nil
		}
		if s := p.named[qualified(v, space)]; s != nil {
			return s, nil
		}
		if s := p.named[v]; s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("no type %q", v)
	case []any:
		s := &schema{kind: union}
		for _, b := range v {
			branch, err := p.schema(b, space, depth+1)
			if err != nil {
				return nil, err
			}
			s.branches = append(s.branches, branch)
		}
		return s, nil
	case map[string]any:
		return p.object(v, space, depth)
	}
	return nil, fmt.Errorf("a schema is a name, an object or an array, not %v", v)
}

func (p *parser) object(v map[string]any, space string, depth int) (*schema, error) {
	name, ok := v["type"].(string)
	if !ok { // {"type": {…}}
		return p.schema(v["type"], space, depth+1)
	}
	s := &schema{}
	s.logical, _ = v["logicalType"].(string)
	if n, ok := v["scale"].(float64); ok {
		s.scale = int32(n)
	}
	if n, ok := v["precision"].(float64); ok {
		s.digits = int32(n)
	}
	if utc, ok := v["adjust-to-utc"].(bool); ok {
		s.local = !utc
	}
	if k, ok := primitives[name]; ok {
		s.kind = k
		return s, nil
	}
	var err error
	switch name {
	case "array":
		s.kind = list
		s.elements, err = p.schema(v["items"], space, depth+1)
		s.ids[0] = idOf(v, "element-id")
	case "map":
		s.kind = mapping
		s.elements, err = p.schema(v["values"], space, depth+1)
		s.ids = [2]string{idOf(v, "key-id"), idOf(v, "value-id")}
	case "record", "error", "enum", "fixed":
		err = p.definition(s, name, v, space, depth)
	default:
		return p.schema(name, space, depth+1)
	}
	return s, err
}

// definition reads a type with a name.
func (p *parser) definition(s *schema, of string, v map[string]any, space string, depth int) error {
	name, _ := v["name"].(string)
	if name == "" {
		return fmt.Errorf("a type %s without a name", of)
	}
	if n, ok := v["namespace"].(string); ok {
		space = n
	}
	s.name = qualified(name, space)
	if at := strings.LastIndexByte(s.name, '.'); at >= 0 {
		space = s.name[:at]
	}
	p.named[s.name] = s
	switch of {
	case "enum":
		s.kind = enum
		symbols, _ := v["symbols"].([]any)
		for _, x := range symbols {
			symbol, _ := x.(string)
			s.symbols = append(s.symbols, symbol)
		}
		return nil
	case "fixed":
		s.kind = fixed
		size, ok := v["size"].(float64)
		if s.size = int(size); !ok || s.size < 0 {
			return fmt.Errorf("type %s has no size", s.name)
		}
		return nil
	}
	s.kind = record
	fields, _ := v["fields"].([]any)
	for _, x := range fields {
		f, err := p.field(x, space, depth)
		if err != nil {
			return fmt.Errorf("record %s: %w", s.name, err)
		}
		s.fields = append(s.fields, f)
	}
	return nil
}

func (p *parser) field(x any, space string, depth int) (f field, err error) {
	v, _ := x.(map[string]any)
	if f.name, _ = v["name"].(string); f.name == "" {
		return f, fmt.Errorf("a field without a name")
	}
	f.id = idOf(v, "field-id")
	if f.schema, err = p.schema(v["type"], space, depth+1); err != nil {
		return f, fmt.Errorf("field %s: %w", f.name, err)
	}
	return f, nil
}

// qualified is a name with its namespace.
func qualified(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

// nullable is the branch of a union of one type and null, and which branch is null.
func (s *schema) nullable() (of *schema, null int, ok bool) {
	if s.kind != union || len(s.branches) != 2 {
		return nil, 0, false
	}
	for i, b := range s.branches {
		if b.kind == 0 {
			return s.branches[1-i], i, true
		}
	}
	return nil, 0, false
}

// find is the place of the field called name, or -1.
func (s *schema) find(name string) int {
	for i, f := range s.fields {
		if f.name == name {
			return i
		}
	}
	return -1
}
