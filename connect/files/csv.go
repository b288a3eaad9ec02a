package files

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/csv"
	"github.com/wadi-engine/wadi/stream"
)

// csvEncoder writes rows as Flink's csv format does, without a header unless
// csv.header is set.
type csvEncoder struct {
	w      io.Writer
	rows   *csv.Encoder
	header bool // it is still to be written
	line   []byte
}

func newCSV(w io.Writer, schema *arrow.Schema, o settings) (*csvEncoder, error) {
	rows, err := csv.NewEncoder(schema, o)
	if err != nil {
		return nil, err
	}
	e := &csvEncoder{w: w, rows: rows}
	e.header, err = o.flag("csv.header", false)
	return e, err
}

func (e *csvEncoder) Write(rec arrow.RecordBatch) (err error) {
	out := e.line[:0]
	if e.header {
		e.header = false
		out = append(e.rows.AppendHeader(out), '\n')
	}
	e.rows.Fill(rec.Columns())
	defer e.rows.Drop()
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

func (e *csvEncoder) Close() error { return nil }
