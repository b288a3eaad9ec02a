// Package columns builds Arrow columns of any type value by value, for formats that
// read rows: numbers and times are words, text goes as it is behind that of the values
// before, nested values are columns of columns.
package columns

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Kind is how a column keeps its values.
type Kind uint8

// The kinds of columns.

const (
	Integers   Kind = iota // words
	Floats                 // words: the bits
	Doubles                // words: the bits
	Booleans               // words: 0 or 1
	Dates                  // words: days
	Times                  // words: in the unit of the type
	Timestamps             // words: in the unit of the type
	Decimals
	Texts // headers and bytes
	Blobs // headers and bytes
	Lists // ends and one child
	Maps  // ends and the children key and value
	Rows  // a child for each field
)

// Column is the values of one field so far.
type Column struct {
	Type arrow.DataType
	Kind Kind
	// Children are the elements of a list, the keys and values of a map, or the
	// fields of a row.
	Children []*Column

	n        int
	nulls    int
	valid    []byte // a bit for each value
	words    []uint64
	decimals []decimal128.Num
	headers  []vector.Header
	text     []byte  // what the headers of long values point into
	ends     []int32 // of each list: how many elements there are with it
}

// New returns a column of a type that SQL has.
func New(t arrow.DataType) (*Column, error) {
	c := &Column{Type: t}
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		c.Kind = Integers
	case *arrow.Float32Type:
		c.Kind = Floats
	case *arrow.Float64Type:
		c.Kind = Doubles
	case *arrow.BooleanType:
		c.Kind = Booleans
	case *arrow.Date32Type:
		c.Kind = Dates
	case *arrow.Time32Type, *arrow.Time64Type:
		c.Kind = Times
	case *arrow.TimestampType:
		c.Kind = Timestamps
	case *arrow.Decimal128Type:
		c.Kind = Decimals
	case *arrow.StringViewType:
		c.Kind = Texts
	case *arrow.BinaryViewType:
		c.Kind = Blobs
	case *arrow.ListType:
		c.Kind = Lists
		return c, c.child(t.Elem())
	case *arrow.MapType:
		c.Kind = Maps
		return c, errors.Join(c.child(t.KeyType()), c.child(t.ItemType()))
	case *arrow.StructType:
		c.Kind = Rows
		for _, f := range t.Fields() {
			if err := c.child(f.Type); err != nil {
				return nil, fmt.Errorf("field %s: %w", f.Name, err)
			}
		}
	default:
		return nil, fmt.Errorf("values of type %s cannot be read from messages", expr.TypeName(t))
	}
	return c, nil
}

func (c *Column) child(t arrow.DataType) error {
	e, err := New(t)
	c.Children = append(c.Children, e)
	return err
}

// Len is how many values there are.
func (c *Column) Len() int { return c.n }

// mark ends a value.
func (c *Column) mark(valid bool) {
	if c.n%8 == 0 && len(c.valid) == c.n/8 {
		c.valid = append(c.valid, 0)
	}
	bit := byte(1) << (c.n % 8)
	if valid {
		c.valid[c.n/8] |= bit
	} else {
		c.valid[c.n/8] &^= bit
		c.nulls++
	}
	c.n++
}

// Null appends a NULL.
func (c *Column) Null() {
	switch c.Kind {
	case Decimals:
		c.decimals = append(c.decimals, decimal128.Num{})
	case Texts, Blobs:
		c.headers = append(c.headers, vector.Header{})
	case Lists, Maps:
		c.ends = append(c.ends, int32(c.Children[0].n))
	case Rows:
		for _, f := range c.Children {
			f.Null()
		}
	case Integers, Floats, Doubles, Booleans, Dates, Times, Timestamps:
		c.words = append(c.words, 0)
	}
	c.mark(false)
}

// Word appends a value of a kind that is kept in words.
func (c *Column) Word(w uint64) {
	c.words = append(c.words, w)
	c.mark(true)
}

// Decimal appends a number of hundredths, or of what the scale says.
func (c *Column) Decimal(v decimal128.Num) {
	c.decimals = append(c.decimals, v)
	c.mark(true)
}

// End ends a list or a map, whose elements were appended to its Children.
func (c *Column) End() error {
	if c.Children[0].n > math.MaxInt32 {
		return errors.New("more than 2³¹ elements in a batch")
	}
	c.ends = append(c.ends, int32(c.Children[0].n))
	c.mark(true)
	return nil
}

// Row ends a row, whose fields were appended to its Children.
func (c *Column) Row() { c.mark(true) }

// Put appends a text, or bytes.
func (c *Column) Put(b []byte) error {
	if len(b) <= vector.Inline {
		c.headers = append(c.headers, vector.MakeHeader(b))
	} else {
		if len(c.text)+len(b) > math.MaxInt32 {
			return errors.New("more than 2 GiB of text in a batch")
		}
		c.headers = append(c.headers, vector.MakeLongHeader(b, 0, len(c.text)))
		c.text = append(c.text, b...)
	}
	c.mark(true)
	return nil
}

