package avro

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Encoder writes rows as messages of a schema. It belongs to one goroutine.
type Encoder struct{ row *writer }

// NewEncoder returns an encoder for rows of s, whose columns are the fields of a record
// with a schema in JSON.
func NewEncoder(text string, s *arrow.Schema) (*Encoder, error) {
	of, err := parseSchema(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if of.kind != record {
		return nil, fmt.Errorf("%w: the schema of rows is a record, not a %s", job.ErrInvalid, of.kind)
	}
	row, err := newRecord(of, s.Fields())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return &Encoder{row}, nil
}

// Fill takes the columns of a batch, which are borrowed until Drop.
func (e *Encoder) Fill(columns []arrow.Array) { e.row.fillFields(columns) }

// Append appends the message of a row.
func (e *Encoder) Append(dst []byte, row int, _ stream.RowKind) ([]byte, error) {
	return e.row.record(dst, row)
}

// Drop ends the use of the columns.
func (e *Encoder) Drop() { e.row.drop() }

// writer writes the values of one column as a schema says.
type writer struct {
	of   *schema
	typ  arrow.DataType
	null int // the branch of the union that is null, or -1
	// inner are the elements of a list, the values of a map, or the fields of a
	// row, which are columns of it; -1 is none.
	inner   []*writer
	columns []int

	column arrow.Array
	plain  func(dst []byte, row int) []byte
}

func newRecord(s *schema, fields []arrow.Field) (*writer, error) {
	w := &writer{of: s, null: -1}
	for _, f := range s.fields {
		at := slices.IndexFunc(fields, func(c arrow.Field) bool { return c.Name == f.name })
		if at < 0 {
			if _, null, ok := f.schema.nullable(); ok {
				w.columns, w.inner = append(w.columns, -1), append(w.inner, &writer{of: f.schema, null: null})
				continue
			}
			return nil, fmt.Errorf("the table has no column %s, which the schema has and which may not be null", f.name)
		}
		inner, err := newWriter(f.schema, fields[at].Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.name, err)
		}
		w.columns, w.inner = append(w.columns, at), append(w.inner, inner)
	}
	for _, c := range fields {
		if s.find(c.Name) < 0 {
			return nil, fmt.Errorf("the schema has no field %s", c.Name)
		}
	}
	return w, nil
}

func newWriter(s *schema, t arrow.DataType) (*writer, error) {
	w := &writer{of: s, null: -1, typ: t}
	if of, null, ok := s.nullable(); ok {
		w.of, w.null = of, null
	}
	if !w.fits() {
		what := w.of.kind.String()
		if w.of.logical != "" {
			what += " (" + w.of.logical + ")"
		}
		return nil, fmt.Errorf("a %s cannot be written as a %s of Avro", expr.TypeName(t), what)
	}
	var err error
	var inner *writer
	switch t := t.(type) {
	case *arrow.ListType:
		inner, err = newWriter(w.of.elements, t.Elem())
		w.inner = []*writer{inner}
	case *arrow.MapType:
		inner, err = newWriter(w.of.elements, t.ItemType())
		w.inner = []*writer{inner}
	case *arrow.StructType:
		inner, err = newRecord(w.of, t.Fields())
		if err == nil {
			w.inner, w.columns = inner.inner, inner.columns
		}
	}
	return w, err
}

// fits reports whether the type is written as the schema.
func (w *writer) fits() bool {
	k := w.of.kind
	switch t := w.typ.(type) {
	case *arrow.StringViewType:
		return k == chars || k == bytes
	case *arrow.BinaryViewType:
		return k == bytes && w.of.logical != "decimal"
	case *arrow.BooleanType:
		return k == boolean
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type:
		return k == integer || k == long
	case *arrow.Int64Type:
		return k == long
	case *arrow.Float32Type:
		return k == float
	case *arrow.Float64Type:
		return k == double
	case *arrow.Date32Type, *arrow.Time32Type:
		return k == integer
	case *arrow.Decimal128Type:
		return k == bytes && w.of.logical == "decimal" && w.of.scale == t.Scale
	case *arrow.TimestampType:
		return k == long
	case *arrow.ListType:
		return k == list
	case *arrow.MapType:
		return k == mapping && t.KeyType().ID() == arrow.STRING_VIEW
	case *arrow.StructType:
		return k == record
	}
	return false
}

// fillFields takes the columns of a record.
func (w *writer) fillFields(columns []arrow.Array) {
	for i, at := range w.columns {
		if at >= 0 {
			w.inner[i].fill(columns[at])
		}
	}
}

