package read

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// KeyReader reads the key of every row of data files, whatever schema they have,
// in the engine's types.
type KeyReader struct {
	mem     memory.Allocator
	schema  *ice.Schema
	mapping ice.NameMapping
	Columns []Projected
}

// NewKeyReader reads the columns of a key in files of t.
func NewKeyReader(t *table.Table, columns []Projected, mem memory.Allocator) *KeyReader {
	return &KeyReader{mem: mem, schema: t.Schema(), mapping: t.NameMapping(), Columns: columns}
}

// Fields are those of the key in the table.
func (r *KeyReader) Fields() []ice.NestedField {
	fields := make([]ice.NestedField, len(r.Columns))
	for i, c := range r.Columns {
		fields[i] = c.Field()
	}
	return fields
}

// Types are those of the key's columns.
func (r *KeyReader) Types() []arrow.DataType {
	types := make([]arrow.DataType, len(r.Columns))
	for i, c := range r.Columns {
		types[i] = c.Engine.Type
	}
	return types
}

// Read gives the keys of all rows of a file to each, also of those that are
// deleted, with the position of the first of them. They are valid until each
// returns.
func (r *KeyReader) Read(ctx context.Context, files iceio.IO, path string, each func(keys []arrow.Array, first int64) error) error {
	f, err := OpenDataFile(ctx, files, path, Layout{Schema: r.schema, Mapping: r.mapping, Columns: r.Columns})
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Batches(ctx, r.mem, func(rec arrow.RecordBatch, first int64) error { return each(rec.Columns(), first) })
}

// Batches gives all rows to do, with the position of the first of each record. A
// record is valid until do returns.
func (s *File) Batches(ctx context.Context, mem memory.Allocator, do func(rec arrow.RecordBatch, first int64) error) error {
	if err := s.start(mem, 0, 1<<62); err != nil {
		return err
	}
	for {
		rec, first, err := s.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = do(rec, first)
		rec.Release()
		if err != nil {
			return err
		}
	}
}
