package json

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/connect/format/text"
	"github.com/wadi-engine/wadi/job"
)

// Encoder writes rows as JSON objects, columns in order, as Flink's json format
// does: decimals and 64-bit integers as exact numbers, timestamps as in SQL or
// ISO-8601, bytes as base64. It belongs to one goroutine.
type Encoder struct {
	format   text.Format
	skipNull bool

	columns []cellColumn
	keys    [][]byte // "name":
}

// NewEncoder returns an encoder for rows of schema. The options are those of Flink
// behind prefix: timestamp-format.standard and encode.ignore-null-fields.
func NewEncoder(schema *arrow.Schema, prefix string, options map[string]string) (*Encoder, error) {
	e := &Encoder{format: text.Format{Quoted: true}, columns: make([]cellColumn, schema.NumFields())}
	switch standard := options[prefix+"timestamp-format.standard"]; standard {
	case "", "SQL":
	case "ISO-8601":
		e.format.ISO = true
	default:
		return nil, fmt.Errorf("%w: option \"%stimestamp-format.standard\" is %q; it can be SQL or ISO-8601", job.ErrInvalid, prefix, standard)
	}
	switch skip := options[prefix+"encode.ignore-null-fields"]; skip {
	case "", "false":
	case "true":
		e.skipNull = true
	default:
		return nil, fmt.Errorf("%w: option \"%sencode.ignore-null-fields\" is %q; want true or false", job.ErrInvalid, prefix, skip)
	}
	for _, f := range schema.Fields() {
		e.keys = append(e.keys, append(text.AppendQuoted(nil, f.Name), ':'))
		if err := writable(f.Type); err != nil {
			return nil, fmt.Errorf("%w: column %q: %w", job.ErrInvalid, f.Name, err)
		}
	}
	return e, nil
}

func writable(t arrow.DataType) error {
	switch t := t.(type) {
	case *arrow.MapType:
		if !text.Textual(t.KeyType()) {
			return fmt.Errorf("the json format writes maps with plain keys only, not %s", t.KeyType())
		}
		return writable(t.ItemType())
	case *arrow.ListType:
		return writable(t.Elem())
	case *arrow.StructType:
		for _, f := range t.Fields() {
			if err := writable(f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fill makes the texts of columns, which are borrowed until Drop.
func (e *Encoder) Fill(columns []arrow.Array) {
	for i, col := range columns {
		e.columns[i].fill(col, e.format)
	}
}

// Drop ends the use of what Fill was given.
func (e *Encoder) Drop() {
	for i := range e.columns {
		e.columns[i].array = nil
	}
}

// Append appends a row of what Fill was given.
func (e *Encoder) Append(dst []byte, row int) []byte {
	dst = append(dst, '{')
	first := true
	for i := range e.columns {
		if e.skipNull && e.columns[i].array.IsNull(row) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, e.keys[i]...)
		dst = e.columns[i].append(dst, row)
	}
	return append(dst, '}')
}

// cellColumn is the text of a column with the texts of the columns inside it:
// leaves are filled by loops, and nested values are put together from them.
type cellColumn struct {
	array    arrow.Array // borrowed for one Write
	cells    text.Cells  // of a leaf
	children []cellColumn
	keys     [][]byte // of a ROW's fields
}

func (c *cellColumn) fill(col arrow.Array, f text.Format) {
	c.array = col
	switch a := col.(type) {
	case *array.Map:
		c.resize(2)
		keys := f
		keys.Quoted = false
		c.children[0].fill(a.Keys(), keys)
		c.children[1].fill(a.Items(), f)
	case *array.List:
		c.resize(1)
		c.children[0].fill(a.ListValues(), f)
	case *array.Struct:
		c.resize(a.NumField())
		for i := range c.children {
			if len(c.keys) <= i {
				c.keys = append(c.keys, append(text.AppendQuoted(nil, a.DataType().(*arrow.StructType).Field(i).Name), ':'))
			}
			c.children[i].fill(a.Field(i), f)
		}
	default:
		c.cells.Fill(col, f)
	}
}

func (c *cellColumn) resize(n int) {
	if len(c.children) != n {
		c.children = make([]cellColumn, n)
	}
}

func (c *cellColumn) append(dst []byte, row int) []byte {
	if c.array.IsNull(row) {
		return append(dst, "null"...)
	}
	switch a := c.array.(type) {
	case *array.Map:
		from, to := a.ValueOffsets(row)
		dst = append(dst, '{')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = text.AppendQuoted(dst, string(c.children[0].cells.At(int(j))))
			dst = append(dst, ':')
			dst = c.children[1].append(dst, int(j))
		}
		return append(dst, '}')
	case *array.List:
		from, to := a.ValueOffsets(row)
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = c.children[0].append(dst, int(j))
		}
		return append(dst, ']')
	case *array.Struct:
		dst = append(dst, '{')
		for i := range c.children {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, c.keys[i]...)
			dst = c.children[i].append(dst, row)
		}
		return append(dst, '}')
	}
	return append(dst, c.cells.At(row)...)
}
