package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/raw"
	"github.com/wadi-engine/wadi/job"
)

// inferRaw is one column of text.
func inferRaw(input, settings) (*arrow.Schema, error) {
	return arrow.NewSchema([]arrow.Field{{Name: "line", Type: arrow.BinaryTypes.StringView, Nullable: true}}, nil), nil
}

// rawDecoder takes each line as the one value of a row.
type rawDecoder struct {
	lines *lines
	rows  *raw.Decoder
	at    position
}

func openRaw(in input, at position, o settings) (decoder, error) {
	if o.table.NumFields() != 1 {
		return nil, fmt.Errorf("%w: the format raw has one column, not %d", job.ErrInvalid, o.table.NumFields())
	}
	if f := o.table.Field(0); f.Type.ID() != arrow.STRING_VIEW && f.Type.ID() != arrow.BINARY_VIEW {
		return nil, fmt.Errorf("%w: column %s: a line of the format raw is text or bytes, not %s", job.ErrInvalid, f.Name, f.Type)
	}
	rows, err := raw.New(o.schema)
	if err != nil {
		return nil, err
	}
	r, err := in.from(at.Offset)
	if err != nil {
		return nil, err
	}
	return &rawDecoder{lines: newLines(r), rows: rows, at: at}, nil
}

func (d *rawDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	for d.rows.Rows() < n && d.rows.Bytes() < maxBatch {
		line, err := d.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, d.at, err
		}
		d.at.Row++
		d.at.Offset += int64(d.lines.size)
		if err := d.rows.Append(line); err != nil {
			bad = append(bad, badRow{d.at.Row, err.Error(), bytes.Clone(line)})
		}
	}
	if d.rows.Rows() == 0 {
		if len(bad) == 0 {
			return nil, nil, d.at, io.EOF
		}
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}

func (d *rawDecoder) close() error { return nil }
