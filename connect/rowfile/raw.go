package rowfile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/raw"
	"github.com/wadi-engine/wadi/job"
)

// inferRaw is one column of text.
func inferRaw(input, settings) (*arrow.Schema, error) {
	return arrow.NewSchema([]arrow.Field{{Name: "line", Type: arrow.BinaryTypes.StringView, Nullable: true}}, nil), nil
}

// openRaw takes each line as the one value of a row.
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
	return openLines(in, at, rows, true)
}
