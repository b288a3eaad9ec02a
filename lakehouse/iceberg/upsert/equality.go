package upsert

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
)

// In the mode 'equality' the index knows only the keys of the epoch: it begins
// empty with each. A snapshot holds one epoch: its data files, an equality
// delete file with every key that has changed, which applies to the snapshots
// before, and positions of rows of its own that it has replaced itself.

// equalities stages the keys of the epoch as equality delete files, and forgets
// them.
func (u *Writer) equalities() (out []ops.Committable, err error) {
	gids := u.index.table.Live(nil)
	if len(gids) == 0 {
		return nil, nil
	}
	var fields []ice.NestedField
	for _, c := range u.index.keys.Columns() {
		fields = append(fields, c.Field())
	}
	l, err := u.layout.OfKeys(fields)
	if err != nil {
		return nil, err
	}
	s, err := write.NewFan(l, nil)
	if err != nil {
		return nil, err
	}
	for from := 0; from < len(gids); from += saveRows {
		if err := u.equal(l, s, gids[from:min(from+saveRows, len(gids))]); err != nil {
			_ = write.Remove(l.Table, s.Abandon()) // the error that led here is the one to tell
			return nil, err
		}
	}
	files, err := s.Finish()
	if err != nil {
		return nil, err
	}
	for _, df := range files {
		c, err := write.Encode(l.Table, df)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	u.index.reset()
	return out, nil
}

func (u *Writer) equal(l *write.Layout, s *write.Fan, gids []uint32) error {
	cols := u.index.table.Keys(u.mem, gids)
	defer releaseAll(cols)
	fields := make([]arrow.Field, len(cols))
	for i, c := range u.index.keys.Columns() {
		fields[i] = c.Want
	}
	rows := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, int64(len(gids)))
	defer rows.Release()
	rec, err := schemas.ConvertRecord(u.mem, rows, l.Schema)
	if err != nil {
		return err
	}
	return s.Write(rec)
}
