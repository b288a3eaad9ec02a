package state

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// outwardType is the type in a run file of a column that has type t within the
// engine: views become plain strings and bytes, intervals their number.
func outwardType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary
	case *arrow.MonthIntervalType:
		return arrow.PrimitiveTypes.Int32
	case *arrow.DurationType:
		return arrow.PrimitiveTypes.Int64
	case *arrow.ListType:
		f := t.ElemField()
		f.Type = outwardType(f.Type)
		return arrow.ListOfField(f)
	case *arrow.MapType:
		m := arrow.MapOf(outwardType(t.KeyType()), outwardType(t.ItemType()))
		m.SetItemNullable(t.ItemField().Nullable)
		m.KeysSorted = t.KeysSorted
		return m
	case *arrow.StructType:
		fs := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			f.Type = outwardType(f.Type)
			fs[i] = f
		}
		return arrow.StructOf(fs...)
	}
	return t
}

// outward brings a column into the type that it has in a run file.
func outward(alloc memory.Allocator, a arrow.Array) arrow.Array {
	return convert(alloc, a, outwardType(a.DataType()))
}

// inward brings a column of a run file into the engine's type t, whose
// outwardType it has.
func inward(alloc memory.Allocator, a arrow.Array, t arrow.DataType) arrow.Array {
	return convert(alloc, a, t)
}

func convert(alloc memory.Allocator, a arrow.Array, to arrow.DataType) arrow.Array {
	if a.DataType() == to {
		a.Retain()
		return a
	}
	switch to.ID() {
	case arrow.STRING, arrow.BINARY:
		return vector.ExternalizeArray(alloc, a)
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return vector.InternalizeArray(alloc, a)
	}
	d := a.Data()
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, t := range childTypes(to) {
		c := array.MakeFromData(d.Children()[i])
		n := convert(alloc, c, t)
		c.Release()
		children[i] = n.Data()
		defer n.Release()
	}
	nd := array.NewData(to, d.Len(), d.Buffers(), children, d.NullN(), d.Offset())
	defer nd.Release()
	return array.MakeFromData(nd)
}

func childTypes(t arrow.DataType) []arrow.DataType {
	n, ok := t.(arrow.NestedType)
	if !ok {
		return nil
	}
	var ts []arrow.DataType
	if m, ok := t.(*arrow.MapType); ok {
		return append(ts, m.Elem())
	}
	for _, f := range n.Fields() {
		ts = append(ts, f.Type)
	}
	return ts
}

// rebuild appends the n rows of a to b and returns its array.
