package read

import (
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// fileField is a column of a data file, or a part of one, with its field id.
type fileField struct {
	name     string
	id       int // -1: none
	of       arrow.DataType
	children []*fileField // fields of a struct; the element; key and value
}

// fileFields gives the columns of a file. A file without any field id, as
// other programs than Iceberg's write it, has those of the mapping of names.
func fileFields(schema *arrow.Schema, mapping ice.NameMapping) []*fileField {
	fields := make([]*fileField, schema.NumFields())
	known := false
	for i, f := range schema.Fields() {
		fields[i] = newFileField(f, &known)
	}
	if !known {
		assign(fields, mapping)
	}
	return fields
}

func newFileField(f arrow.Field, known *bool) *fileField {
	out := &fileField{name: f.Name, id: -1, of: f.Type}
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
		out.children = []*fileField{newFileField(t.ElemField(), known)}
	case *arrow.MapType:
		out.children = []*fileField{newFileField(t.KeyField(), known), newFileField(t.ItemField(), known)}
	}
	return out
}

func assign(fields []*fileField, mapping []ice.MappedField) {
	for _, f := range fields {
		at := slices.IndexFunc(mapping, func(m ice.MappedField) bool { return slices.Contains(m.Names, f.name) })
		if at < 0 {
			continue
		}
		f.id = mapping[at].ID()
		assign(f.children, mapping[at].Fields)
	}
}

func find(fields []*fileField, id int) int {
	return slices.IndexFunc(fields, func(f *fileField) bool { return f.id == id })
}
