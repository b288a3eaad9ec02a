package read

import (
	"context"
	"errors"
	"fmt"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// OpenParquet opens a data file or a delete file; name is for errors.
func OpenParquet(ctx context.Context, f iceio.File, name string) (*parquet.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, Unavailable(err)
	}
	p, err := parquet.Open(ctx, f, info.Size(), parquet.Options{Name: name})
	if err != nil {
		return nil, Unavailable(err)
	}
	return p, nil
}

// Unavailable gives an error that has no class that of a store that fails.
func Unavailable(err error) error {
	if errors.Is(err, job.ErrInvalid) || errors.Is(err, job.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
}
