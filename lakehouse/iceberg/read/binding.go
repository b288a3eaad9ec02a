package read

import (
	"fmt"
	"strings"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector/expr"
)

// fileBinding maps the columns of a scan, and those that deletes look at, to
// the columns of one file.
type fileBinding struct {
	fields []*fileField
	paths  [][]string // to read
	shapes []*shape   // of the scan's columns
	keys   map[int]*shape
	filter expr.Expr // over paths, or nil
}

// bindFile finds the scan's columns in a file by their ids. A column that the
// file lacks has the value of the file's partition, or its initial default, or
// is NULL.
func bindFile(fields []*fileField, columns []Column, constants map[int]Value, filter expr.Expr) (*fileBinding, error) {
	b := &fileBinding{fields: fields, paths: [][]string{}, keys: map[int]*shape{}}
	for i := range columns {
		s, err := b.column(&columns[i], constants)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", strings.Join(columns[i].Path, "."), err)
		}
		b.shapes = append(b.shapes, s)
	}
	if filter != nil {
		b.filter = expr.MapColumns(filter, func(i int) int {
			if i < 0 || i >= len(b.shapes) || b.shapes[i].constant != nil || isVariant(&columns[i]) {
				return -1
			}
			return b.shapes[i].at
		})
	}
	return b, nil
}

func (b *fileBinding) column(c *Column, constants map[int]Value) (*shape, error) {
	level := b.fields
	var path []string
	for depth, want := range c.Fields {
		at := find(level, want.ID)
		if at < 0 {
			return b.missing(c, depth, path, constants)
		}
		path = append(path, level[at].name)
		if depth == len(c.Fields)-1 {
			s, err := newShape(level[at], want.Type, c.Want.Type)
			if err != nil {
				return nil, err
			}
			s.at = b.read(path)
			return s, nil
		}
		level = level[at].children
	}
	return nil, fmt.Errorf("%w: empty path of a column", job.ErrInvalid)
}

// missing makes the shape of a column of which the file has only the first
// parents, at path.
func (b *fileBinding) missing(c *Column, parents int, path []string, constants map[int]Value) (*shape, error) {
	last := c.Fields[len(c.Fields)-1]
	s := &shape{at: -1, to: c.Want.Type, constant: &constant{of: last.Type, to: c.Want.Type}}
	if v, ok := constants[last.ID]; ok {
		s.constant.value = v
		return s, nil
	}
	if gap := c.Fields[parents]; gap.Required && gap.InitialDefault == nil {
		return nil, lacking(gap)
	}
	if parents < len(c.Fields)-1 || last.InitialDefault == nil {
		return s, nil
	}
	var err error
	if s.constant.value, err = ValueOf(last.InitialDefault, last.Type); err != nil {
		return nil, fmt.Errorf("its initial default: %w", err)
	}
	if parents > 0 { // NULL where the parent is
		s.at = b.read(path)
	}
	return s, nil
}

func lacking(f ice.NestedField) error {
	return fmt.Errorf("%w: the file has no column %q, which is required and has no initial default", job.ErrInvalid, f.Name)
}

// read gives the place among the columns to read of the one at path.
func (b *fileBinding) read(path []string) int {
	for i, p := range b.paths {
		if strings.Join(p, "\x00") == strings.Join(path, "\x00") {
			return i
		}
	}
	b.paths = append(b.paths, append([]string(nil), path...))
	return len(b.paths) - 1
}

// key binds a column by which rows are deleted: one of the schema's fields that
// are not below a list or map.
func (b *fileBinding) key(known []*ice.Schema, id int, constants map[int]Value) (*shape, error) {
	if s := b.keys[id]; s != nil {
		return s, nil
	}
	c, err := keyColumn(known, id)
	if err != nil {
		return nil, err
	}
	s, err := b.column(c, constants)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", strings.Join(c.Path, "."), err)
	}
	b.keys[id] = s
	return s, nil
}

// keyColumn finds the column of a field by its id, as the engine knows it.
func keyColumn(known []*ice.Schema, id int) (*Column, error) {
	for _, s := range known {
		c := &Column{Fields: fieldPath(s.Fields(), id)}
		if c.Fields == nil {
			continue
		}
		for _, f := range c.Fields {
			c.Path = append(c.Path, f.Name)
		}
		last := c.Fields[len(c.Fields)-1]
		var err error
		c.Want, err = schemas.EngineField(last.Name, last.Type, true)
		return c, err
	}
	return nil, fmt.Errorf("%w: rows are deleted by a column with the id %d, which no schema of the table has", job.ErrInvalid, id)
}

func fieldPath(level []ice.NestedField, id int) []ice.NestedField {
	for _, f := range level {
		if f.ID == id {
			return []ice.NestedField{f}
		}
		if st, ok := f.Type.(*ice.StructType); ok {
			if rest := fieldPath(st.FieldList, id); rest != nil {
				return append([]ice.NestedField{f}, rest...)
			}
		}
	}
	return nil
}

// release gives back the constants.
func (b *fileBinding) release() {
	for _, s := range b.shapes {
		s.release()
	}
	for _, s := range b.keys {
		s.release()
	}
}
