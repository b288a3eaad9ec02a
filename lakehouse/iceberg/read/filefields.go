package read

import (
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// Field is a column of a data file, or a part of one, with its field id.
type Field struct {
	name     string
	id       int // -1: none
	of       arrow.DataType
	children []*Field // fields of a struct; the element; key and value
}

// Fields gives the columns of a file. A file without any field id, as
// other programs than Iceberg's write it, has those of the mapping of names.
func Fields(schema *arrow.Schema, mapping ice.NameMapping) []*Field {
	fields := make([]*Field, schema.NumFields())
	known := false
	for i, f := range schema.Fields() {
		fields[i] = newFileField(f, &known)
	}
	if !known {
		assign(fields, mapping)
	}
	return fields
}

func newFileField(f arrow.Field, known *bool) *Field {
	out := &Field{name: f.Name, id: -1, of: f.Type}
	if text, ok := f.Metadata.GetValue(parquet.FieldIDKey); ok {
		if id, err := strconv.Atoi(text); err == nil {
			out.id = id
			*known = true
		}
	}
	switch t := f.Type.(type) {
	case *arrow.StructType:
		for _, c := range t.Fields() {
			out.children = append(out.children, newFileField(c, known))
		}
	case *arrow.ListType:
		out.children = []*Field{newFileField(t.ElemField(), known)}
	case *arrow.MapType:
		out.children = []*Field{newFileField(t.KeyField(), known), newFileField(t.ItemField(), known)}
	}
	return out
}

func assign(fields []*Field, mapping []ice.MappedField) {
	for _, f := range fields {
		at := slices.IndexFunc(mapping, func(m ice.MappedField) bool { return slices.Contains(m.Names, f.name) })
		if at < 0 {
			continue
		}
		f.id = mapping[at].ID()
		assign(f.children, mapping[at].Fields)
	}
}

func find(fields []*Field, id int) int {
	return slices.IndexFunc(fields, func(f *Field) bool { return f.id == id })
}
