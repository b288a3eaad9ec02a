package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Encoder writes rows as messages. A column that is NULL is not in the message; nor is
// one that has its default, in a field that cannot tell. Lists and maps hold no NULLs
// in Protobuf: such an element is written as its default. It belongs to one goroutine.
type Encoder struct{ row *rowWriter }

// NewEncoder returns an encoder of messages of m for rows of s, whose columns are fields
// of the message. nullText stands for a NULL text in a list or a map.
func NewEncoder(m protoreflect.MessageDescriptor, s *arrow.Schema, nullText string) (*Encoder, error) {
	row, err := newRowWriter(m, s.Fields(), nullText)
	if err != nil {
		return nil, fmt.Errorf("%w: message %s: %w", job.ErrInvalid, m.FullName(), err)
	}
	return &Encoder{row}, nil
}

// Fill takes the columns of a batch, which are borrowed until Drop.
func (e *Encoder) Fill(columns []arrow.Array) {
	for i, f := range e.row.fields {
		f.fill(columns[i])
	}
}

// Append appends the message of a row.
func (e *Encoder) Append(dst []byte, row int, _ stream.RowKind) ([]byte, error) {
	return e.row.append(dst, row)
}

// Drop ends the use of the columns.
func (e *Encoder) Drop() { e.row.drop() }

// rowWriter writes the fields of a message, in the order of the columns: of those of a
// oneof the last counts.
type rowWriter struct{ fields []*fieldWriter }

func newRowWriter(m protoreflect.MessageDescriptor, columns []arrow.Field, nullText string) (*rowWriter, error) {
	w := &rowWriter{}
	for _, c := range columns {
		fd := m.Fields().ByName(protoreflect.Name(c.Name))
		if fd == nil {
			return nil, fmt.Errorf("it has no field %s", c.Name)
		}
		f, err := newFieldWriter(fd, c.Type, nullText)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", c.Name, err)
		}
		w.fields = append(w.fields, f)
	}
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		there := slices.ContainsFunc(columns, func(c arrow.Field) bool { return c.Name == string(fd.Name()) })
		if fd.Cardinality() == protoreflect.Required && !there {
			return nil, fmt.Errorf("field %s is required, and the table has no such column", fd.Name())
		}
	}
	return w, nil
}

func (w *rowWriter) append(dst []byte, row int) ([]byte, error) {
	var err error
	for _, f := range w.fields {
		if dst, err = f.append(dst, row); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return dst, nil
}

func (w *rowWriter) drop() {
	for _, f := range w.fields {
		f.drop()
	}
}

// fieldWriter writes the values of a column with their field's number.
type fieldWriter struct {
	name               string
	number             protowire.Number
	implicit, required bool
	packed             bool
	// value is that of the field, of the elements of a list, or of a map; key is nil
	// but of a map.
	value, key *valueWriter

	column arrow.Array
}

func newFieldWriter(fd protoreflect.FieldDescriptor, t arrow.DataType, nullText string) (*fieldWriter, error) {
	f := &fieldWriter{
		name: string(fd.Name()), number: fd.Number(), required: fd.Cardinality() == protoreflect.Required, packed: fd.IsPacked(),
		implicit: !fd.HasPresence() && !fd.IsList() && !fd.IsMap(),
	}
	var err error
	switch {
	case fd.IsMap():
		m, ok := t.(*arrow.MapType)
		if !ok {
			return nil, unwritable(fd, t)
		}
		if f.key, err = newValueWriter(fd.MapKey(), m.KeyType(), nullText); err == nil {
			f.value, err = newValueWriter(fd.MapValue(), m.ItemType(), nullText)
		}
	case fd.IsList():
		l, ok := t.(*arrow.ListType)
		if !ok {
			return nil, unwritable(fd, t)
		}
		f.value, err = newValueWriter(fd, l.Elem(), nullText)
	default:
		f.value, err = newValueWriter(fd, t, nullText)
	}
	return f, err
}

func (f *fieldWriter) fill(column arrow.Array) {
	f.column = column
	switch a := column.(type) {
	case *array.Map:
		f.key.fill(a.Keys())
		f.value.fill(a.Items())
	case *array.List:
		f.value.fill(a.ListValues())
	default:
		f.value.fill(column)
	}
}

func (f *fieldWriter) drop() {
	f.column = nil
	f.value.drop()
	if f.key != nil {
		f.key.drop()
	}
}

func (f *fieldWriter) append(dst []byte, row int) ([]byte, error) {
	if f.column.IsNull(row) {
		if f.required {
			return nil, errors.New("it is required, and NULL")
		}
		return dst, nil
	}
	switch a := f.column.(type) {
	case *array.Map:
		from, to := a.ValueOffsets(row)
		return f.entries(dst, int(from), int(to))
	case *array.List:
		from, to := a.ValueOffsets(row)
		return f.elements(dst, int(from), int(to))
	}
	if f.implicit && f.value.isDefault(row) {
		return dst, nil
	}
	return f.value.append(protowire.AppendTag(dst, f.number, f.value.wire), row)
}

func (f *fieldWriter) elements(dst []byte, from, to int) ([]byte, error) {
	if from == to {
		return dst, nil
	}
	var err error
	if !f.packed {
		for i := from; i < to && err == nil; i++ {
			dst, err = f.value.element(protowire.AppendTag(dst, f.number, f.value.wire), i)
		}
		return dst, err
	}
	dst = protowire.AppendTag(dst, f.number, protowire.BytesType)
	dst, at := open(dst)
	for i := from; i < to; i++ {
		if dst, err = f.value.element(dst, i); err != nil {
			return nil, err
		}
	}
	return seal(dst, at), nil
}

func (f *fieldWriter) entries(dst []byte, from, to int) ([]byte, error) {
	var err error
	for i := from; i < to; i++ {
		dst = protowire.AppendTag(dst, f.number, protowire.BytesType)
		var at int
		dst, at = open(dst)
		if dst, err = f.key.element(protowire.AppendTag(dst, 1, f.key.wire), i); err != nil {
			return nil, err
		}
		if dst, err = f.value.element(protowire.AppendTag(dst, 2, f.value.wire), i); err != nil {
			return nil, err
		}
		dst = seal(dst, at)
	}
	return dst, nil
}

// open begins bytes whose number is not known yet; seal ends them.
func open(dst []byte) (with []byte, at int) { return append(dst, 0), len(dst) }

func seal(dst []byte, at int) []byte {
	n := len(dst) - at - 1
	more := protowire.SizeVarint(uint64(n)) - 1
	if more > 0 { // the number takes more than the byte that was left for it
		dst = append(dst, make([]byte, more)...)
		copy(dst[at+1+more:], dst[at+1:at+1+n])
	}
	binary.PutUvarint(dst[at:], uint64(n))
	return dst
}
