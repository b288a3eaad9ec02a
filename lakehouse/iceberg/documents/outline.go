package documents

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
)

// Outline is the type of a column that can grow: by fields, by wider numbers, and
// by becoming optional.
type Outline struct {
	Name     string
	Required bool
	fixed    bool // an identifier: it stays required

	kind     outlineKind
	typ      ice.Type   // of a scalar
	key      ice.Type   // of a map
	Children []*Outline // fields of a struct, or the one element or value
}

type outlineKind uint8

const (
	scalarOutline outlineKind = iota
	structOutline
	listOutline
	mapOutline
)

// OutlineOf is the outline of a table's columns; that of no schema has none.
func OutlineOf(s *ice.Schema) *Outline {
	root := &Outline{kind: structOutline}
	if s == nil {
		return root
	}
	keys := map[int]bool{}
	for _, id := range s.IdentifierFieldIDs {
		keys[id] = true
	}
	for _, f := range s.Fields() {
		c := outlineOfField(f)
		c.fixed = keys[f.ID]
		root.Children = append(root.Children, c)
	}
	return root
}

func outlineOfField(f ice.NestedField) *Outline {
	s := OutlineOfType(f.Type)
	s.Name, s.Required = f.Name, f.Required
	return s
}

// OutlineOfType is the outline of a column of type t.
func OutlineOfType(t ice.Type) *Outline {
	switch t := t.(type) {
	case *ice.StructType:
		s := &Outline{kind: structOutline}
		for _, f := range t.FieldList {
			s.Children = append(s.Children, outlineOfField(f))
		}
		return s
	case *ice.ListType:
		return &Outline{kind: listOutline, Children: []*Outline{outlineOfField(t.ElementField())}}
	case *ice.MapType:
		return &Outline{kind: mapOutline, key: t.KeyType, Children: []*Outline{outlineOfField(t.ValueField())}}
	}
	return &Outline{typ: t}
}

// Schema is the outline for Iceberg, with ids that mean nothing.
func (s *Outline) Schema() *ice.Schema {
	id := 0
	fields, _ := s.icebergType(&id).(*ice.StructType)
	return ice.NewSchema(0, fields.FieldList...)
}

func (s *Outline) icebergType(id *int) ice.Type {
	next := func() int { *id++; return *id }
	switch s.kind {
	case structOutline:
		out := &ice.StructType{}
		for _, c := range s.Children {
			out.FieldList = append(out.FieldList, ice.NestedField{ID: next(), Name: c.Name, Required: c.Required, Type: c.icebergType(id)})
		}
		return out
	case listOutline:
		c := s.Children[0]
		return &ice.ListType{ElementID: next(), Element: c.icebergType(id), ElementRequired: c.Required}
	case mapOutline:
		c := s.Children[0]
		return &ice.MapType{KeyID: next(), KeyType: s.key, ValueID: next(), ValueType: c.icebergType(id), ValueRequired: c.Required}
	case scalarOutline:
	}
	return s.typ
}

