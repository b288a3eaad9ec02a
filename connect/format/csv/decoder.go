package csv

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/columns"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Decoder appends messages of one line to columns. It belongs to one goroutine.
type Decoder struct {
	*columns.Table
	settings
	targets [][]target // of each cell of a line
	names   []string   // of the cells

	cells [][]byte // scratch
	plain []byte   // of cells in quotes, and with escapes
}

// target is a column that takes a cell, or one of its elements.
type target struct {
	col     *columns.Column
	element int // or -1
}

// New returns a decoder of lines that hold the columns of message, in order, for rows of
// schema, whose columns are found by their paths.
func New(message, schema *arrow.Schema, paths [][]string, options map[string]string) (*Decoder, error) {
	s, err := settingsOf(options)
	if err != nil {
		return nil, err
	}
	table, err := columns.NewTable(schema)
	if err != nil {
		return nil, err
	}
	d := &Decoder{Table: table, settings: s, targets: make([][]target, message.NumFields())}
	for _, f := range message.Fields() {
		d.names = append(d.names, f.Name)
		if err := flat(f.Type, true); err != nil {
			return nil, fmt.Errorf("%w: column %s: %w", job.ErrInvalid, f.Name, err)
		}
	}
	for i, c := range table.Columns {
		at := message.FieldIndices(paths[i][0])[0]
		t := target{c, -1}
		if len(paths[i]) > 1 {
			t.element, _ = message.Field(at).Type.(*arrow.StructType).FieldIdx(paths[i][1])
		}
		d.targets[at] = append(d.targets[at], t)
	}
	return d, nil
}

// flat refuses what is nested too deeply for a cell.
func flat(t arrow.DataType, outer bool) error {
	switch t := t.(type) {
	case *arrow.MapType:
		return errors.New("the csv format has no maps; use json")
	case *arrow.ListType:
		if outer {
			return flat(t.Elem(), false)
		}
	case *arrow.StructType:
		for _, f := range t.Fields() {
			if outer {
				if err := flat(f.Type, false); err != nil {
					return err
				}
			}
		}
		if outer {
			return nil
		}
	default:
		return nil
	}
	return errors.New("the csv format has lists and rows of plain values only")
}

// Append adds the row of a line. A comment is none.
func (d *Decoder) Append(message []byte) error {
	message = bytes.TrimSuffix(bytes.TrimSuffix(message, []byte{'\n'}), []byte{'\r'})
	if d.comments && len(message) > 0 && message[0] == '#' {
		return nil
	}
	err := d.split(message)
	if err == nil && len(d.cells) != len(d.targets) {
		err = fmt.Errorf("%d fields, want %d", len(d.cells), len(d.targets))
	}
	for i := 0; err == nil && i < len(d.cells); i++ {
		for _, t := range d.targets[i] {
			if err = d.put(t, d.cells[i]); err != nil {
				err = fmt.Errorf("field %s: %w", d.names[i], err)
				break
			}
		}
	}
	if err != nil {
		d.Undo()
		return err
	}
	d.Next()
	return nil
}

// split finds the cells of a line.
func (d *Decoder) split(line []byte) error {
	d.cells, d.plain = d.cells[:0], d.plain[:0]
	if len(d.targets) == 0 && len(line) == 0 {
		return nil
	}
	for {
		cell, rest, err := d.cell(line)
		if err != nil {
			return err
		}
		d.cells = append(d.cells, cell)
		if len(rest) == 0 {
			return nil
		}
		line = rest[len(d.delimiter):]
	}
}

