// Package json reads JSON objects into columns. A decoder is made for a schema
// and appends the values of each object behind those of the last, without a value
// in between: keys are expected in the order in which they came before, numbers
// and times are read from their digits, text goes as it is into the bytes of its
// column.
//
//	{"auction":7,"price":12,"channel":"web"}      auction  7 3
//	{"auction":3,"channel":"app"}           ────▶ price   12 NULL
//	                                              channel web app
//
// What is a NULL, a number or a time is what Flink's json format says
// (json.timestamp-format.standard: both forms are read).
package json

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Options say what a decoder does with objects that are not as the schema.
type Options struct {
	// Strict refuses an object without a field of the schema. Otherwise the
	// field is NULL.
	Strict bool
}

// Decoder appends objects to columns. It belongs to one goroutine.
type Decoder struct {
	schema  *arrow.Schema
	paths   [][]string
	strict  bool
	root    *object
	columns []*column
	rows    int
	scan    scanner
}

// New returns a decoder for rows of schema. The value of a column is found by its
// path of names; nil paths are the names of the columns.
func New(schema *arrow.Schema, paths [][]string, o Options) (*Decoder, error) {
	if paths == nil {
		for _, f := range schema.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	d := &Decoder{schema: schema, paths: paths, strict: o.Strict, root: &object{fields: map[string]*field{}}}
	for i, f := range schema.Fields() {
		c, err := newColumn(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		d.columns = append(d.columns, c)
		d.root.add(paths[i], c)
	}
	return d, nil
}

// Append adds the object that is all of message but for white space, and copies
// what it keeps. After an error the columns are as before.
func (d *Decoder) Append(message []byte) error { return d.AppendOver(message, nil) }

// AppendOver adds the object of message with the members of another object, over,
// in place of its own; nil is no object.
func (d *Decoder) AppendOver(message, over []byte) error {
	err := d.object(message)
	if err == nil && over != nil {
		err = d.object(over)
	}
	if err == nil {
		err = d.complete()
	}
	if err != nil {
		d.Truncate(d.rows)
		return err
	}
	d.rows++
	return nil
}

// AppendNull adds a row of NULLs.
func (d *Decoder) AppendNull() {
	for _, c := range d.columns {
		c.Null()
	}
	d.rows++
}

// Truncate takes back all but the first rows.
func (d *Decoder) Truncate(rows int) {
	for _, c := range d.columns {
		c.Truncate(rows)
	}
	d.rows = rows
}

func (d *Decoder) object(message []byte) error {
	s := &d.scan
	s.b, s.i = message, 0
	if s.space() != '{' {
		return errors.New("not a JSON object")
	}
	if err := d.root.read(s, d.rows); err != nil {
		return err
	}
	if s.space() != 0 || s.i < len(s.b) {
		return s.bad()
	}
	return nil
}

// complete appends what the object lacked.
func (d *Decoder) complete() error {
	for i, c := range d.columns {
		if c.Len() > d.rows {
			continue
		}
		if d.strict {
			return fmt.Errorf("field %s is missing", d.paths[i][0])
		}
		c.Null()
	}
	return nil
}

// Rows is how many objects were added since the last Record.
func (d *Decoder) Rows() int { return d.rows }

// Bytes is how much memory the rows take, about.
func (d *Decoder) Bytes() int {
	n := 0
	for _, c := range d.columns {
		n += c.Bytes()
	}
	return n
}

// Record returns the objects as rows and begins anew. Its memory is of alloc.
func (d *Decoder) Record(alloc memory.Allocator) arrow.RecordBatch {
	cols := make([]arrow.Array, len(d.columns))
	for i, c := range d.columns {
		cols[i] = c.Finish(alloc)
	}
	rec := array.NewRecordBatch(d.schema, cols, int64(d.rows))
	for _, c := range cols {
		c.Release()
	}
	d.rows = 0
	return rec
}

// object is the members of an object that are wanted.
type object struct {
	fields map[string]*field
	// order is how the members of the last object came.
	order []member
}

// field is a member: the columns that it is the value of, and the columns that
// are within it.
type field struct {
	name    string
	columns []*column
	within  *object
}

// member is a key as it was written, from its first quote to its last, and what it
// names; nil when nobody wants it.
type member struct {
	key   string
	field *field
}

func (o *object) add(path []string, c *column) {
	f := o.fields[path[0]]
	if f == nil {
		f = &field{name: path[0]}
		o.fields[path[0]] = f
	}
	if len(path) == 1 {
		f.columns = append(f.columns, c)
		return
	}
	if f.within == nil {
		f.within = &object{fields: map[string]*field{}}
	}
	f.within.add(path[1:], c)
}

// maxOrder is how many members of an object are expected in their order.
const maxOrder = 1024

// read takes the object at which s stands. Of a member that comes twice, the last
// counts.
func (o *object) read(s *scanner, row int) error {
	s.i++ // {
	if s.space() == '}' {
		s.i++
		return nil
	}
	for at := 0; ; at++ {
		f, err := o.key(s, at)
		if err != nil {
			return err
		}
		if s.space() != ':' {
			return s.bad()
		}
		s.i++
		if err := o.value(s, f, row); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return s.bad()
		}
	}
}

// key reads the next key, the at-th of its object.
func (o *object) key(s *scanner, at int) (*field, error) {
	if s.space() != '"' {
		return nil, s.bad()
	}
	if at < len(o.order) {
		if m := &o.order[at]; s.has(m.key) {
			s.i += len(m.key)
			return m.field, nil
		}
	}
	from := s.i
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	f := o.fields[string(name)]
	switch m := (member{string(s.b[from:s.i]), f}); {
	case at < len(o.order):
		o.order[at] = m
	case at == len(o.order) && at < maxOrder:
		o.order = append(o.order, m)
	}
	return f, nil
}

func (o *object) value(s *scanner, f *field, row int) error {
	first := s.space()
	if f == nil {
		return s.skip(0)
	}
	from := s.i
	for i, c := range f.columns {
		if i > 0 {
			s.i = from
		}
		if c.Len() > row {
			c.Truncate(row)
		}
		if err := c.read(s, first); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	if f.within == nil {
		return nil
	}
	s.i = from
	if first != '{' {
		f.within.forget(row)
		return s.skip(0)
	}
	return f.within.read(s, row)
}

// forget takes back what an object gave before it came again as something else.
func (o *object) forget(row int) {
	for _, f := range o.fields {
		for _, c := range f.columns {
			c.Truncate(row)
		}
		if f.within != nil {
			f.within.forget(row)
		}
	}
}
