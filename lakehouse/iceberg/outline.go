package iceberg

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
)

// outline is the type of a column that can grow: by fields, by wider numbers, and
// by becoming optional.
type outline struct {
	name     string
	required bool
	fixed    bool // an identifier: it stays required

	kind     outlineKind
	typ      ice.Type   // of a scalar
	key      ice.Type   // of a map
	children []*outline // fields of a struct, or the one element or value
}

type outlineKind uint8

const (
	scalarOutline outlineKind = iota
	structOutline
	listOutline
	mapOutline
)

// outlineOf is the outline of a table's columns; that of no schema has none.
func outlineOf(s *ice.Schema) *outline {
	root := &outline{kind: structOutline}
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
		root.children = append(root.children, c)
	}
	return root
}

func outlineOfField(f ice.NestedField) *outline {
	s := outlineOfType(f.Type)
	s.name, s.required = f.Name, f.Required
	return s
}

func outlineOfType(t ice.Type) *outline {
	switch t := t.(type) {
	case *ice.StructType:
		s := &outline{kind: structOutline}
		for _, f := range t.FieldList {
			s.children = append(s.children, outlineOfField(f))
		}
		return s
	case *ice.ListType:
		return &outline{kind: listOutline, children: []*outline{outlineOfField(t.ElementField())}}
	case *ice.MapType:
		return &outline{kind: mapOutline, key: t.KeyType, children: []*outline{outlineOfField(t.ValueField())}}
	}
	return &outline{typ: t}
}

// schema is the outline for Iceberg, with ids that mean nothing.
func (s *outline) schema() *ice.Schema {
	id := 0
	fields, _ := s.icebergType(&id).(*ice.StructType)
	return ice.NewSchema(0, fields.FieldList...)
}

func (s *outline) icebergType(id *int) ice.Type {
	next := func() int { *id++; return *id }
	switch s.kind {
	case structOutline:
		out := &ice.StructType{}
		for _, c := range s.children {
			out.FieldList = append(out.FieldList, ice.NestedField{ID: next(), Name: c.name, Required: c.required, Type: c.icebergType(id)})
		}
		return out
	case listOutline:
		c := s.children[0]
		return &ice.ListType{ElementID: next(), Element: c.icebergType(id), ElementRequired: c.required}
	case mapOutline:
		c := s.children[0]
		return &ice.MapType{KeyID: next(), KeyType: s.key, ValueID: next(), ValueType: c.icebergType(id), ValueRequired: c.required}
	case scalarOutline:
	}
	return s.typ
}

// field is the child with a name, or nil.
func (s *outline) field(name string) *outline {
	for _, c := range s.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// growth lets outlines grow, and takes back what a row has made grow that does
// not fit in the end.
type growth struct {
	docs  *documents
	undo  []func()
	grown bool
}

// row makes root fit the object n. The reason is why it does not; then nothing
// has grown.
func (g *growth) row(root *outline, n int32, declared map[string]bool) (reason string) {
	before, grown := len(g.undo), g.grown
	if reason = g.object(root, n, declared); reason != "" {
		for i := len(g.undo) - 1; i >= before; i-- {
			g.undo[i]()
		}
		g.undo, g.grown = g.undo[:before], grown
	}
	return reason
}

func (g *growth) change(undo func()) { g.undo, g.grown = append(g.undo, undo), true }

// loosen makes a column optional.
func (g *growth) loosen(s *outline) (reason string) {
	if !s.required {
		return ""
	}
	if s.fixed {
		return fmt.Sprintf("%s: it is an identifier of the table and NULL", s.name)
	}
	s.required = false
	g.change(func() { s.required = true })
	return ""
}

func (g *growth) retype(s *outline, t ice.Type) {
	old := s.typ
	s.typ = t
	g.change(func() { s.typ = old })
}

// object fits the members of an object; those that are declared come from
// columns of the row.
func (g *growth) object(s *outline, n int32, declared map[string]bool) string {
	for c := g.docs.nodes[n].first; c != nothing; c = g.docs.nodes[c].next {
		name := string(g.docs.nodes[c].name)
		if declared[name] {
			return name + ": the row has a column of this name"
		}
		f := s.field(name)
		if f == nil {
			if g.docs.null(c) {
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
			f.name = name
			at := len(s.children)
			s.children = append(s.children, f)
			g.change(func() { s.children = s.children[:at] })
			continue
		}
		if reason := g.fit(f, c); reason != "" {
			return name + ": " + reason
		}
	}
	for _, f := range s.children {
		if f.required && !declared[f.name] && g.docs.null(g.docs.child(n, f.name)) {
			if reason := g.loosen(f); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// infer is the outline of a value that no column has; nil of one that tells none:
// NULL, or an object or array without values.
func (g *growth) infer(n int32) (*outline, string) {
	v := &g.docs.nodes[n]
	switch v.kind {
	case 't', 'f':
		return &outline{typ: ice.PrimitiveTypes.Bool}, ""
	case '"':
		return &outline{typ: ice.PrimitiveTypes.String}, ""
	case '0':
		if v.integer {
			return &outline{typ: ice.PrimitiveTypes.Int64}, ""
		}
		if _, ok := v.float(); !ok {
			return nil, fmt.Sprintf("%.80s is too large a number", v.raw)
		}
		return &outline{typ: ice.PrimitiveTypes.Float64}, ""
	case '{':
		s := &outline{kind: structOutline}
		if reason := g.object(s, n, nil); reason != "" {
			return nil, reason
		}
		if len(s.children) == 0 {
			return nil, ""
		}
		return s, ""
	case '[':
		var elem *outline
		for c := v.first; c != nothing; c = g.docs.nodes[c].next {
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
		elem.name = "element"
		return &outline{kind: listOutline, children: []*outline{elem}}, ""
	default:
		return nil, ""
	}
}

// fit makes a column fit a value.
func (g *growth) fit(s *outline, n int32) string {
	if g.docs.null(n) {
		return g.loosen(s)
	}
	v := &g.docs.nodes[n]
	switch {
	case s.kind == structOutline && v.kind == '{':
		return g.object(s, n, nil)
	case s.kind == listOutline && v.kind == '[', s.kind == mapOutline && v.kind == '{' && s.key.Equals(ice.PrimitiveTypes.String):
		for c := v.first; c != nothing; c = g.docs.nodes[c].next {
			if reason := g.fit(s.children[0], c); reason != "" {
				return s.children[0].name + ": " + reason
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
func (g *growth) scalar(s *outline, v *node) bool {
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

// column makes root fit a declared column of the rows, of an Iceberg type.
func (g *growth) column(root *outline, name string, want *outline) error {
	s := root.field(name)
	if s == nil {
		want.name = name
		root.children = append(root.children, want)
		g.grown = true
		return nil
	}
	id := 0
	have, from := s.icebergType(&id), want.icebergType(&id)
	if s.kind == scalarOutline && want.kind == scalarOutline {
		switch {
		case have.Equals(from) || promotes(from, have):
			return nil
		case promotes(have, from):
			s.typ, g.grown = from, true
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
func sameOutline(a, b *outline) bool {
	if a.kind != b.kind || len(a.children) != len(b.children) {
		return false
	}
	if a.kind == scalarOutline {
		return a.typ.Equals(b.typ)
	}
	if a.kind == mapOutline && !a.key.Equals(b.key) {
		return false
	}
	for i := range a.children {
		if a.kind == structOutline && a.children[i].name != b.children[i].name || !sameOutline(a.children[i], b.children[i]) {
			return false
		}
	}
	return true
}
