package read

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// shape says how a column of a file, of whatever schema the table had when it
// was written, becomes one of the scan:
//
//	file   a INT, s ROW<x FLOAT, gone STRING>
//	scan   s.x, b → { s.x as DOUBLE } and, since the file has no b, its default
type shape struct {
	// At is the column of the record, or the field of the struct above, that it
	// comes from. With constant, and at -1, nothing of the file is needed; a
	// constant with at is NULL where that struct is.
	at       int
	to       arrow.DataType
	constant *constant
	convert  schemas.ConvertFunc // of a leaf; nil: as it is
	children []*shape            // of a struct, list or map
}

// newShape makes the shape of a column that the file has as f.
func newShape(f *fileField, want ice.Type, to arrow.DataType) (*shape, error) {
	s := &shape{to: to}
	var err error
	switch want := want.(type) {
	case *ice.StructType:
		_, ok := f.of.(*arrow.StructType)
		st, is := to.(*arrow.StructType)
		if !ok || !is || len(want.FieldList) != st.NumFields() {
			return nil, misfit(f.of, to)
		}
		s.children = make([]*shape, len(want.FieldList))
		for i, w := range want.FieldList {
			if s.children[i], err = childShape(f.children, w, st.Field(i).Type); err != nil {
				return nil, fmt.Errorf("field %q: %w", w.Name, err)
			}
		}
	case *ice.ListType:
		list, ok := to.(*arrow.ListType)
		if _, is := f.of.(*arrow.ListType); !is || !ok {
			return nil, misfit(f.of, to)
		}
		return s, s.nest(f, []ice.Type{want.Element}, []arrow.DataType{list.Elem()})
	case *ice.MapType:
		m, ok := to.(*arrow.MapType)
		if _, is := f.of.(*arrow.MapType); !is || !ok {
			return nil, misfit(f.of, to)
		}
		return s, s.nest(f, []ice.Type{want.KeyType, want.ValueType}, []arrow.DataType{m.KeyType(), m.ItemType()})
	default:
		s.convert, err = leafConversion(f.of, want, to)
	}
	return s, err
}

func misfit(from, to arrow.DataType) error {
	return fmt.Errorf("%w: %s does not fit %s", job.ErrInvalid, from, to)
}

// childShape makes the shape of a field of a struct, which the file may lack.
func childShape(fields []*fileField, want ice.NestedField, to arrow.DataType) (*shape, error) {
	at := find(fields, want.ID)
	if at < 0 {
		if want.Required && want.InitialDefault == nil {
			return nil, lacking(want)
		}
		v, err := ValueOf(want.InitialDefault, want.Type)
		if err != nil {
			return nil, err
		}
		return &shape{at: -1, to: to, constant: &constant{value: v, of: want.Type, to: to}}, nil
	}
	s, err := newShape(fields[at], want.Type, to)
	if err == nil {
		s.at = at
	}
	return s, err
}

// nest makes the shapes of what a list or map holds.
func (s *shape) nest(f *fileField, want []ice.Type, to []arrow.DataType) error {
	s.children = make([]*shape, len(want))
	for i := range want {
		child, err := newShape(f.children[i], want[i], to[i])
		if err != nil {
			return err
		}
		child.at = i
		s.children[i] = child
	}
	return nil
}

// leafConversion finds how values of a file become those of the scan: what the
// schema's evolution allows, and what types of the engine differ from Iceberg's.
func leafConversion(from arrow.DataType, want ice.Type, to arrow.DataType) (schemas.ConvertFunc, error) {
	if arrow.TypeEqual(from, to) {
		return nil, nil
	}
	switch want.(type) {
	case ice.UUIDType:
		switch {
		case from.ID() != arrow.STRING_VIEW:
		case to.ID() == arrow.BINARY_VIEW:
			return uuidBytes, nil
		case to.ID() == arrow.FIXED_SIZE_BINARY:
			return uuidsFixed, nil
		}
	case ice.VariantType:
		return variantTexts(from)
	}
	if f := schemas.Primitive(from, to); f != nil {
		return f, nil
	}
	switch {
	case from.ID() == arrow.INT32 && to.ID() == arrow.INT64:
		return func(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
			return promoted[int32, int64](mem, in, to)
		}, nil
	case from.ID() == arrow.FLOAT32 && to.ID() == arrow.FLOAT64:
		return func(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
			return promoted[float32, float64](mem, in, to)
		}, nil
	case from.ID() == arrow.DECIMAL128 && to.ID() == arrow.DECIMAL128:
		a, b := from.(*arrow.Decimal128Type), to.(*arrow.Decimal128Type)
		if a.Scale == b.Scale && a.Precision <= b.Precision {
			return relabel, nil
		}
	case from.ID() == arrow.TIMESTAMP && to.ID() == arrow.TIMESTAMP: // they differ in the zone
		return func(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
			same := &arrow.TimestampType{Unit: from.(*arrow.TimestampType).Unit, TimeZone: to.(*arrow.TimestampType).TimeZone}
			mid, err := relabel(mem, in, same)
			if err != nil {
				return nil, err
			}
			defer mid.Release()
			return schemas.Timestamps(mem, mid, to)
		}, nil
	case from.ID() == arrow.DATE32 && to.ID() == arrow.TIMESTAMP:
		return datesUp, nil
	case from.ID() == arrow.BINARY_VIEW && to.ID() == arrow.STRING_VIEW, from.ID() == arrow.STRING_VIEW && to.ID() == arrow.BINARY_VIEW:
		return relabel, nil
	}
	return nil, misfit(from, to)
}

