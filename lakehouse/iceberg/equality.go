package iceberg

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/ops"
)

// In the mode 'equality' the index knows only the keys of the epoch: it begins
// empty with each. A snapshot holds one epoch: its data files, an equality
// delete file with every key that has changed, which applies to the snapshots
// before, and positions of rows of its own that it has replaced itself.

// newEqualLayout says how equality delete files are written.
func newEqualLayout(l *layout, t *table.Table, columns []projected) (*layout, error) {
	all, err := table.SchemaToArrowSchema(t.Schema(), nil, true, false)
	if err != nil {
		return nil, err
	}
	var fields []arrow.Field
	var ids []int
	for _, c := range columns {
		fields = append(fields, all.Field(all.FieldIndices(c.field().Name)[0]))
		ids = append(ids, c.field().ID)
	}
	out, err := newLayout(l.ctx, t, arrow.NewSchema(fields, nil), l.tag, l.mem)
	if err != nil {
		return nil, err
	}
	out.equal, out.sorted, out.orders = ids, nil, nil
	return out, nil
}

// equalities stages the keys of the epoch as equality delete files, and forgets
// them.
func (u *upserter) equalities() (out []ops.Committable, err error) {
	gids := u.index.table.Live(nil)
	if len(gids) == 0 {
		return nil, nil
	}
	l, err := newEqualLayout(u.layout, u.layout.table, u.index.reader.columns)
	if err != nil {
		return nil, err
	}
	s, err := newFan(l, nil)
	if err != nil {
		return nil, err
	}
	for from := 0; from < len(gids); from += saveRows {
		if err := u.equal(s, gids[from:min(from+saveRows, len(gids))]); err != nil {
			_ = removeFiles(l.table, s.abandon()) // the error that led here is the one to tell
			return nil, err
		}
	}
	files, err := s.finish()
	if err != nil {
		return nil, err
	}
	for _, df := range files {
		c, err := encodeCommittable(l.table, df)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	u.index.reset()
	return out, nil
}

func (u *upserter) equal(s *fan, gids []uint32) error {
	cols := u.index.table.Keys(u.mem, gids)
	defer releaseAll(cols)
	fields := make([]arrow.Field, len(cols))
	for i, c := range u.index.reader.columns {
		fields[i] = c.engine
	}
	rows := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, int64(len(gids)))
	defer rows.Release()
	rec, err := convertRecord(u.mem, rows, s.layout.schema)
	if err != nil {
		return err
	}
	return s.write(rec)
}
