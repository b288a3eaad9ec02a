package protobuf

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/internal/columns"
	"github.com/wadi-engine/wadi/vector/expr"
)

// message is what of a message is wanted.
type message struct {
	fields  []*field // by number, for small ones
	others  map[protoreflect.FieldNumber]*field
	all     []*field
	missing []*columns.Column // that it has no field for
}

// dense is the greatest number of a field that is found without a map.
const dense = 256

// form is how a field becomes a value.
type form uint8

const (
	plain   form = iota // a number, a text, bytes
	stamp               // google.protobuf.Timestamp as a TIMESTAMP
	row                 // a message as a ROW
	within              // a message of which fields are columns
	list                // repeated values
	mapping             // repeated entries
)

// field is a field with a column, or with columns inside.
type field struct {
	form  form
	kind  protoreflect.Kind
	name  string
	col   *columns.Column
	inner *message // of a row, within, or of the entries of a map
	item  *field   // of a list
	also  *field   // another one for the same values
	cols  []*columns.Column

	symbols map[int32]string // of an enum as text
	// fallback is the value that the message has where none is there, if the field
	// is never absent or defaults are wanted.
	fallback protoreflect.Value
	defaults bool

	// scratch
	seen  bool   // there is a message for the row
	first []byte // what of it came so far
}

// want is a column and where in a message its value is.
type want struct {
	path []string
	col  *columns.Column
}

type compiler struct{ defaults bool }

func (c *compiler) message(d protoreflect.MessageDescriptor, wants []want) (*message, error) {
	m := &message{}
	var order []string
	by := map[string][]want{}
	for _, w := range wants {
		if by[w.path[0]] == nil {
			order = append(order, w.path[0])
		}
		by[w.path[0]] = append(by[w.path[0]], w)
	}
	for _, name := range order {
		fd := d.Fields().ByName(protoreflect.Name(name))
		if fd == nil {
			for _, w := range by[name] {
				m.missing = append(m.missing, w.col)
			}
			continue
		}
		f, err := c.targets(fd, by[name])
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		m.add(fd.Number(), f)
	}
	return m, nil
}

func (m *message) add(n protoreflect.FieldNumber, f *field) {
	m.all = append(m.all, f)
	if n >= dense {
		if m.others == nil {
			m.others = map[protoreflect.FieldNumber]*field{}
		}
		m.others[n] = f
		return
	}
	for int(n) >= len(m.fields) {
		m.fields = append(m.fields, nil)
	}
	m.fields[n] = f
}

// targets are the columns of a field, of which each has the same values.
func (c *compiler) targets(fd protoreflect.FieldDescriptor, wants []want) (*field, error) {
	var head *field
	var inside []want
	for _, w := range wants {
		if len(w.path) > 1 {
			inside = append(inside, want{w.path[1:], w.col})
			continue
		}
		f, err := c.field(fd, w.col)
		if err != nil {
			return nil, err
		}
		f.also, head = head, f
	}
	if inside != nil {
		if fd.Kind() != protoreflect.MessageKind || fd.IsList() || fd.IsMap() {
			return nil, fmt.Errorf("it is no message with a field %s", inside[0].path[0])
		}
		inner, err := c.message(fd.Message(), inside)
		if err != nil {
			return nil, err
		}
		f := &field{form: within, kind: fd.Kind(), name: string(fd.Name()), inner: inner, defaults: c.defaults, also: head}
		for _, w := range inside {
			f.cols = append(f.cols, w.col)
		}
		head = f
	}
	return head, nil
}

func (c *compiler) field(fd protoreflect.FieldDescriptor, col *columns.Column) (*field, error) {
	f := &field{kind: fd.Kind(), name: string(fd.Name()), col: col, cols: []*columns.Column{col}, defaults: c.defaults}
	var err error
	switch {
	case fd.IsMap():
		if f.form = mapping; col.Kind != columns.Maps {
			return nil, mismatch(fd, col)
		}
		f.inner, err = c.entry(fd, col)
		return f, err
	case fd.IsList():
		if f.form = list; col.Kind != columns.Lists {
			return nil, mismatch(fd, col)
		}
		f.item, err = c.value(&field{kind: fd.Kind(), name: f.name, col: col.Children[0], cols: col.Children, defaults: c.defaults}, fd)
		return f, err
	}
	if !fd.HasPresence() || c.defaults {
		f.fallback = fd.Default()
	}
	return c.value(f, fd)
}

// entry is the message of an entry of a map.
func (c *compiler) entry(fd protoreflect.FieldDescriptor, col *columns.Column) (*message, error) {
	m := &message{}
	for i, of := range []protoreflect.FieldDescriptor{fd.MapKey(), fd.MapValue()} {
		f := &field{kind: of.Kind(), name: string(of.Name()), col: col.Children[i], cols: col.Children[i : i+1], defaults: c.defaults, fallback: of.Default()}
		f, err := c.value(f, of)
		if err != nil {
			return nil, err
		}
		m.add(of.Number(), f)
	}
	return m, nil
}

// value sets how a single value becomes one of the column.
func (c *compiler) value(f *field, fd protoreflect.FieldDescriptor) (*field, error) {
	ok := false
	switch fd.Kind() {
	case protoreflect.BoolKind:
		ok = f.col.Kind == columns.Booleans
	case protoreflect.EnumKind:
		if ok = f.col.Kind == columns.Integers || f.col.Kind == columns.Texts; f.col.Kind == columns.Texts {
			f.symbols = map[int32]string{}
			values := fd.Enum().Values()
			for i := range values.Len() {
				f.symbols[int32(values.Get(i).Number())] = string(values.Get(i).Name())
			}
		}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Uint32Kind, protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind, protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		ok = f.col.Kind == columns.Integers
	case protoreflect.FloatKind:
		ok = f.col.Kind == columns.Floats || f.col.Kind == columns.Doubles
	case protoreflect.DoubleKind:
		ok = f.col.Kind == columns.Doubles
	case protoreflect.StringKind:
		ok = f.col.Kind == columns.Texts
	case protoreflect.BytesKind:
		ok = f.col.Kind == columns.Blobs
	case protoreflect.MessageKind:
		return c.row(f, fd)
	case protoreflect.GroupKind:
	}
	if !ok {
		return nil, mismatch(fd, f.col)
	}
	return f, nil
}

func (c *compiler) row(f *field, fd protoreflect.FieldDescriptor) (*field, error) {
	switch {
	case f.col.Kind == columns.Timestamps && fd.Message().FullName() == "google.protobuf.Timestamp":
		f.form = stamp
		return f, nil
	case f.col.Kind != columns.Rows:
		return nil, mismatch(fd, f.col)
	}
	var wants []want
	for i, x := range f.col.Type.(*arrow.StructType).Fields() {
		wants = append(wants, want{[]string{x.Name}, f.col.Children[i]})
	}
	var err error
	f.form = row
	f.inner, err = c.message(fd.Message(), wants)
	return f, err
}

func mismatch(fd protoreflect.FieldDescriptor, col *columns.Column) error {
	return fmt.Errorf("a %s of Protobuf is no %s", describe(fd), expr.TypeName(col.Type))
}

// describe names the type of a field.
func describe(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.IsMap():
		return "map"
	case fd.IsList():
		return "repeated " + fd.Kind().String()
	case fd.Message() != nil:
		return string(fd.Message().FullName())
	}
	return fd.Kind().String()
}
