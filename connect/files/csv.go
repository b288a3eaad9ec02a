package files

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/connect/format/text"
)

// csvEncoder writes rows as Flink's csv format does: no header unless
// csv.header is set, NULL as nothing or csv.null-literal, bytes as base64,
// lists and rows with csv.array-element-delimiter between their elements. An
// empty string is "" in quotes, so that it is not NULL.
type csvEncoder struct {
	w         io.Writer
	schema    *arrow.Schema
	delimiter string
	quote     byte // 0: never
	escape    byte // 0: double the quote
	null      string
	element   string
	unsafe    string // characters for which a value needs quotes
	header    bool

	// scratch
	columns []text.Cells
	line    []byte
	special [256]bool // first bytes of unsafe
}

func newCSV(w io.Writer, schema *arrow.Schema, o settings) (*csvEncoder, error) {
	e := &csvEncoder{w: w, schema: schema, columns: make([]text.Cells, schema.NumFields())}
	var err error
	if e.delimiter, err = o.character("csv.field-delimiter", ","); err != nil {
		return nil, err
	}
	e.element = o.text("csv.array-element-delimiter", ";")
	e.null = o.text("csv.null-literal", "")
	off, err := o.flag("csv.disable-quote-character", false)
	if err != nil {
		return nil, err
	}
	if !off {
		quote, err := o.character("csv.quote-character", `"`)
		if err != nil {
			return nil, err
		}
		e.quote = quote[0]
	}
	if escape := o.text("csv.escape-character", ""); escape != "" {
		if len(escape) != 1 {
			return nil, fmt.Errorf("%w: option \"csv.escape-character\" is %q; want one character", errInvalid, escape)
		}
		e.escape = escape[0]
	}
	if e.header, err = o.flag("csv.header", false); err != nil {
		return nil, err
	}
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
				return nil, fmt.Errorf("%w: column %q: the csv format writes lists of plain values only", errInvalid, f.Name)
			}
		case *arrow.StructType:
			for _, inner := range t.Fields() {
				if !text.Textual(inner.Type) {
					return nil, fmt.Errorf("%w: column %q: the csv format writes rows of plain values only", errInvalid, f.Name)
				}
			}
		case *arrow.MapType:
			return nil, fmt.Errorf("%w: column %q: the csv format writes no maps; use json", errInvalid, f.Name)
		}
	}
	return e, nil
}

func (e *csvEncoder) Write(rec arrow.RecordBatch) error {
	out := e.line[:0]
	if e.header {
		e.header = false
		for i, f := range e.schema.Fields() {
			if i > 0 {
				out = append(out, e.delimiter...)
			}
			out = e.value(out, []byte(f.Name))
		}
		out = append(out, '\n')
	}
	for i, col := range rec.Columns() {
		e.fill(&e.columns[i], col)
	}
	for row := range int(rec.NumRows()) {
		for i, col := range rec.Columns() {
			if i > 0 {
				out = append(out, e.delimiter...)
			}
			if col.IsNull(row) {
				out = append(out, e.null...)
				continue
			}
			if out = e.value(out, e.columns[i].At(row)); out == nil {
				return fmt.Errorf("%w: column %q: a value holds the delimiter or a line break, and quotes are switched off; "+
					"set 'csv.escape-character'", errInvalid, e.schema.Field(i).Name)
			}
		}
		out = append(out, '\n')
	}
	e.line = out
	_, err := e.w.Write(out)
	return err
}

// suspect reports whether text holds a byte for which it may need quotes.
func (e *csvEncoder) suspect(text []byte) bool {
	for _, c := range text {
		if e.special[c] {
			return bytes.ContainsAny(text, e.unsafe)
		}
	}
	return false
}

// value appends text, in quotes or escaped where that is needed; nil means
// that it cannot be written.
func (e *csvEncoder) value(dst, text []byte) []byte {
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

func (e *csvEncoder) escaped(dst, text []byte) []byte {
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
func (e *csvEncoder) fill(c *text.Cells, col arrow.Array) {
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

func (e *csvEncoder) Close() error { return nil }

// character is an option of exactly one character; \t and the like are
// understood.
func (o settings) character(key, fallback string) (string, error) {
	text := o.text(key, fallback)
	if unescaped, ok := map[string]string{`\t`: "\t", `\\`: `\`, `\u0001`: "\x01"}[text]; ok {
		text = unescaped
	}
	if utf8.RuneCountInString(text) != 1 {
		return "", fmt.Errorf("%w: option %q is %q; want one character", errInvalid, key, text)
	}
	return text, nil
}