// cell takes the first cell of a line; the rest begins with the delimiter, if there is
// one.
func (d *Decoder) cell(line []byte) (cell, rest []byte, err error) {
	if d.quote != 0 && len(line) > 0 && line[0] == d.quote {
		return d.quoted(line)
	}
	end := len(line)
	if len(d.delimiter) == 1 {
		if at := bytes.IndexByte(line, d.delimiter[0]); at >= 0 {
			end = at
		}
	} else if at := bytes.Index(line, []byte(d.delimiter)); at >= 0 {
		end = at
	}
	if d.escape != 0 && bytes.IndexByte(line[:end], d.escape) >= 0 {
		return d.escaped(line)
	}
	if bytes.IndexByte(line[:end], '\n') >= 0 {
		return nil, nil, errors.New("more than one line")
	}
	return line[:end], line[end:], nil
}

// escaped takes a cell without quotes in which characters are escaped.
func (d *Decoder) escaped(line []byte) (cell, rest []byte, err error) {
	from := len(d.plain)
	i := 0
	for i < len(line) && !bytes.HasPrefix(line[i:], []byte(d.delimiter)) {
		if line[i] == d.escape {
			if i++; i == len(line) {
				return nil, nil, errors.New("nothing behind the escape character")
			}
		}
		d.plain = append(d.plain, line[i])
		i++
	}
	return d.plain[from:len(d.plain):len(d.plain)], line[i:], nil
}

// quoted takes a cell in quotes.
func (d *Decoder) quoted(line []byte) (cell, rest []byte, err error) {
	from := len(d.plain)
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case d.escape != 0 && c == d.escape && c != d.quote:
			if i++; i < len(line) {
				d.plain = append(d.plain, line[i])
			}
		case c != d.quote:
			d.plain = append(d.plain, c)
		case i+1 < len(line) && line[i+1] == d.quote:
			d.plain = append(d.plain, c)
			i++
		default:
			if rest = line[i+1:]; len(rest) > 0 && !bytes.HasPrefix(rest, []byte(d.delimiter)) {
				return nil, nil, fmt.Errorf("%q behind a closing quote", rest[:1])
			}
			return d.plain[from:len(d.plain):len(d.plain)], rest, nil
		}
	}
	return nil, nil, errors.New("a quote is not closed")
}

// put appends a cell to a column.
func (d *Decoder) put(t target, cell []byte) error {
	if d.isNull && string(cell) == d.null {
		t.col.Null()
		return nil
	}
	if t.element >= 0 {
		cells := bytes.Split(cell, []byte(d.element))
		if t.element >= len(cells) {
			t.col.Null()
			return nil
		}
		cell = cells[t.element]
	}
	switch t.col.Kind {
	case columns.Lists:
		if len(cell) > 0 {
			for e := range bytes.SplitSeq(cell, []byte(d.element)) {
				if err := d.plainValue(t.col.Children[0], e); err != nil {
					return err
				}
			}
		}
		return t.col.End()
	case columns.Rows:
		if len(cell) == 0 {
			t.col.Null()
			return nil
		}
		cells := bytes.Split(cell, []byte(d.element))
		if len(cells) != len(t.col.Children) {
			return fmt.Errorf("%d elements, want %d", len(cells), len(t.col.Children))
		}
		for i, f := range t.col.Children {
			if err := d.plainValue(f, cells[i]); err != nil {
				return err
			}
		}
		t.col.Row()
		return nil
	default:
		return d.plainValue(t.col, cell)
	}
}

// plainValue appends a value that has none inside. Nothing is a NULL where it is no text.
func (d *Decoder) plainValue(c *columns.Column, cell []byte) error {
	switch {
	case d.isNull && string(cell) == d.null:
		c.Null()
		return nil
	case c.Kind == columns.Texts:
		return c.Put(cell)
	case len(cell) == 0:
		c.Null()
		return nil
	}
	text := unsafe.String(unsafe.SliceData(cell), len(cell))
	if text[0] == ' ' || text[len(text)-1] == ' ' {
		text = strings.TrimSpace(text)
	}
	if err := c.Parse(text); err != nil {
		return fmt.Errorf("%.80q is no %s", text, expr.TypeName(c.Type))
	}
	return nil
}
