package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/job"
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
			return openLines(in, at, rows, false)
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
