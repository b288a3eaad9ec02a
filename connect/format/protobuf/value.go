package protobuf

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/vector/expr"
)

// valueWriter writes values of one column, without the number of their field.
type valueWriter struct {
	kind     protoreflect.Kind
	wire     protowire.Type
	numbers  map[string]int32 // of the names of an enum
	enum     string
	inner    *rowWriter // of a message
	perUnit  int64      // units of a second, of a google.protobuf.Timestamp
	nullText string

	column arrow.Array
	bits   func(row int) uint64 // of a number, as it is on the wire
}

func newValueWriter(fd protoreflect.FieldDescriptor, t arrow.DataType, nullText string) (*valueWriter, error) {
	w := &valueWriter{kind: fd.Kind(), wire: wireType(fd.Kind()), nullText: nullText}
	if !w.takes(fd, t) {
		return nil, unwritable(fd, t)
	}
	switch t := t.(type) {
	case *arrow.StructType:
		var err error
		w.inner, err = newRowWriter(fd.Message(), t.Fields(), nullText)
		return w, err
	case *arrow.TimestampType:
		w.perUnit = int64(1e9) / int64(t.Unit.Multiplier())
	case *arrow.StringViewType:
		if fd.Kind() == protoreflect.EnumKind {
			w.enum, w.numbers = string(fd.Enum().FullName()), map[string]int32{}
			values := fd.Enum().Values()
			for i := range values.Len() {
				w.numbers[string(values.Get(i).Name())] = int32(values.Get(i).Number())
			}
		}
	}
	return w, nil
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	default:
		return packedType(k)
	}
}

// takes reports whether the type is written as the field. Whole numbers go into fields
// that hold all of them.
func (w *valueWriter) takes(fd protoreflect.FieldDescriptor, t arrow.DataType) bool {
	narrow := t.ID() == arrow.INT8 || t.ID() == arrow.INT16 || t.ID() == arrow.INT32
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return t.ID() == arrow.BOOL
	case protoreflect.EnumKind:
		return narrow || t.ID() == arrow.STRING_VIEW
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Uint32Kind, protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind:
		return narrow
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind, protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		return narrow || t.ID() == arrow.INT64
	case protoreflect.FloatKind:
		return t.ID() == arrow.FLOAT32
	case protoreflect.DoubleKind:
		return t.ID() == arrow.FLOAT32 || t.ID() == arrow.FLOAT64
	case protoreflect.StringKind:
		return t.ID() == arrow.STRING_VIEW
	case protoreflect.BytesKind:
		return t.ID() == arrow.BINARY_VIEW
	case protoreflect.MessageKind:
		return t.ID() == arrow.STRUCT || t.ID() == arrow.TIMESTAMP && fd.Message().FullName() == "google.protobuf.Timestamp"
	case protoreflect.GroupKind:
	}
	return false
}

func unwritable(fd protoreflect.FieldDescriptor, t arrow.DataType) error {
	return fmt.Errorf("a %s cannot be written as a %s of Protobuf", expr.TypeName(t), describe(fd))
}

func (w *valueWriter) fill(column arrow.Array) {
	w.column = column
	if a, ok := column.(*array.Struct); ok {
		for i, f := range w.inner.fields {
			f.fill(a.Field(i))
		}
		return
	}
	w.bits = w.bitsOf(column)
}

func (w *valueWriter) drop() {
	if w.column, w.bits = nil, nil; w.inner != nil {
		w.inner.drop()
	}
}

// bitsOf is nil for what is no number.
func (w *valueWriter) bitsOf(column arrow.Array) func(row int) uint64 {
	switch a := column.(type) {
	case *array.Boolean:
		return func(row int) uint64 { return protowire.EncodeBool(a.Value(row)) }
	case *array.Int8:
		return integers(w.kind, a.Int8Values())
	case *array.Int16:
		return integers(w.kind, a.Int16Values())
	case *array.Int32:
		return integers(w.kind, a.Int32Values())
	case *array.Int64:
		return integers(w.kind, a.Int64Values())
	case *array.Float32:
		if w.kind == protoreflect.DoubleKind {
			return func(row int) uint64 { return math.Float64bits(float64(a.Value(row))) }
		}
		return func(row int) uint64 { return uint64(math.Float32bits(a.Value(row))) }
	case *array.Float64:
		return func(row int) uint64 { return math.Float64bits(a.Value(row)) }
	}
	return nil
}

func integers[T ~int8 | ~int16 | ~int32 | ~int64](k protoreflect.Kind, values []T) func(row int) uint64 {
	switch k {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return func(row int) uint64 { return protowire.EncodeZigZag(int64(values[row])) }
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return func(row int) uint64 { return uint64(uint32(values[row])) }
	default:
		return func(row int) uint64 { return uint64(int64(values[row])) }
	}
}

// isDefault reports whether a value is what a field has that is not in the message.
func (w *valueWriter) isDefault(row int) bool {
	switch a := w.column.(type) {
	case *array.StringView:
		n, known := w.numbers[a.Value(row)]
		return a.ValueLen(row) == 0 && w.numbers == nil || known && n == 0
	case *array.BinaryView:
		return a.ValueLen(row) == 0
	}
	return w.bits != nil && w.bits(row) == 0
}

// append appends a value that is not NULL.
func (w *valueWriter) append(dst []byte, row int) ([]byte, error) {
	if w.bits != nil {
		return w.appendBits(dst, w.bits(row)), nil
	}
	switch a := w.column.(type) {
	case *array.StringView:
		text := a.Value(row)
		if w.numbers == nil {
			return protowire.AppendString(dst, text), nil
		}
		n, ok := w.numbers[text]
		if !ok {
			return nil, fmt.Errorf("the enum %s has no %q", w.enum, text)
		}
		return protowire.AppendVarint(dst, uint64(int64(n))), nil
	case *array.BinaryView:
		return protowire.AppendBytes(dst, a.Value(row)), nil
	case *array.Timestamp:
		dst, at := open(dst)
		return seal(w.timestamp(dst, int64(a.Value(row))), at), nil
	}
	dst, at := open(dst)
	dst, err := w.inner.append(dst, row)
	if err != nil {
		return nil, err
	}
	return seal(dst, at), nil
}

func (w *valueWriter) appendBits(dst []byte, v uint64) []byte {
	switch w.wire {
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(dst, uint32(v))
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(dst, v)
	case protowire.VarintType, protowire.BytesType, protowire.StartGroupType, protowire.EndGroupType:
	}
	return protowire.AppendVarint(dst, v)
}

// timestamp appends the fields of a google.protobuf.Timestamp.
func (w *valueWriter) timestamp(dst []byte, units int64) []byte {
	seconds, rest := units/w.perUnit, units%w.perUnit
	if rest < 0 {
		seconds, rest = seconds-1, rest+w.perUnit
	}
	if seconds != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, 1, protowire.VarintType), uint64(seconds))
	}
	if rest != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, 2, protowire.VarintType), uint64(rest*(1e9/w.perUnit)))
	}
	return dst
}

// element appends an element of a list or of a map, which has its default when it is
// NULL.
func (w *valueWriter) element(dst []byte, row int) ([]byte, error) {
	switch {
	case !w.column.IsNull(row):
		return w.append(dst, row)
	case w.kind == protoreflect.StringKind:
		return protowire.AppendString(dst, w.nullText), nil
	case w.wire == protowire.BytesType:
		return append(dst, 0), nil
	}
	return w.appendBits(dst, 0), nil
}
