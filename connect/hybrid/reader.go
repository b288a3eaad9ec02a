package hybrid

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Gatherer = (*reader)(nil)
	_ ops.Lagging  = (*reader)(nil)
	_ ops.Halting  = (*reader)(nil)
	_ ops.Pausing  = (*reader)(nil)
)

// reader reads the splits of the first part that it has some of.
type reader struct {
	*source
	alloc memory.Allocator
	inner []ops.SplitReader
	open  []int // splits that have not ended, by part
}

// now is the part that is read; the number of parts when there is nothing to read.
func (r *reader) now() int {
	for i, n := range r.open {
		if n > 0 {
			return i
		}
	}
	return len(r.open)
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	for i, of := range r.divide(splits) {
		if len(of) == 0 {
			continue
		}
		r.open[i] += len(of)
		if err := r.inner[i].Assign(of); err != nil {
			return err
		}
	}
	return nil
}

// Until implements ops.Halting.
func (r *reader) Until(until []ops.Split) error {
	for i, of := range r.divide(until) {
		if h, ok := r.inner[i].(ops.Halting); ok && len(of) > 0 {
			if err := h.Until(of); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	i := r.now()
	if i == len(r.inner) {
		return ops.Fetched{}, nil
	}
	f, err := r.inner[i].Fetch(ctx)
	if err != nil {
		return f, err
	}
	if f.After.ID != "" {
		f.After.ID = r.parts[i].id + "/" + f.After.ID
	}
	if f.Done {
		r.open[i]--
	}
	if f.Batch != nil {
		f.Batch = r.shaped(i, f.Batch)
	}
	return f, nil
}

// shaped is a batch of a part as one of the table: only the rows that it is to give.
func (r *reader) shaped(i int, b *stream.Batch) *stream.Batch {
	rows := b.Rows
	if sel, all := r.change.keeps(rows, i == len(r.parts)-1); !all {
		rows, b = r.selected(b, sel)
	}
	defer rows.Release()
	b.Rows = array.NewRecordBatch(r.schema, rows.Columns()[:r.schema.NumFields()], rows.NumRows())
	return b
}

// Gathers implements ops.Gatherer: as the part that is read does.
func (r *reader) Gathers() bool {
	i := r.now()
	if i == len(r.inner) {
		return false
	}
	g, ok := r.inner[i].(ops.Gatherer)
	return ok && g.Gathers()
}

// Pending implements ops.Lagging.
func (r *reader) Pending() (rows int64) {
	for i, of := range r.inner {
		if l, ok := of.(ops.Lagging); ok && r.open[i] > 0 {
			rows += l.Pending()
		}
	}
	return rows
}

// Pause implements ops.Pausing.
func (r *reader) Pause(ids []string) {
	by := make([][]string, len(r.parts))
	for _, id := range ids {
		if i, of := r.part(id); i >= 0 {
			by[i] = append(by[i], of)
		}
	}
	for i, of := range r.inner {
		if p, ok := of.(ops.Pausing); ok {
			p.Pause(by[i])
		}
	}
}

// Close implements ops.SplitReader.
func (r *reader) Close() (err error) {
	for _, of := range r.inner {
		err = errors.Join(err, of.Close())
	}
	return err
}
