package read

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/types"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// A data file is as old as its schema. Its columns are found by their ids, so
// that they may have been renamed, moved and widened since, at any depth; what
// was added later is its initial default, or NULL (Iceberg spec, "Column
// Projection").

// Projected is a column of a scan: the field with its path of ids in the
// table's schema, and what the engine is to see of it.
type Projected struct {
	Path   []ice.NestedField // from the top-level column to the field itself
	Engine arrow.Field
}

// Field is the one at the end of the path.
func (c Projected) Field() ice.NestedField { return c.Path[len(c.Path)-1] }

// withIDs gives the fields of a file without ids those of the table's name
// mapping, or else of its columns of the same name.
func withIDs(fields []arrow.Field, mapping ice.NameMapping, schema *ice.Schema) []arrow.Field {
	if slices.ContainsFunc(fields, hasID) {
		return fields
	}
	if mapping == nil {
		mapping = mappingOf(schema.Fields())
	}
	return mapIDs(fields, mapping)
}

func hasID(f arrow.Field) bool {
	return types.FieldID(f) >= 0 || slices.ContainsFunc(childrenOf(f.Type), hasID)
}

func childrenOf(t arrow.DataType) []arrow.Field {
	if n, nested := t.(arrow.NestedType); nested {
		return n.Fields()
	}
	return nil
}

func mappingOf(fields []ice.NestedField) ice.NameMapping {
	out := make(ice.NameMapping, len(fields))
	for i, f := range fields {
		out[i] = ice.MappedField{Names: []string{f.Name}, FieldID: &f.ID, Fields: mappingOf(nestedFields(f.Type))}
	}
	return out
}

// nestedFields are the fields below a type, as a name mapping calls them.
func nestedFields(t ice.Type) []ice.NestedField {
	if n, nested := t.(ice.NestedType); nested {
		return n.Fields()
	}
	return nil
}

func mapIDs(fields []arrow.Field, mapping []ice.MappedField) []arrow.Field {
	out := slices.Clone(fields)
	for i, f := range out {
		at := slices.IndexFunc(mapping, func(m ice.MappedField) bool { return slices.Contains(m.Names, f.Name) })
		if at < 0 {
			continue
		}
		if mapping[at].FieldID != nil {
			out[i].Metadata = arrow.NewMetadata([]string{parquet.FieldIDKey}, []string{fmt.Sprint(*mapping[at].FieldID)})
		}
		below := mapIDs(childrenOf(f.Type), mapping[at].Fields)
		switch t := f.Type.(type) {
		case *arrow.StructType:
			out[i].Type = arrow.StructOf(below...)
		case *arrow.MapType:
			if entries := mapIDs(childrenOf(below[0].Type), mapping[at].Fields); len(entries) == 2 {
				out[i].Type = arrow.MapOfFields(entries[0], entries[1])
			}
		case *arrow.ListType:
			out[i].Type = arrow.ListOfField(below[0])
		default:
			out[i].Type = t
		}
	}
	return out
}

// locate finds a column in a file: the names that lead to it and its field, or
// false where the file does not have it.
func locate(fields []arrow.Field, path []ice.NestedField) (names []string, field arrow.Field, there bool) {
	for _, want := range path {
		at := slices.IndexFunc(fields, func(f arrow.Field) bool { return int(types.FieldID(f)) == want.ID })
		if at < 0 {
			return nil, field, false
		}
		field = fields[at]
		names = append(names, field.Name)
		fields = childrenOf(field.Type)
	}
	return names, field, true
}

