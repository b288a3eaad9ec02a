package files

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// jsonEncoder writes one JSON object per line, columns in order, as Flink's
// json format does: decimals and 64-bit integers as exact numbers, timestamps
// as in SQL or ISO-8601, bytes as base64.
type jsonEncoder struct {
	w        io.Writer
	format   textFormat
	skipNull bool

	columns []jsonColumn
	keys    [][]byte // "name":
	line    []byte
}

func newJSON(w io.Writer, schema *arrow.Schema, o settings) (*jsonEncoder, error) {
	e := &jsonEncoder{w: w, format: textFormat{quoted: true}}
	switch standard := o.text("json.timestamp-format.standard", "SQL"); standard {
	case "SQL":
	case "ISO-8601":
		e.format.iso = true
	default:
		return nil, fmt.Errorf("%w: option \"json.timestamp-format.standard\" is %q; it can be SQL or ISO-8601", errInvalid, standard)
	}
	var err error
	if e.skipNull, err = o.flag("json.encode.ignore-null-fields", false); err != nil {
		return nil, err
	}
	for _, f := range schema.Fields() {
		e.keys = append(e.keys, append(appendQuoted(nil, f.Name), ':'))
		if err := writable(f.Type); err != nil {
			return nil, fmt.Errorf("%w: column %q: %w", errInvalid, f.Name, err)
		}
	}
	e.columns = make([]jsonColumn, schema.NumFields())
	return e, nil
}

func writable(t arrow.DataType) error {
	switch t := t.(type) {
	case *arrow.MapType:
		if !textual(t.KeyType()) {
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

func (e *jsonEncoder) Write(rec arrow.RecordBatch) error {
	e.fill(rec.Columns())
	defer e.drop()
	out := e.line[:0]
	for row := range int(rec.NumRows()) {
		out = append(e.object(out, row), '\n')
	}
	e.line = out
	_, err := e.w.Write(out)
	return err
}

// fill makes the texts of columns, which are borrowed until drop.
func (e *jsonEncoder) fill(columns []arrow.Array) {
	for i, col := range columns {
		e.columns[i].fill(col, e.format)
	}
}

func (e *jsonEncoder) drop() {
	for i := range e.columns {
		e.columns[i].array = nil
	}
}

// object appends a row.
func (e *jsonEncoder) object(dst []byte, row int) []byte {
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

func (e *jsonEncoder) Close() error { return nil }

// jsonColumn is the text of a column with the texts of the columns inside it:
// leaves are filled by loops, and nested values are put together from them.
type jsonColumn struct {
	array    arrow.Array // borrowed for one Write
	cells    cells       // of a leaf
	children []jsonColumn
	keys     [][]byte // of a ROW's fields
}

func (c *jsonColumn) fill(col arrow.Array, f textFormat) {
	c.array = col
	switch a := col.(type) {
	case *array.Map:
		c.resize(2)
		keys := f
		keys.quoted = false
		c.children[0].fill(a.Keys(), keys)
		c.children[1].fill(a.Items(), f)
	case *array.List:
		c.resize(1)
		c.children[0].fill(a.ListValues(), f)
	case *array.Struct:
		c.resize(a.NumField())
		for i := range c.children {
			if len(c.keys) <= i {
				c.keys = append(c.keys, append(appendQuoted(nil, a.DataType().(*arrow.StructType).Field(i).Name), ':'))
			}
			c.children[i].fill(a.Field(i), f)
		}
	default:
		c.cells.fill(col, f)
	}
}

func (c *jsonColumn) resize(n int) {
	if len(c.children) != n {
		c.children = make([]jsonColumn, n)
	}
}

func (c *jsonColumn) append(dst []byte, row int) []byte {
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
			dst = appendQuoted(dst, string(c.children[0].cells.at(int(j))))
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
	return append(dst, c.cells.at(row)...)
}
