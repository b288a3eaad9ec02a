package files

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/raw"
	"github.com/wadi-engine/wadi/stream"
)

// rawEncoder writes the one column of a table, a line per row. A NULL is an empty
// line.
type rawEncoder struct {
	w    io.Writer
	rows *raw.Encoder
	line []byte
}

func newRaw(w io.Writer, schema *arrow.Schema) (*rawEncoder, error) {
	if schema.NumFields() != 1 {
		return nil, fmt.Errorf("%w: the format raw has one column, not %d", errInvalid, schema.NumFields())
	}
	switch f := schema.Field(0); f.Type.ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
	default:
		return nil, fmt.Errorf("%w: column %s: a line of the format raw is text or bytes, not %s", errInvalid, f.Name, f.Type)
	}
	rows, err := raw.NewEncoder(schema.Field(0))
	return &rawEncoder{w: w, rows: rows}, err
}

func (e *rawEncoder) Write(rec arrow.RecordBatch) (err error) {
	e.rows.Fill(rec.Columns())
	defer e.rows.Drop()
	out := e.line[:0]
	for row := range int(rec.NumRows()) {
		if out, err = e.rows.Append(out, row, stream.Insert); err != nil {
			return err
		}
		out = append(out, '\n')
	}
	e.line = out
	_, err = e.w.Write(out)
	return err
}

func (e *rawEncoder) Close() error { return nil }
