package iceberg

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

// keyReader reads the key of every row of data files, whatever schema they have,
// in the engine's types.
type keyReader struct {
	mem     memory.Allocator
	schema  *ice.Schema
	mapping ice.NameMapping
	columns []projected
}

func newKeyReader(t *table.Table, columns []projected, mem memory.Allocator) *keyReader {
	return &keyReader{mem: mem, schema: t.Schema(), mapping: t.NameMapping(), columns: columns}
}

func (r *keyReader) types() []arrow.DataType {
	types := make([]arrow.DataType, len(r.columns))
	for i, c := range r.columns {
		types[i] = c.engine.Type
	}
	return types
}

// read gives the keys of all rows of a file to each, also of those that are
// deleted, with the position of the first of them. They are valid until each
// returns.
func (r *keyReader) read(ctx context.Context, files iceio.IO, path string, each func(keys []arrow.Array, first int64) error) error {
	f, err := openDataFile(ctx, files, path, fileLayout{schema: r.schema, mapping: r.mapping, columns: r.columns})
	if err != nil {
		return err
	}
	defer f.close()
	return f.batches(ctx, r.mem, func(rec arrow.RecordBatch, first int64) error { return each(rec.Columns(), first) })
}

// batches gives all rows to do, with the position of the first of each record. A
// record is valid until do returns.
func (s *scanFile) batches(ctx context.Context, mem memory.Allocator, do func(rec arrow.RecordBatch, first int64) error) error {
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