// evolve turns a column of a file into one of the table: have is its field in
// the file, with ids, want that of the table, to the engine's type for it.
func evolve(mem memory.Allocator, in arrow.Array, have arrow.Field, want ice.Type, to arrow.DataType) (arrow.Array, error) {
	switch want := want.(type) {
	case *ice.StructType:
		if st, ok := in.(*array.Struct); ok {
			return evolveStruct(mem, st, have, want, to.(*arrow.StructType))
		}
	case *ice.ListType:
		if l, ok := in.(array.ListLike); ok {
			elem, err := evolve(mem, l.ListValues(), childrenOf(have.Type)[0], want.Element, to.(arrow.ListLikeType).Elem())
			return relist(l, to, elem, err)
		}
	case *ice.MapType:
		if m, ok := in.(*array.Map); ok {
			return evolveMap(mem, m, have, want, to.(*arrow.MapType))
		}
	case ice.UUIDType:
		return uuidBytes(mem, in, to)
	default:
		return promote(mem, in, to)
	}
	return nil, fmt.Errorf("%w: %s does not fit %s", job.ErrInvalid, in.DataType(), want)
}

// relist makes a list of type to from the offsets of l and other elements,
// which it owns.
func relist(l array.ListLike, to arrow.DataType, elem arrow.Array, err error) (arrow.Array, error) {
	if err != nil {
		return nil, err
	}
	defer elem.Release()
	d := l.Data()
	data := array.NewData(to, d.Len(), d.Buffers(), []arrow.ArrayData{elem.Data()}, d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func evolveMap(mem memory.Allocator, m *array.Map, have arrow.Field, want *ice.MapType, to *arrow.MapType) (arrow.Array, error) {
	entries := childrenOf(childrenOf(have.Type)[0].Type)
	key, err := evolve(mem, m.Keys(), entries[0], want.KeyType, to.KeyType())
	if err != nil {
		return nil, err
	}
	defer key.Release()
	item, err := evolve(mem, m.Items(), entries[1], want.ValueType, to.ItemType())
	if err != nil {
		return nil, err
	}
	defer item.Release()
	pairs := array.NewData(to.Elem(), key.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{key.Data(), item.Data()}, 0, 0)
	defer pairs.Release()
	return relist(m, to, array.MakeFromData(pairs), nil)
}

func evolveStruct(mem memory.Allocator, in *array.Struct, have arrow.Field, want *ice.StructType, to *arrow.StructType) (arrow.Array, error) {
	fields := childrenOf(have.Type)
	children := make([]arrow.ArrayData, len(want.FieldList))
	for i, f := range want.FieldList {
		at := slices.IndexFunc(fields, func(h arrow.Field) bool { return int(types.FieldID(h)) == f.ID })
		var child arrow.Array
		var err error
		if at < 0 {
			child, err = absent(mem, f, to.Field(i).Type, in.Len())
		} else {
			child, err = evolve(mem, in.Field(at), fields[at], f.Type, to.Field(i).Type)
		}
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		defer child.Release()
		children[i] = child.Data()
	}
	valid := types.Validity(mem, in)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, in.Len(), []*memory.Buffer{valid}, children, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// promote widens a value as Iceberg allows, and gives it the engine's type.
func promote(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	switch in := in.(type) {
	case *array.Int32:
		if to.ID() == arrow.INT64 {
			return types.FixedWidth(mem, in, to, func(out []int64) error {
				for i, v := range in.Int32Values() {
					out[i] = int64(v)
				}
				return nil
			})
		}
	case *array.Float32:
		if to.ID() == arrow.FLOAT64 {
			b := array.NewFloat64Builder(mem)
			defer b.Release()
			b.Reserve(in.Len())
			for i, v := range in.Float32Values() {
				if in.IsNull(i) {
					b.UnsafeAppendBoolToBitmap(false)
				} else {
					b.UnsafeAppend(float64(v))
				}
			}
			return b.NewArray(), nil
		}
	case *array.Decimal128:
		have, want := in.DataType().(*arrow.Decimal128Type), to
		if d, ok := want.(*arrow.Decimal128Type); ok && d.Scale == have.Scale && d.Precision > have.Precision {
			data := in.Data()
			wider := array.NewData(to, data.Len(), data.Buffers(), nil, data.NullN(), data.Offset())
			defer wider.Release()
			return array.MakeFromData(wider), nil
		}
	}
	return types.Convert(mem, in, to)
}
