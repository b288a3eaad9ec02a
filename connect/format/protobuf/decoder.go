// Package protobuf reads messages of Protocol Buffers into columns, and writes them. Fields come in any
// order, more than once, or not at all; a descriptor and the columns that are wanted
// become a tree in which the number of a field finds its column.
package protobuf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/internal/columns"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Decoder appends messages to columns. It belongs to one goroutine.
type Decoder struct {
	*columns.Table
	paths    [][]string
	defaults bool
	own      *Program // of Append
}

// Program reads messages of one descriptor.
type Program struct{ root *message }

// New returns a decoder for rows of schema, whose columns are found by their paths. With
// defaults, a field that is absent has its default, otherwise it is NULL, if the
// message can tell: plain fields of proto3 always have theirs.
func New(schema *arrow.Schema, paths [][]string, defaults bool) (*Decoder, error) {
	t, err := columns.NewTable(schema)
	return &Decoder{Table: t, paths: paths, defaults: defaults}, err
}

// Plain returns a decoder of messages of one descriptor.
func Plain(m protoreflect.MessageDescriptor, schema *arrow.Schema, paths [][]string, defaults bool) (*Decoder, error) {
	d, err := New(schema, paths, defaults)
	if err == nil {
		d.own, err = d.Compile(m)
	}
	return d, err
}

// Compile makes a program for messages of a descriptor.
func (d *Decoder) Compile(m protoreflect.MessageDescriptor) (*Program, error) {
	var wants []want
	for i, c := range d.Columns {
		wants = append(wants, want{d.paths[i], c})
	}
	root, err := (&compiler{d.defaults}).message(m, wants)
	return &Program{root}, err
}

// Append adds a message of the decoder's own descriptor.
func (d *Decoder) Append(message []byte) error { return d.AppendAs(d.own, message) }

// AppendAs adds a message that a program reads.
func (d *Decoder) AppendAs(p *Program, message []byte) error {
	if err := p.root.read(message, d.Rows()); err != nil {
		d.Undo()
		p.root.forget()
		return err
	}
	d.Next()
	return nil
}

// forget ends messages that were not read to their ends.
func (m *message) forget() {
	for _, head := range m.all {
		for f := head; f != nil; f = f.also {
			if f.seen = false; f.inner != nil {
				f.inner.forget()
			}
			if f.item != nil && f.item.inner != nil {
				f.item.inner.forget()
			}
		}
	}
}

var errMalformed = errors.New("not a message of Protobuf")

// read takes a message; the columns of its fields have base values before.
func (m *message) read(b []byte, base int) error {
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
		var f *field
		if int(number) < len(m.fields) {
			f = m.fields[number]
		} else if m.others != nil {
			f = m.others[number]
		}
		n = protowire.ConsumeFieldValue(number, wire, b)
		if n < 0 {
			return errMalformed
		}
		for ; f != nil; f = f.also {
			if err := f.take(b[:n], wire, base); err != nil {
				return fmt.Errorf("field %s: %w", f.name, err)
			}
		}
		b = b[n:]
	}
	return m.complete(base)
}

// complete appends what the message lacked.
func (m *message) complete(base int) error {
	for _, head := range m.all {
		for f := head; f != nil; f = f.also {
			if err := f.complete(base); err != nil {
				return fmt.Errorf("field %s: %w", f.name, err)
			}
		}
	}
	for _, c := range m.missing {
		c.Null()
	}
	return nil
}

func (f *field) complete(base int) error {
	switch f.form {
	case list, mapping:
		if !f.col.Begun() && !f.defaults {
			f.col.Null()
			return nil
		}
		return f.col.End()
	case within:
		if f.seen {
			f.seen = false
			return nil
		}
		if f.defaults {
			return f.inner.read(nil, base)
		}
		for _, c := range f.cols {
			c.Null()
		}
		return nil
	case row:
		f.seen = false
		if f.col.Len() == base && f.defaults {
			return f.put(nil, base)
		}
	case plain:
		if f.col.Len() == base && f.fallback.IsValid() {
			return f.fall()
		}
	case stamp:
	}
	if f.col.Len() == base {
		f.col.Null()
	}
	return nil
}

// fall appends the default.
func (f *field) fall() error {
	switch v := f.fallback.Interface().(type) {
	case bool:
		f.col.Word(uint64(protowire.EncodeBool(v)))
	case int32:
		return f.integer(int64(v))
	case int64:
		return f.integer(v)
	case uint32:
		return f.integer(int64(int32(v)))
	case uint64:
		return f.integer(int64(v))
	case float32:
		f.float(v)
	case float64:
		f.col.Word(math.Float64bits(v))
	case string:
		return f.col.Put([]byte(v))
	case []byte:
		return f.col.Put(v)
	case protoreflect.EnumNumber:
		return f.enum(int32(v))
	}
	return nil
}

