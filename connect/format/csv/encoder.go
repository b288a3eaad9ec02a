package csv

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/connect/format/text"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Encoder writes rows as lines: NULL as nothing or csv.null-literal, bytes as base64,
// lists and rows with csv.array-element-delimiter between their elements. An empty
// string is "" in quotes, so that it is not NULL. It belongs to one goroutine.
type Encoder struct {
	settings
	schema  *arrow.Schema
	unsafe  string    // characters for which a value needs quotes
	special [256]bool // first bytes of unsafe

	columns []arrow.Array
	cells   []text.Cells
}

// NewEncoder returns an encoder for rows of schema.
func NewEncoder(schema *arrow.Schema, options map[string]string) (*Encoder, error) {
	s, err := settingsOf(options)
	if err != nil {
		return nil, err
	}
	e := &Encoder{settings: s, schema: schema, cells: make([]text.Cells, schema.NumFields())}
	e.unsafe = e.delimiter + "\r\n" + string(rune(e.quote))
	if e.escape != 0 {
		e.unsafe += string(rune(e.escape))
	}
	for _, c := range []byte(e.unsafe) {
		e.special[c] = true
	}
	for _, f := range schema.Fields() {
		switch t := f.Type.(type) {
		case *arrow.ListType:
			if !text.Textual(t.Elem()) {
				return nil, fmt.Errorf("%w: column %q: the csv format writes lists of plain values only", job.ErrInvalid, f.Name)
			}
		case *arrow.StructType:
			for _, inner := range t.Fields() {
				if !text.Textual(inner.Type) {
					return nil, fmt.Errorf("%w: column %q: the csv format writes rows of plain values only", job.ErrInvalid, f.Name)
				}
			}
		case *arrow.MapType:
			return nil, fmt.Errorf("%w: column %q: the csv format writes no maps; use json", job.ErrInvalid, f.Name)
		}
	}
	return e, nil
}

// AppendHeader appends the names of the columns, without the end of the line.
func (e *Encoder) AppendHeader(dst []byte) []byte {
	for i, f := range e.schema.Fields() {
		if i > 0 {
			dst = append(dst, e.delimiter...)
		}
		dst = e.value(dst, []byte(f.Name))
	}
	return dst
}

// Fill makes the texts of columns, which are borrowed until Drop.
func (e *Encoder) Fill(columns []arrow.Array) {
	e.columns = columns
	for i, col := range columns {
		e.fill(&e.cells[i], col)
	}
}

// Drop ends the use of the columns.
func (e *Encoder) Drop() { e.columns = nil }

// Append appends a row of what Fill was given, without the end of the line.
func (e *Encoder) Append(dst []byte, row int, _ stream.RowKind) ([]byte, error) {
	for i, col := range e.columns {
		if i > 0 {
			dst = append(dst, e.delimiter...)
		}
		if col.IsNull(row) {
			dst = append(dst, e.null...)
			continue
		}
		if dst = e.value(dst, e.cells[i].At(row)); dst == nil {
			return nil, fmt.Errorf("%w: column %q: a value holds the delimiter or a line break, and quotes are switched off; "+
				"set 'csv.escape-character'", job.ErrInvalid, e.schema.Field(i).Name)
		}
	}
	return dst, nil
}

// suspect reports whether text holds a byte for which it may need quotes.
func (e *Encoder) suspect(text []byte) bool {
	for _, c := range text {
		if e.special[c] {
			return bytes.ContainsAny(text, e.unsafe)
		}
	}
	return false
}

// value appends text, in quotes or escaped where that is needed; nil means
// that it cannot be written.
func (e *Encoder) value(dst, text []byte) []byte {
	if len(text) > 0 && !e.suspect(text) && string(text) != e.null {
		return append(dst, text...)
	}
	if e.quote == 0 {
		if e.escape == 0 && len(text) > 0 && bytes.ContainsAny(text, e.unsafe) {
			return nil
		}
		return e.escaped(dst, text)
	}
	dst = append(dst, e.quote)
	dst = e.escaped(dst, text)
	return append(dst, e.quote)
}

func (e *Encoder) escaped(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case e.escape != 0 && (c == e.escape || c == e.quote || e.quote == 0 && strings.IndexByte(e.unsafe, c) >= 0):
			dst = append(dst, e.escape, c)
		case c == e.quote && e.quote != 0:
			dst = append(dst, c, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// fill writes the text of a column; the elements of lists and rows one after
// the other.
func (e *Encoder) fill(c *text.Cells, col arrow.Array) {
	switch a := col.(type) {
	case *array.List:
		var elements text.Cells
		elements.Fill(a.ListValues(), text.Plain)
		c.Text, c.Ends = c.Text[:0], c.Ends[:0]
		for i := range a.Len() {
			from, to := a.ValueOffsets(i)
			for j := from; j < to; j++ {
				if j > from {
					c.Text = append(c.Text, e.element...)
				}
				c.Text = append(c.Text, elements.At(int(j))...)
			}
			c.Ends = append(c.Ends, int32(len(c.Text)))
		}
	case *array.Struct:
		fields := make([]text.Cells, a.NumField())
		for f := range fields {
			fields[f].Fill(a.Field(f), text.Plain)
		}
		c.Text, c.Ends = c.Text[:0], c.Ends[:0]
		for i := range a.Len() {
			for f := range fields {
				if f > 0 {
					c.Text = append(c.Text, e.element...)
				}
				c.Text = append(c.Text, fields[f].At(i)...)
			}
			c.Ends = append(c.Ends, int32(len(c.Text)))
		}
	default:
		c.Fill(col, text.Plain)
	}
}
