package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// readFile gives the rows of a Parquet file of a table to each, in their order,
// all of them: also those that are deleted. A record is valid until each
// returns.
func readFile(ctx context.Context, files iceio.IO, path string, columns [][]string, mem memory.Allocator, each func(arrow.RecordBatch) error) error {
	in, err := files.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	f, err := parquet.Open(ctx, in, info.Size(), parquet.Options{Name: path})
	if err != nil {
		return err
	}
	r, err := f.Reader(parquet.ReadOptions{Columns: columns, Alloc: mem})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = each(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
}
