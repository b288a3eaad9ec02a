package json

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

// kind is how a column keeps its values.
type kind uint8

const (
	integers   kind = iota // words
	floats                 // words: the bits
	doubles                // words: the bits
	booleans               // words: 0 or 1
	dates                  // words: days
	times                  // words: in the unit of the type
	timestamps             // words: in the unit of the type
	decimals
	texts // headers and bytes
	blobs // headers and bytes: base64 in JSON
	lists // ends and one child
	maps  // ends and the children key and value
	rows  // a child for each field
)

// column is the values of one field so far.
type column struct {
	of    arrow.DataType
	kind  kind
	n     int
	nulls int
	valid []byte // a bit for each value

	words    []uint64
	decimals []decimal128.Num
	headers  []vector.Header
	text     []byte  // what the headers of long values point into
	ends     []int32 // of each list: how many elements there are with it
	children []*column
	object   *object // of rows: its fields by their names
}

func newColumn(t arrow.DataType) (*column, error) {
	c := &column{of: t}
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		c.kind = integers
	case *arrow.Float32Type:
		c.kind = floats
	case *arrow.Float64Type:
		c.kind = doubles
	case *arrow.BooleanType:
		c.kind = booleans
	case *arrow.Date32Type:
		c.kind = dates
	case *arrow.Time32Type:
		c.kind = times
	case *arrow.TimestampType:
		c.kind = timestamps
	case *arrow.Decimal128Type:
		c.kind = decimals
	case *arrow.StringViewType:
		c.kind = texts
	case *arrow.BinaryViewType:
		c.kind = blobs
	case *arrow.ListType:
		c.kind = lists
		return c, c.child(t.Elem())
	case *arrow.MapType:
		c.kind = maps
		return c, errors.Join(c.child(t.KeyType()), c.child(t.ItemType()))
	case *arrow.StructType:
		c.kind, c.object = rows, &object{fields: map[string]*field{}}
		for _, f := range t.Fields() {
			if err := c.child(f.Type); err != nil {
				return nil, fmt.Errorf("field %s: %w", f.Name, err)
			}
			c.object.add([]string{f.Name}, c.children[len(c.children)-1])
		}
	default:
		return nil, fmt.Errorf("a value of type %s cannot be read from JSON", expr.TypeName(t))
	}
	return c, nil
}

func (c *column) child(t arrow.DataType) error {
	e, err := newColumn(t)
	c.children = append(c.children, e)
	return err
}

// mark ends a value.
func (c *column) mark(valid bool) {
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

// null appends a NULL.
func (c *column) null() {
	switch c.kind {
	case decimals:
		c.decimals = append(c.decimals, decimal128.Num{})
	case texts, blobs:
		c.headers = append(c.headers, vector.Header{})
	case lists, maps:
		c.ends = append(c.ends, int32(c.children[0].n))
	case rows:
		for _, f := range c.children {
			f.null()
		}
	case integers, floats, doubles, booleans, dates, times, timestamps:
		c.words = append(c.words, 0)
	}
	c.mark(false)
}

func (c *column) word(w uint64) {
	c.words = append(c.words, w)
	c.mark(true)
}

// put appends a text, or bytes.
func (c *column) put(b []byte) error {
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

// truncate takes back all but the first n values. The bytes of texts stay until
// the batch ends.
func (c *column) truncate(n int) {
	for c.n > n {
		c.n--
		if c.valid[c.n/8]>>(c.n%8)&1 == 0 {
			c.nulls--
		}
	}
	switch c.kind {
	case decimals:
		c.decimals = c.decimals[:n]
	case texts, blobs:
		c.headers = c.headers[:n]
	case lists, maps:
		c.ends = c.ends[:n]
		elements := 0
		if n > 0 {
			elements = int(c.ends[n-1])
		}
		for _, e := range c.children {
			e.truncate(elements)
		}
	case rows:
		for _, f := range c.children {
			f.truncate(n)
		}
	case integers, floats, doubles, booleans, dates, times, timestamps:
		c.words = c.words[:n]
	}
}

func (c *column) bytes() int {
	n := 8*len(c.words) + 16*(len(c.decimals)+len(c.headers)) + len(c.text) + 4*len(c.ends) + len(c.valid)
	for _, e := range c.children {
		n += e.bytes()
	}
	return n
}

// finish returns the values and begins anew.
func (c *column) finish(alloc memory.Allocator) arrow.Array {
	validity := c.validity(alloc)
	n, nulls := c.n, c.nulls
	c.n, c.nulls, c.valid = 0, 0, c.valid[:0]
	switch c.kind {
	case decimals:
		buf := vector.CopyValues(alloc, c.decimals)
		c.decimals = c.decimals[:0]
		return vector.MakeArray(c.of, n, nulls, validity, buf)
	case texts, blobs:
		bufs := []*memory.Buffer{validity, vector.CopyValues(alloc, c.headers)}
		if len(c.text) > 0 {
			bufs = append(bufs, vector.CopyValues(alloc, c.text))
		}
		c.headers, c.text = c.headers[:0], c.text[:0]
		return vector.MakeArray(c.of, n, nulls, bufs...)
	case lists:
		return c.nested(n, nulls, validity, c.offsets(alloc), data(c.children[0].finish(alloc)))
	case maps:
		entries := c.of.(*arrow.MapType).Elem()
		keys, values := c.children[0].finish(alloc), c.children[1].finish(alloc)
		pairs := array.NewData(entries, keys.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{keys.Data(), values.Data()}, 0, 0)
		keys.Release()
		values.Release()
		return c.nested(n, nulls, validity, c.offsets(alloc), pairs)
	case rows:
		var fields []arrow.ArrayData
		for _, f := range c.children {
			fields = append(fields, data(f.finish(alloc)))
		}
		return c.nested(n, nulls, validity, nil, fields...)
	case floats, doubles, integers, booleans, dates, times, timestamps:
	}
	defer func() { c.words = c.words[:0] }()
	switch c.kind {
	case doubles:
		return vector.MakeArray(c.of, n, nulls, validity, vector.CopyValues(alloc, c.words))
	case floats:
		buf, v := vector.NewValues[uint32](alloc, n)
		for i, w := range c.words {
			v[i] = uint32(w)
		}
		return vector.MakeArray(c.of, n, nulls, validity, buf)
	case integers, booleans, dates, times, timestamps, decimals, texts, blobs, lists, maps, rows:
	}
	return vector.FromWords(alloc, c.of, c.words, validity, nulls)
}

// nested takes over the references to the buffers and the children.
func (c *column) nested(n, nulls int, validity, offsets *memory.Buffer, children ...arrow.ArrayData) arrow.Array {
	bufs := []*memory.Buffer{validity}
	if offsets != nil {
		bufs = append(bufs, offsets)
	}
	d := array.NewData(c.of, n, bufs, children, nulls, 0)
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

func (c *column) offsets(alloc memory.Allocator) *memory.Buffer {
	buf, v := vector.NewValues[int32](alloc, len(c.ends)+1)
	v[0] = 0
	copy(v[1:], c.ends)
	c.ends = c.ends[:0]
	return buf
}

func (c *column) validity(alloc memory.Allocator) *memory.Buffer {
	if c.nulls == 0 {
		return nil
	}
	return vector.CopyValues(alloc, c.valid[:(c.n+7)/8])
}
