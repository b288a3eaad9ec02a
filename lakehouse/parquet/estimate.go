package parquet

import (
	"context"

	"github.com/wadi-engine/wadi/ops"
)

// rows takes the first file for typical: its rows by its bytes, times the bytes of
// all.
func (c *connector) rows(ctx context.Context, s ops.Scan) ops.Estimate {
	files, err := c.stores.Glob(ctx, s.Table.Options[optPath], s.Table.Options)
	if err != nil || len(files) == 0 {
		return ops.Estimate{} // whoever reads them says why
	}
	f, err := openObject(ctx, c.stores, files[0].URL, s.Table.Options)
	if err != nil {
		return ops.Estimate{}
	}
	defer f.close()
	var bytes int64
	for _, o := range files {
		bytes += o.Size
	}
	rows := float64(f.Rows())
	if size := f.obj.Size(); size > 0 && len(files) > 1 {
		rows *= float64(bytes) / float64(size)
	}
	return ops.Estimate{Rows: rows, Known: true}
}
