package files

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/json"
)

// jsonEncoder writes one JSON object per line.
type jsonEncoder struct {
	w    io.Writer
	rows *json.Encoder
	line []byte
}

func newJSON(w io.Writer, schema *arrow.Schema, o settings) (*jsonEncoder, error) {
	rows, err := json.NewEncoder(schema, "json.", o)
	return &jsonEncoder{w: w, rows: rows}, err
}

func (e *jsonEncoder) Write(rec arrow.RecordBatch) error {
	e.rows.Fill(rec.Columns())
	defer e.rows.Drop()
	out := e.line[:0]
	for row := range int(rec.NumRows()) {
		out = append(e.rows.Append(out, row), '\n')
	}
	e.line = out
	_, err := e.w.Write(out)
	return err
}

func (e *jsonEncoder) Close() error { return nil }
