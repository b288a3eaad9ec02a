package parquet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// valueClass says how the values of a leaf are held while they are written.
type valueClass uint8

const (
	classBool  valueClass = iota
	class32               // INT32, FLOAT
	class64               // INT64, DOUBLE
	classFixed            // FIXED_LEN_BYTE_ARRAY
	classBytes            // BYTE_ARRAY
)

// order says how values of a leaf compare in statistics.
type order uint8

const (
	orderSigned order = iota
	orderUnsigned
	orderFloat
	orderBytes
	orderBigEndian // two's complement
	orderNone
)

// step is one node on the way from a column down to a leaf.
type step struct {
	kind     nodeKind
	child    int // structs: which field; maps: 0 key, 1 value
	nullable bool
}

// target is a leaf of a file to be written.
type target struct {
	element        schemaElement
	path           []string
	column         int    // of the Arrow schema
	steps          []step // from the column to the leaf itself
	maxRep, maxDef int
	class          valueClass
	order          order
	of             arrow.DataType
}

// schemaBuilder lists the elements and leaves of an Arrow schema.
type schemaBuilder struct {
	elements []schemaElement
	targets  []*target
}

func newWriteSchema(s *arrow.Schema) (*schemaBuilder, error) {
	b := &schemaBuilder{}
	if s.NumFields() == 0 {
		return nil, fmt.Errorf("%w: a file needs at least one column", job.ErrInvalid)
	}
	b.elements = append(b.elements, schemaElement{
		name: "schema", phys: group, conv: convNone, children: int32(s.NumFields()), fieldID: -1,
	})
	for i, f := range s.Fields() {
		if err := b.add(f, &target{column: i}, 0); err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return b, nil
}

// add appends the element of f and what is below it. above is the way to f.
func (b *schemaBuilder) add(f arrow.Field, above *target, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: type nests deeper than %d", job.ErrInvalid, maxDepth)
	}
	e := schemaElement{name: f.Name, phys: group, conv: convNone, fieldID: fieldID(f)}
	t := *above
	t.path = append(above.path[:len(above.path):len(above.path)], f.Name)
	t.of = f.Type
	if f.Nullable {
		e.rep = optional
		t.maxDef++
	}
	switch typ := f.Type.(type) {
	case *arrow.StructType:
		if typ.NumFields() == 0 {
			return fmt.Errorf("%w: a ROW without fields cannot be written", job.ErrInvalid)
		}
		e.children = int32(typ.NumFields())
		b.elements = append(b.elements, e)
		for i, c := range typ.Fields() {
			if err := b.add(c, t.below(step{structNode, i, f.Nullable}), depth+1); err != nil {
				return err
			}
		}
		return nil
	case *arrow.MapType:
		e.children, e.conv, e.logical = 1, convMap, logicalType{kind: logMap}
		b.elements = append(b.elements, e, schemaElement{
			name: "key_value", phys: group, conv: convNone, rep: repeated, children: 2, fieldID: -1,
		})
		key, item := typ.KeyField(), typ.ItemField()
		key.Name, key.Nullable, item.Name = "key", false, "value"
		for i, c := range []arrow.Field{key, item} {
			if err := b.add(c, t.below(step{mapNode, i, f.Nullable}, "key_value"), depth+1); err != nil {
				return err
			}
		}
		return nil
	case *arrow.ListType:
		e.children, e.conv, e.logical = 1, convList, logicalType{kind: logList}
		b.elements = append(b.elements, e, schemaElement{
			name: "list", phys: group, conv: convNone, rep: repeated, children: 1, fieldID: -1,
		})
		elem := typ.ElemField()
		elem.Name = "element"
		return b.add(elem, t.below(step{listNode, 0, f.Nullable}, "list"), depth+1)
	}
	if err := t.leaf(&e); err != nil {
		return err
	}
	if f.Metadata.FindKey(UUIDKey) >= 0 && e.phys == physFixedLenArray && e.typeLength == 16 {
		e.logical = logicalType{kind: logUUID}
	}
	t.steps = append(t.steps[:len(t.steps):len(t.steps)], step{leafNode, 0, f.Nullable})
	t.element = e
	b.elements = append(b.elements, e)
	b.targets = append(b.targets, &t)
	return nil
}

// below is the way one step further; lists add a level of both kinds.
func (t target) below(s step, names ...string) *target {
	t.steps = append(t.steps[:len(t.steps):len(t.steps)], s)
	t.path = append(t.path[:len(t.path):len(t.path)], names...)
	if s.kind != structNode {
		t.maxRep++
		t.maxDef++
	}
	return &t
}

