package render

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
)

// csvFormat writes RFC 4180 with \n. NULL is an empty field, an empty text is "".
type csvFormat struct {
	op     bool
	header []byte
	cells  []cell

	scratch []byte
}

func newCSV(schema *arrow.Schema, opts Options) rowFormat {
	c := &csvFormat{op: opts.Op}
	if opts.Op {
		c.header = append(c.header, "op"...)
	}
	for k, f := range schema.Fields() {
		if k > 0 || opts.Op {
			c.header = append(c.header, ',')
		}
		c.header = appendCSV(c.header, []byte(f.Name))
		c.cells = append(c.cells, textCell(f, opts.Zone))
	}
	c.header = append(c.header, '\n')
	if opts.NoHeader {
		c.header = nil
	}
	return c
}

func (c *csvFormat) begin(dst []byte) []byte      { return append(dst, c.header...) }
func (*csvFormat) end(dst []byte, _ int64) []byte { return dst }

func (c *csvFormat) row(dst []byte, kind stream.RowKind, rec arrow.RecordBatch, i int) []byte {
	if c.op {
		dst = append(dst, kind.String()...)
	}
	for k, write := range c.cells {
		if k > 0 || c.op {
			dst = append(dst, ',')
		}
		if a := rec.Column(k); !a.IsNull(i) {
			c.scratch = write(c.scratch[:0], a, i)
			dst = appendCSV(dst, c.scratch)
		}
	}
	return append(dst, '\n')
}

// appendCSV writes a field, in quotes if it has to be.
func appendCSV(dst, field []byte) []byte {
	if len(field) > 0 && !bytes.ContainsAny(field, ",\"\n\r") && field[0] != ' ' && field[len(field)-1] != ' ' {
		return append(dst, field...)
	}
	dst = append(dst, '"')
	for _, c := range field {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
