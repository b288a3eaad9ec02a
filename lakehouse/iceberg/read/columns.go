package read

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// Column is a column of a scan. Files are asked for it by ids, which it keeps
// whatever it is called and wherever it stands.
type Column struct {
	Path []string
	// Fields are those of the table's schema along the path.
	Fields []ice.NestedField
	Want   arrow.Field // as the scan gives it
}

// Field is the one at the end of the path.
func (c *Column) Field() ice.NestedField { return c.Fields[len(c.Fields)-1] }

// ID is that of the field at the end of the path.
func (c *Column) ID() int { return c.Field().ID }

// SchemasOf gives the schemas of a table in the order in which names are looked
// up: first is preferred, then come the current one and the others, newest first.
func SchemasOf(t *table.Table, first *ice.Schema) []*ice.Schema {
	out := []*ice.Schema{t.Schema()}
	if first != nil && first.ID != t.Schema().ID {
		out = []*ice.Schema{first, t.Schema()}
	}
	older := slices.Clone(t.Metadata().Schemas())
	slices.SortFunc(older, func(a, b *ice.Schema) int { return b.ID - a.ID })
	for _, s := range older {
		if !slices.ContainsFunc(out, func(o *ice.Schema) bool { return o.ID == s.ID }) {
			out = append(out, s)
		}
	}
	return out
}

// ColumnsOf finds the columns of a scan by their paths. declared gives their
// types, the first of known schemas that has the path their ids: a name that a
// running job knows may be an old one by now.
func ColumnsOf(known []*ice.Schema, declared *arrow.Schema, paths [][]string) ([]Column, error) {
	out := make([]Column, len(paths))
	for i, path := range paths {
		want, err := FieldAt(declared, path)
		if err != nil {
			return nil, err
		}
		c := Column{Path: path, Want: want}
		for _, s := range known {
			if c.Fields = fieldsAt(s, path); c.Fields != nil {
				break
			}
		}
		if c.Fields == nil {
			return nil, noColumn(known[0], path)
		}
		last := c.Fields[len(c.Fields)-1]
		have, err := schemas.EngineField(last.Name, last.Type, !last.Required)
		if err == nil {
			err = schemas.Convertible(have.Type, want.Type)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", strings.Join(path, "."), err)
		}
		out[i] = c
	}
	return out, nil
}

// fieldsAt gives the fields along a path, or nil.
func fieldsAt(s *ice.Schema, path []string) []ice.NestedField {
	level := s.Fields()
	var out []ice.NestedField
	for _, name := range path {
		at := slices.IndexFunc(level, func(f ice.NestedField) bool { return f.Name == name })
		if at < 0 {
			return nil
		}
		out = append(out, level[at])
		level = nil
		if st, ok := out[len(out)-1].Type.(*ice.StructType); ok {
			level = st.FieldList
		}
	}
	return out
}

func noColumn(s *ice.Schema, path []string) error {
	there, err := schemas.ToEngine(s)
	if err == nil {
		_, err = FieldAt(there, path)
	}
	return err
}

// FieldAt finds the field at a path; it is nullable when any parent is.
func FieldAt(schema *arrow.Schema, path []string) (arrow.Field, error) {
	fields, nullable := schema.Fields(), false
	for depth, name := range path {
		found := false
		for _, f := range fields {
			if f.Name != name {
				continue
			}
			nullable = nullable || f.Nullable
			if depth == len(path)-1 {
				f.Nullable = nullable
				f.Name = strings.Join(path, ".")
				return f, nil
			}
			st, ok := f.Type.(*arrow.StructType)
			if !ok {
				return f, fmt.Errorf("%w: column %q is not a ROW", job.ErrInvalid, strings.Join(path[:depth+1], "."))
			}
			fields, found = st.Fields(), true
			break
		}
		if !found {
			return arrow.Field{}, fmt.Errorf("%w: there is no column %q; there are %q", job.ErrInvalid, strings.Join(path[:depth+1], "."), schemas.Names(schema))
		}
	}
	return arrow.Field{}, fmt.Errorf("%w: empty path of a column", job.ErrInvalid)
}

// fieldByID finds a field of any schema of a table.
func fieldByID(known []*ice.Schema, id int) (ice.NestedField, bool) {
	for _, s := range known {
		if f, ok := s.FindFieldByID(id); ok {
			return f, true
		}
	}
	return ice.NestedField{}, false
}