func promoted[From int32 | float32, To int64 | float64](mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	d := in.Data()
	values := arrow.GetData[From](d.Buffers()[1].Bytes())[d.Offset() : d.Offset()+d.Len()]
	return schemas.FixedWidth(mem, in, to, func(out []To) error {
		for i, v := range values {
			out[i] = To(v)
		}
		return nil
	})
}

// relabel gives in another type of the same memory.
func relabel(_ memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	d := in.Data()
	data := array.NewData(to, d.Len(), d.Buffers(), nil, d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func datesUp(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	day := 86400e9 / int64(to.(*arrow.TimestampType).Unit.Multiplier())
	return schemas.FixedWidth(mem, in, to, func(out []int64) error {
		for i, v := range in.(*array.Date32).Date32Values() {
			out[i] = int64(v) * day
		}
		return nil
	})
}

// apply makes the scan's column of n rows from the file's, which is nil when
// the shape needs none. The result owns a reference.
func (s *shape) apply(mem memory.Allocator, in arrow.Array, n int) (arrow.Array, error) {
	switch {
	case s.constant != nil:
		out, err := s.constant.array(mem, n)
		if err != nil || in == nil {
			return out, err
		}
		defer out.Release()
		return schemas.Under(mem, in.(*array.Struct), out), nil
	case s.children == nil && s.convert == nil:
		in.Retain()
		return in, nil
	case s.children == nil:
		return s.convert(mem, in, s.to)
	case s.to.ID() == arrow.STRUCT:
		return s.structArray(mem, in.(*array.Struct), schemas.Validity(mem, in))
	}
	return s.list(mem, in.(array.ListLike))
}

// list converts the elements of a list or a map and keeps its offsets.
func (s *shape) list(mem memory.Allocator, in array.ListLike) (arrow.Array, error) {
	var child arrow.Array
	var err error
	if s.to.ID() == arrow.MAP {
		entries := &shape{to: s.to.(*arrow.MapType).Elem(), children: s.children}
		child, err = entries.structArray(mem, in.ListValues().(*array.Struct), nil)
	} else {
		child, err = s.children[0].apply(mem, in.ListValues(), in.ListValues().Len())
	}
	if err != nil {
		return nil, err
	}
	defer child.Release()
	d := in.Data()
	data := array.NewData(s.to, d.Len(), d.Buffers(), []arrow.ArrayData{child.Data()}, d.NullN(), d.Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

// structArray takes over valid.
func (s *shape) structArray(mem memory.Allocator, in *array.Struct, valid *memory.Buffer) (arrow.Array, error) {
	if valid != nil {
		defer valid.Release()
	}
	children := make([]arrow.ArrayData, len(s.children))
	for i, c := range s.children {
		var from arrow.Array
		if c.at >= 0 {
			from = in.Field(c.at)
		}
		child, err := c.apply(mem, from, in.Len())
		if err != nil {
			return nil, err
		}
		defer child.Release()
		children[i] = child.Data()
	}
	nulls := 0
	if valid != nil {
		nulls = in.NullN()
	}
	data := array.NewData(s.to, in.Len(), []*memory.Buffer{valid}, children, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// release gives back the constants.
func (s *shape) release() {
	if s.constant != nil {
		s.constant.release()
	}
	for _, c := range s.children {
		c.release()
	}
}
