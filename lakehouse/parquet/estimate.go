package parquet

import (
	"context"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/ops"
)

// rows takes the first file for typical: its rows by its bytes, times the bytes of
// all.
func (c *connector) rows(ctx context.Context, s ops.Scan) ops.Estimate {
	o := s.Table.Options
	files, err := c.stores.Find(ctx, o[optPath], o[optRegex], objstore.Properties(o))
	if err != nil || len(files) == 0 {
		return ops.Estimate{} // whoever reads them says why
	}
	f, err := openObject(ctx, c.stores, files[0].URL, objstore.Properties(o))
	if err != nil {
		return ops.Estimate{}
	}
	defer f.close()
	var bytes int64
	for _, f := range files {
		bytes += f.Size
	}
	rows := float64(f.Rows())
	if size := f.obj.Size(); size > 0 && len(files) > 1 {
		rows *= float64(bytes) / float64(size)
	}
	return ops.Estimate{Rows: rows, Known: true}
}