// fill takes a column.
func (w *writer) fill(column arrow.Array) {
	w.column = column
	switch a := column.(type) {
	case *array.List:
		w.inner[0].fill(a.ListValues())
	case *array.Map:
		w.inner[0].fill(a.Items())
	case *array.Struct:
		for i, at := range w.columns {
			if at >= 0 {
				w.inner[i].fill(a.Field(at))
			}
		}
	default:
		w.plain = w.plainOf(column)
	}
}

func (w *writer) drop() {
	w.column, w.plain = nil, nil
	for _, x := range w.inner {
		x.drop()
	}
}

// plainOf writes the values of a column that has none inside.
func (w *writer) plainOf(column arrow.Array) func(dst []byte, row int) []byte {
	switch a := column.(type) {
	case *array.StringView:
		return func(dst []byte, row int) []byte { return appendText(dst, a.Value(row)) }
	case *array.BinaryView:
		return func(dst []byte, row int) []byte { return appendText(dst, a.ValueString(row)) }
	case *array.Boolean:
		return func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case *array.Int8:
		return longs(a.Int8Values())
	case *array.Int16:
		return longs(a.Int16Values())
	case *array.Int32:
		return longs(a.Int32Values())
	case *array.Int64:
		return longs(a.Int64Values())
	case *array.Float32:
		return func(dst []byte, row int) []byte {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(a.Value(row)))
		}
	case *array.Float64:
		return func(dst []byte, row int) []byte {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(a.Value(row)))
		}
	case *array.Date32:
		return longs(a.Date32Values())
	case *array.Time32:
		mul := max(1, 1000/perSecond(a.DataType().(*arrow.Time32Type).Unit))
		return func(dst []byte, row int) []byte { return appendLong(dst, int64(a.Value(row))*mul) }
	case *array.Timestamp:
		return timestamps(a, w.of.logical)
	case *array.Decimal128:
		return func(dst []byte, row int) []byte { return appendUnscaled(dst, a.Value(row)) }
	}
	panic("avro: no values of " + column.DataType().String())
}

func longs[T ~int8 | ~int16 | ~int32 | ~int64](values []T) func(dst []byte, row int) []byte {
	return func(dst []byte, row int) []byte { return appendLong(dst, int64(values[row])) }
}

func timestamps(a *array.Timestamp, logical string) func(dst []byte, row int) []byte {
	unit := int64(1e3)
	if logical == "timestamp-micros" || logical == "local-timestamp-micros" {
		unit = 1e6
	}
	has := perSecond(a.DataType().(*arrow.TimestampType).Unit)
	mul, div := max(1, unit/has), max(1, has/unit)
	return func(dst []byte, row int) []byte {
		v := int64(a.Value(row)) * mul
		w := v / div
		if v%div < 0 {
			w--
		}
		return appendLong(dst, w)
	}
}

func appendLong(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

func appendText(dst []byte, s string) []byte {
	return append(appendLong(dst, int64(len(s))), s...)
}

// appendUnscaled writes the fewest bytes of a number.
func appendUnscaled(dst []byte, v decimal128.Num) []byte {
	var full [16]byte
	binary.BigEndian.PutUint64(full[:8], uint64(v.HighBits()))
	binary.BigEndian.PutUint64(full[8:], v.LowBits())
	b := full[:]
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return append(appendLong(dst, int64(len(b))), b...)
}

func (w *writer) record(dst []byte, row int) ([]byte, error) {
	var err error
	for i, x := range w.inner {
		if w.columns[i] < 0 {
			dst = appendLong(dst, int64(x.null))
		} else if dst, err = x.append(dst, row); err != nil {
			return nil, fmt.Errorf("column %s: %w", w.of.fields[i].name, err)
		}
	}
	return dst, nil
}

// append appends the value of a row.
func (w *writer) append(dst []byte, row int) ([]byte, error) {
	if w.column.IsNull(row) {
		if w.null < 0 {
			return nil, fmt.Errorf("it is NULL, and its schema in Avro has no null")
		}
		return appendLong(dst, int64(w.null)), nil
	}
	if w.null >= 0 {
		dst = appendLong(dst, int64(1-w.null))
	}
	switch a := w.column.(type) {
	case *array.List:
		from, to := a.ValueOffsets(row)
		return w.elements(dst, nil, from, to)
	case *array.Map:
		from, to := a.ValueOffsets(row)
		return w.elements(dst, a.Keys().(*array.StringView), from, to)
	case *array.Struct:
		return w.record(dst, row)
	}
	return w.plain(dst, row), nil
}

func (w *writer) elements(dst []byte, keys *array.StringView, from, to int64) ([]byte, error) {
	var err error
	if to > from {
		dst = appendLong(dst, to-from)
	}
	for i := from; i < to; i++ {
		if keys != nil {
			dst = appendText(dst, keys.Value(int(i)))
		}
		if dst, err = w.inner[0].append(dst, int(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, 0), nil
}