// Field is the child with a name, or nil.
func (s *Outline) Field(name string) *Outline {
	for _, c := range s.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Growth lets outlines grow, and takes back what a row has made grow that does
// not fit in the end.
type Growth struct {
	Docs  *Documents
	undo  []func()
	Grown bool
}

// Row makes root fit the object n. The reason is why it does not; then nothing
// has grown.
func (g *Growth) Row(root *Outline, n int32, declared map[string]bool) (reason string) {
	before, grown := len(g.undo), g.Grown
	if reason = g.object(root, n, declared); reason != "" {
		for i := len(g.undo) - 1; i >= before; i-- {
			g.undo[i]()
		}
		g.undo, g.Grown = g.undo[:before], grown
	}
	return reason
}

func (g *Growth) change(undo func()) { g.undo, g.Grown = append(g.undo, undo), true }

// Loosen makes a column optional.
func (g *Growth) Loosen(s *Outline) (reason string) {
	if !s.Required {
		return ""
	}
	if s.fixed {
		return fmt.Sprintf("%s: it is an identifier of the table and NULL", s.Name)
	}
	s.Required = false
	g.change(func() { s.Required = true })
	return ""
}

func (g *Growth) retype(s *Outline, t ice.Type) {
	old := s.typ
	s.typ = t
	g.change(func() { s.typ = old })
}

// object fits the members of an object; those that are declared come from
// columns of the row.
func (g *Growth) object(s *Outline, n int32, declared map[string]bool) string {
	for c := g.Docs.nodes[n].first; c != nothing; c = g.Docs.nodes[c].next {
		name := string(g.Docs.nodes[c].name)
		if declared[name] {
			return name + ": the row has a column of this name"
		}
		f := s.Field(name)
		if f == nil {
			if g.Docs.null(c) {
				continue
			}
			if name == "" || strings.Contains(name, ".") {
				return fmt.Sprintf("%q cannot be the name of a column", name)
			}
			f, reason := g.infer(c)
			if reason != "" {
				return name + ": " + reason
			}
			if f == nil {
				continue
			}
			f.Name = name
			at := len(s.Children)
			s.Children = append(s.Children, f)
			g.change(func() { s.Children = s.Children[:at] })
			continue
		}
		if reason := g.fit(f, c); reason != "" {
			return name + ": " + reason
		}
	}
	for _, f := range s.Children {
		if f.Required && !declared[f.Name] && g.Docs.null(g.Docs.Child(n, f.Name)) {
			if reason := g.Loosen(f); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// infer is the outline of a value that no column has; nil of one that tells none:
// NULL, or an object or array without values.
func (g *Growth) infer(n int32) (*Outline, string) {
	v := &g.Docs.nodes[n]
	switch v.kind {
	case 't', 'f':
		return &Outline{typ: ice.PrimitiveTypes.Bool}, ""
	case '"':
		return &Outline{typ: ice.PrimitiveTypes.String}, ""
	case '0':
		if v.integer {
			return &Outline{typ: ice.PrimitiveTypes.Int64}, ""
		}
		if _, ok := v.float(); !ok {
			return nil, fmt.Sprintf("%.80s is too large a number", v.raw)
		}
		return &Outline{typ: ice.PrimitiveTypes.Float64}, ""
	case '{':
		s := &Outline{kind: structOutline}
		if reason := g.object(s, n, nil); reason != "" {
			return nil, reason
		}
		if len(s.Children) == 0 {
			return nil, ""
		}
		return s, ""
	case '[':
		var elem *Outline
		for c := v.first; c != nothing; c = g.Docs.nodes[c].next {
			var reason string
			if elem == nil {
				elem, reason = g.infer(c)
			} else {
				reason = g.fit(elem, c)
			}
			if reason != "" {
				return nil, reason
			}
		}
		if elem == nil {
			return nil, ""
		}
		elem.Name = "element"
		return &Outline{kind: listOutline, Children: []*Outline{elem}}, ""
	default:
		return nil, ""
	}
}

// fit makes a column fit a value.
func (g *Growth) fit(s *Outline, n int32) string {
	if g.Docs.null(n) {
		return g.Loosen(s)
	}
	v := &g.Docs.nodes[n]
	switch {
	case s.kind == structOutline && v.kind == '{':
		return g.object(s, n, nil)
	case s.kind == listOutline && v.kind == '[', s.kind == mapOutline && v.kind == '{' && s.key.Equals(ice.PrimitiveTypes.String):
		for c := v.first; c != nothing; c = g.Docs.nodes[c].next {
			if reason := g.fit(s.Children[0], c); reason != "" {
				return s.Children[0].Name + ": " + reason
			}
		}
		return ""
	case s.kind == scalarOutline && g.scalar(s, v):
		return ""
	}
	id := 0
	return fmt.Sprintf("%.80s does not fit the type %s", bytes.TrimSpace(v.raw), s.icebergType(&id))
}

// scalar reports whether a value fits a column, which may become wider for it.
func (g *Growth) scalar(s *Outline, v *node) bool {
	switch t := s.typ.(type) {
	case ice.StringType:
		return true
	case ice.BooleanType:
		return v.kind == 't' || v.kind == 'f'
	case ice.Int32Type:
		i, ok := v.whole()
		if ok && (i < math.MinInt32 || i > math.MaxInt32) {
			g.retype(s, ice.PrimitiveTypes.Int64)
		}
		return ok
	case ice.Int64Type:
		_, ok := v.whole()
		return ok
	case ice.Float32Type, ice.Float64Type:
		_, ok := v.float()
		return ok
	case ice.DecimalType:
		_, digits, ok := v.decimal(t.Scale())
		if ok && digits > t.Precision() {
			g.retype(s, ice.DecimalTypeOf(digits, t.Scale()))
		}
		return ok
	case ice.DateType:
		_, ok := v.date()
		return ok
	case ice.TimestampType, ice.TimestampTzType, ice.TimestampNsType, ice.TimestampTzNsType:
		_, zoned := t.(ice.TimestampTzType)
		_, zonedNanos := t.(ice.TimestampTzNsType)
		at, ok := v.time(zoned || zonedNanos)
		_, nanos := t.(ice.TimestampNsType)
		return ok && (!nanos && !zonedNanos || at.Year() > 1677 && at.Year() < 2262)
	}
	return false
}

// Column makes root fit a declared column of the rows, of an Iceberg type.
func (g *Growth) Column(root *Outline, name string, want *Outline) error {
	s := root.Field(name)
	if s == nil {
		want.Name = name
		root.Children = append(root.Children, want)
		g.Grown = true
		return nil
	}
	id := 0
	have, from := s.icebergType(&id), want.icebergType(&id)
	if s.kind == scalarOutline && want.kind == scalarOutline {
		switch {
		case have.Equals(from) || promotes(from, have):
			return nil
		case promotes(have, from):
			s.typ, g.Grown = from, true
			return nil
		}
	} else if sameOutline(s, want) {
		return nil
	}
	return fmt.Errorf("%w: column %q of type %s does not fit the table's, of type %s", job.ErrInvalid, name, from, have)
}

// promotes reports whether Iceberg lets a column of one type become one of
// another.
func promotes(from, to ice.Type) bool {
	switch f := from.(type) {
	case ice.Int32Type:
		return to.Equals(ice.PrimitiveTypes.Int64)
	case ice.Float32Type:
		return to.Equals(ice.PrimitiveTypes.Float64)
	case ice.DecimalType:
		t, ok := to.(ice.DecimalType)
		return ok && f.Scale() == t.Scale() && f.Precision() <= t.Precision()
	}
	return false
}

// sameOutline reports whether nested types are equal, ids aside.
func sameOutline(a, b *Outline) bool {
	if a.kind != b.kind || len(a.Children) != len(b.Children) {
		return false
	}
	if a.kind == scalarOutline {
		return a.typ.Equals(b.typ)
	}
	if a.kind == mapOutline && !a.key.Equals(b.key) {
		return false
	}
	for i := range a.Children {
		if a.kind == structOutline && a.Children[i].Name != b.Children[i].Name || !sameOutline(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}