func fieldID(f arrow.Field) int32 {
	if s, ok := f.Metadata.GetValue(FieldIDKey); ok {
		if id, err := strconv.ParseInt(s, 10, 32); err == nil {
			return int32(id)
		}
	}
	return -1
}

// leaf chooses the physical and logical type of a leaf.
func (t *target) leaf(e *schemaElement) error {
	is := func(p physical, c valueClass, o order, l logicalType, conv converted) error {
		e.phys, t.class, t.order, e.logical, e.conv = p, c, o, l, conv
		return nil
	}
	plain := logicalType{}
	switch typ := t.of.(type) {
	case *arrow.BooleanType:
		return is(physBool, classBool, orderUnsigned, plain, convNone)
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return t.smallInt(e, typ.(arrow.FixedWidthDataType))
	case *arrow.Int32Type, *arrow.MonthIntervalType:
		return is(physInt32, class32, orderSigned, plain, convNone)
	case *arrow.Int64Type, *arrow.DurationType:
		return is(physInt64, class64, orderSigned, plain, convNone)
	case *arrow.Float32Type:
		return is(physFloat, class32, orderFloat, plain, convNone)
	case *arrow.Float64Type:
		return is(physDouble, class64, orderFloat, plain, convNone)
	case *arrow.Date32Type:
		return is(physInt32, class32, orderSigned, logicalType{kind: logDate}, convDate)
	case *arrow.Time32Type:
		return is(physInt32, class32, orderSigned, logicalType{kind: logTime, unit: millis}, convNone)
	case *arrow.Time64Type:
		u := micros
		if typ.Unit == arrow.Nanosecond {
			u = nanos
		}
		return is(physInt64, class64, orderSigned, logicalType{kind: logTime, unit: u}, convNone)
	case *arrow.TimestampType:
		return t.timestamp(e, typ)
	case *arrow.Decimal128Type:
		e.precision, e.scale = typ.Precision, typ.Scale
		l := logicalType{kind: logDecimal, precision: typ.Precision, scale: typ.Scale}
		switch {
		case typ.Precision <= 9:
			return is(physInt32, class32, orderSigned, l, convDecimal)
		case typ.Precision <= 18:
			return is(physInt64, class64, orderSigned, l, convDecimal)
		}
		e.typeLength = decimalWidth(typ.Precision)
		return is(physFixedLenArray, classFixed, orderBigEndian, l, convDecimal)
	case *arrow.StringViewType, *arrow.StringType, *arrow.LargeStringType:
		return is(physByteArray, classBytes, orderBytes, logicalType{kind: logString}, convUTF8)
	case *arrow.BinaryViewType, *arrow.BinaryType, *arrow.LargeBinaryType:
		return is(physByteArray, classBytes, orderBytes, plain, convNone)
	case *arrow.FixedSizeBinaryType:
		e.typeLength = int32(typ.ByteWidth)
		return is(physFixedLenArray, classFixed, orderBytes, plain, convNone)
	}
	return fmt.Errorf("%w: type %v cannot be written to Parquet", job.ErrInvalid, t.of)
}

func (t *target) smallInt(e *schemaElement, typ arrow.FixedWidthDataType) error {
	bits := typ.BitWidth()
	signed := arrow.IsSignedInteger(typ.ID())
	e.phys, t.class = physInt32, class32
	if bits == 64 {
		e.phys, t.class = physInt64, class64
	}
	t.order = orderUnsigned
	first := convUint8
	if signed {
		t.order, first = orderSigned, convInt8
	}
	e.logical = logicalType{kind: logInteger, bits: int8(bits), signed: signed}
	e.conv = first + converted(bitWidth(bits/16))
	return nil
}

func (t *target) timestamp(e *schemaElement, typ *arrow.TimestampType) error {
	e.phys, t.class, t.order = physInt64, class64, orderSigned
	l := logicalType{kind: logTimestamp, unit: millis, adjusted: typ.TimeZone != ""}
	switch typ.Unit {
	case arrow.Microsecond:
		l.unit = micros
	case arrow.Nanosecond:
		l.unit = nanos
	default: // seconds become milliseconds
	}
	e.logical = l
	if l.adjusted && l.unit != nanos { // the old annotations mean UTC
		e.conv = convTimestampMillis + converted(l.unit-millis)
	}
	return nil
}

// decimalWidth is how many bytes hold every decimal of precision p: those of
// 10^p with a sign.
func decimalWidth(p int32) int32 {
	widths := [...]int32{
		1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9,
		9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16,
	}
	return widths[p]
}

func (t *target) name() string { return strings.Join(t.path, ".") }