// Truncate takes back all but the first n values. The bytes of Texts stay until
// the batch ends.
func (c *Column) Truncate(n int) {
	for c.n > n {
		c.n--
		if c.valid[c.n/8]>>(c.n%8)&1 == 0 {
			c.nulls--
		}
	}
	switch c.Kind {
	case Decimals:
		c.decimals = c.decimals[:n]
	case Texts, Blobs:
		c.headers = c.headers[:n]
	case Lists, Maps:
		c.ends = c.ends[:n]
		elements := 0
		if n > 0 {
			elements = int(c.ends[n-1])
		}
		for _, e := range c.Children {
			e.Truncate(elements)
		}
	case Rows:
		for _, f := range c.Children {
			f.Truncate(n)
		}
	case Integers, Floats, Doubles, Booleans, Dates, Times, Timestamps:
		c.words = c.words[:n]
	}
}

// Bytes is how much memory the values take, about.
func (c *Column) Bytes() int {
	n := 8*len(c.words) + 16*(len(c.decimals)+len(c.headers)) + len(c.text) + 4*len(c.ends) + len(c.valid)
	for _, e := range c.Children {
		n += e.Bytes()
	}
	return n
}

// Finish returns the values and begins anew.
func (c *Column) Finish(alloc memory.Allocator) arrow.Array {
	validity := c.validity(alloc)
	n, nulls := c.n, c.nulls
	c.n, c.nulls, c.valid = 0, 0, c.valid[:0]
	switch c.Kind {
	case Decimals:
		buf := vector.CopyValues(alloc, c.decimals)
		c.decimals = c.decimals[:0]
		return vector.MakeArray(c.Type, n, nulls, validity, buf)
	case Texts, Blobs:
		bufs := []*memory.Buffer{validity, vector.CopyValues(alloc, c.headers)}
		if len(c.text) > 0 {
			bufs = append(bufs, vector.CopyValues(alloc, c.text))
		}
		c.headers, c.text = c.headers[:0], c.text[:0]
		return vector.MakeArray(c.Type, n, nulls, bufs...)
	case Lists:
		return c.nested(n, nulls, validity, c.offsets(alloc), data(c.Children[0].Finish(alloc)))
	case Maps:
		entries := c.Type.(*arrow.MapType).Elem()
		keys, values := c.Children[0].Finish(alloc), c.Children[1].Finish(alloc)
		pairs := array.NewData(entries, keys.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{keys.Data(), values.Data()}, 0, 0)
		keys.Release()
		values.Release()
		return c.nested(n, nulls, validity, c.offsets(alloc), pairs)
	case Rows:
		var fields []arrow.ArrayData
		for _, f := range c.Children {
			fields = append(fields, data(f.Finish(alloc)))
		}
		return c.nested(n, nulls, validity, nil, fields...)
	case Floats, Doubles, Integers, Booleans, Dates, Times, Timestamps:
	}
	defer func() { c.words = c.words[:0] }()
	switch c.Kind {
	case Doubles:
		return vector.MakeArray(c.Type, n, nulls, validity, vector.CopyValues(alloc, c.words))
	case Floats:
		buf, v := vector.NewValues[uint32](alloc, n)
		for i, w := range c.words {
			v[i] = uint32(w)
		}
		return vector.MakeArray(c.Type, n, nulls, validity, buf)
	case Integers, Booleans, Dates, Times, Timestamps, Decimals, Texts, Blobs, Lists, Maps, Rows:
	}
	return vector.FromWords(alloc, c.Type, c.words, validity, nulls)
}

// nested takes over the references to the buffers and the children.
func (c *Column) nested(n, nulls int, validity, offsets *memory.Buffer, children ...arrow.ArrayData) arrow.Array {
	bufs := []*memory.Buffer{validity}
	if offsets != nil {
		bufs = append(bufs, offsets)
	}
	d := array.NewData(c.Type, n, bufs, children, nulls, 0)
	defer d.Release()
	for _, b := range bufs {
		if b != nil {
			b.Release()
		}
	}
	for _, e := range children {
		e.Release()
	}
	return array.MakeFromData(d)
}

// data is what is in an array, whose reference it takes over.
func data(a arrow.Array) arrow.ArrayData {
	d := a.Data()
	d.Retain()
	a.Release()
	return d
}

func (c *Column) offsets(alloc memory.Allocator) *memory.Buffer {
	buf, v := vector.NewValues[int32](alloc, len(c.ends)+1)
	v[0] = 0
	copy(v[1:], c.ends)
	c.ends = c.ends[:0]
	return buf
}

func (c *Column) validity(alloc memory.Allocator) *memory.Buffer {
	if c.nulls == 0 {
		return nil
	}
	return vector.CopyValues(alloc, c.valid[:(c.n+7)/8])
}

// Begun reports whether elements were appended for a list or a map that did not end.
func (c *Column) Begun() bool {
	last := 0
	if len(c.ends) > 0 {
		last = int(c.ends[len(c.ends)-1])
	}
	return c.Children[0].n > last
}