// take appends a value as it is on the wire.
func (f *field) take(b []byte, wire protowire.Type, base int) error {
	switch f.form {
	case list:
		return f.item.element(b, wire)
	case mapping:
		entry, n := protowire.ConsumeBytes(b)
		if wire != protowire.BytesType || n < 0 {
			return errMalformed
		}
		return f.inner.read(entry, f.col.Children[0].Len())
	case row, within:
		payload, n := protowire.ConsumeBytes(b)
		if wire != protowire.BytesType || n < 0 {
			return errMalformed
		}
		if f.seen { // its pieces are one message
			for _, c := range f.cols {
				c.Truncate(base)
			}
			payload = append(f.first[:len(f.first):len(f.first)], payload...)
		}
		f.seen, f.first = true, payload
		return f.put(payload, base)
	case plain, stamp:
		if f.col.Len() > base { // the last counts
			f.col.Truncate(base)
		}
	}
	return f.scalar(b, wire)
}

// put appends a message.
func (f *field) put(payload []byte, base int) error {
	if err := f.inner.read(payload, base); err != nil {
		return err
	}
	if f.form == row {
		f.col.Row()
	}
	return nil
}

// element appends elements of a list, which may be packed.
func (f *field) element(b []byte, wire protowire.Type) error {
	if f.form == row {
		payload, n := protowire.ConsumeBytes(b)
		if wire != protowire.BytesType || n < 0 {
			return errMalformed
		}
		return f.put(payload, f.col.Len())
	}
	if wire != protowire.BytesType || f.form == stamp || f.kind == protoreflect.StringKind || f.kind == protoreflect.BytesKind {
		return f.scalar(b, wire)
	}
	packed, n := protowire.ConsumeBytes(b)
	if n < 0 {
		return errMalformed
	}
	for len(packed) > 0 {
		wire = packedType(f.kind)
		n := protowire.ConsumeFieldValue(1, wire, packed)
		if n < 0 {
			return errMalformed
		}
		if err := f.scalar(packed[:n], wire); err != nil {
			return err
		}
		packed = packed[n:]
	}
	return nil
}

func packedType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	default:
		return protowire.VarintType
	}
}

// scalar appends a single value.
func (f *field) scalar(b []byte, wire protowire.Type) error {
	switch wire {
	case protowire.VarintType:
		v, _ := protowire.ConsumeVarint(b)
		return f.varint(v)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(b)
		switch f.kind {
		case protoreflect.FloatKind:
			f.float(math.Float32frombits(v))
			return nil
		case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
			return f.integer(int64(int32(v)))
		default:
		}
	case protowire.Fixed64Type:
		v, _ := protowire.ConsumeFixed64(b)
		switch f.kind {
		case protoreflect.DoubleKind:
			f.col.Word(v)
			return nil
		case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
			return f.integer(int64(v))
		default:
		}
	case protowire.BytesType:
		v, _ := protowire.ConsumeBytes(b)
		switch {
		case f.form == stamp:
			return f.timestamp(v)
		case f.kind == protoreflect.StringKind || f.kind == protoreflect.BytesKind:
			return f.col.Put(v)
		}
	case protowire.StartGroupType, protowire.EndGroupType:
	}
	return fmt.Errorf("it is written as something else than %s", f.kind)
}

func (f *field) varint(v uint64) error {
	switch f.kind {
	case protoreflect.BoolKind:
		f.col.Word(protowire.EncodeBool(protowire.DecodeBool(v)))
		return nil
	case protoreflect.EnumKind:
		return f.enum(int32(v))
	case protoreflect.Sint32Kind:
		return f.integer(int64(int32(protowire.DecodeZigZag(v & math.MaxUint32))))
	case protoreflect.Sint64Kind:
		return f.integer(protowire.DecodeZigZag(v))
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return f.integer(int64(int32(v)))
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return f.integer(int64(v))
	default:
		return fmt.Errorf("it is written as something else than %s", f.kind)
	}
}

func (f *field) enum(v int32) error {
	if f.symbols == nil {
		return f.integer(int64(v))
	}
	if name, ok := f.symbols[v]; ok {
		return f.col.Put([]byte(name))
	}
	return f.col.Put(strconv.AppendInt(nil, int64(v), 10))
}

func (f *field) integer(v int64) error {
	if bits := f.col.Type.(arrow.FixedWidthDataType).BitWidth(); bits < 64 && v>>(bits-1) != 0 && v>>(bits-1) != -1 {
		return fmt.Errorf("%d is no %s", v, expr.TypeName(f.col.Type))
	}
	f.col.Word(uint64(v))
	return nil
}

func (f *field) float(v float32) {
	if f.col.Kind == columns.Doubles {
		f.col.Word(math.Float64bits(float64(v)))
	} else {
		f.col.Word(uint64(math.Float32bits(v)))
	}
}

// timestamp appends a google.protobuf.Timestamp.
func (f *field) timestamp(b []byte) error {
	var parts [3]int64 // seconds and nanos, by number
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, wire, b); n < 0 {
			return errMalformed
		}
		if v, ok := protowire.ConsumeVarint(b); wire == protowire.VarintType && number < 3 && ok > 0 {
			parts[number] = int64(v)
		}
		b = b[n:]
	}
	v, err := arrow.TimestampFromTime(time.Unix(parts[1], parts[2]), f.col.Type.(*arrow.TimestampType).Unit)
	f.col.Word(uint64(v))
	return err
}
