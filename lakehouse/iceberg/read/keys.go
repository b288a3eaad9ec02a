package read

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
)

// Keys reads the key of every row of data files, whatever schema they have, in
// the engine's types.
type Keys struct {
	reader *Reader
	what   *Selection
}

// NewKeys reads the columns of a key.
func NewKeys(r *Reader, columns []Column) *Keys { return &Keys{reader: r, what: Select(columns)} }

// Columns are those of the key.
func (k *Keys) Columns() []Column { return k.what.Columns }

// Types are those of the key's columns.
func (k *Keys) Types() []arrow.DataType { return TypesOf(k.what.Columns) }

// TypesOf are the types of columns as they are wanted.
func TypesOf(columns []Column) []arrow.DataType {
	types := make([]arrow.DataType, len(columns))
	for i, c := range columns {
		types[i] = c.Want.Type
	}
	return types
}

// Read gives the keys of all rows of a file to each, also of those that are
// deleted, with the position of the first of them. They are valid until each
// returns.
func (k *Keys) Read(ctx context.Context, path string, each func(keys []arrow.Array, first int64) error) error {
	rows, err := k.reader.Open(DataFile{Path: path, End: math.MaxInt64, Rows: -1}, k.what)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		rec, first, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = each(rec.Columns(), first)
		rec.Release()
		if err != nil {
			return err
		}
	}
}
