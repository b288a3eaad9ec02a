package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// changeFormat is the format called name of changes, a message per line.
func changeFormat(name string) format {
	return format{
		options: changes.Options(name), changes: true,
		infer: func(in input, s settings) (*arrow.Schema, error) { return inferChanges(name, in, s) },
		open: func(in input, at position, s settings) (decoder, error) {
			rows, err := changes.New(name, s.schema, s.paths, s.options)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
			}
			r, err := in.from(at.Offset)
			if err != nil {
				return nil, err
			}
			return &changeDecoder{lines: newLines(r), at: at, rows: rows}, nil
		},
	}
}

// inferChanges takes the columns of the first rows.
func inferChanges(name string, in input, s settings) (*arrow.Schema, error) {
	reader, err := changes.NewReader(name, s.options)
	if err != nil {
		return nil, err
	}
	lines := newLines(in.plain)
	root := &shape{}
	for row := range sampleRows {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := reader.Rows(line, func(row jsontext.Value) error { return root.see(row) }); err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", job.ErrInvalid, row+1, err)
		}
	}
	st, ok := root.dataType().(*arrow.StructType)
	if !ok {
		return nil, fmt.Errorf("%w: the file holds no changes of rows", job.ErrInvalid)
	}
	return arrow.NewSchema(st.Fields(), nil), nil
}

// changeDecoder reads one message per line.
type changeDecoder struct {
	lines *lines
	at    position
	rows  *changes.Decoder
	last  []stream.RowKind
}

// kinds are the changes of the rows that next gave last.
func (d *changeDecoder) kinds() []stream.RowKind { return d.last }

func (d *changeDecoder) close() error { return nil }

func (d *changeDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	lines := 0
	for ; lines < n && d.rows.Rows() < n && d.rows.Bytes() < maxBatch; lines++ {
		line, err := d.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, d.at, err
		}
		d.at.Row++
		d.at.Offset += int64(d.lines.size)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := d.rows.Append(line); err != nil {
			bad = append(bad, badRow{d.at.Row, err.Error(), bytes.Clone(line)})
		}
	}
	if lines == 0 {
		return nil, nil, d.at, io.EOF
	}
	if d.last = d.rows.Kinds(); len(d.last) == 0 {
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}
