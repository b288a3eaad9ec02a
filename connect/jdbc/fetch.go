package jdbc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var _ ops.SplitReader = (*reader)(nil)

// reader reads one split after the other. The query runs beside the task.
type reader struct {
	*source
	ordered bool // the job goes on behind a row when it starts again
	queue   []ops.Split

	reading *beside.Reading[page] // of the first split, or nil
}

// page is some rows of a split, or its end.
type page struct {
	rows  arrow.RecordBatch // of Go's heap; nil at the end
	after position
}

// pageBytes is how many bytes travel together, about.
const pageBytes = 8 << 20

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s, ordered: rt.Durable()}, nil
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	if r.reading == nil {
		if err := r.begin(); err != nil {
			return ops.Fetched{}, err
		}
	}
	p, ok, ready, err := r.reading.Next()
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read table %s: %w", r.table.Ident, err)
	}
	if !ok {
		return ops.Fetched{Ready: ready}, nil
	}
	f := ops.Fetched{After: ops.Split{ID: r.queue[0].ID}}
	if p.rows == nil {
		f.Done, f.After = true, r.queue[0]
		r.end()
		r.queue = r.queue[1:]
		return f, nil
	}
	f.Batch = stream.NewBatch(p.rows)
	f.After.Position, err = json.Marshal(p.after)
	return f, err
}

// begin runs the query of the first split.
func (r *reader) begin() error {
	var at position
	if err := json.Unmarshal(r.queue[0].Position, &at); err != nil {
		return fmt.Errorf("position in %s: %w", r.queue[0].ID, err)
	}
	r.ordered = r.ordered || at.Key != nil || at.Rows > 0
	columns, err := sqlrows.New(r.schema, r.dialect.clean)
	if err != nil {
		return err
	}
	r.reading = beside.Read(2, func(ctx context.Context, q *beside.Queue[page]) error { return r.run(ctx, q, columns, at) }, page.release)
	return nil
}

// run puts the rows behind a position into q. Their memory is of Go's heap, since it
// runs beside the task.
func (r *reader) run(ctx context.Context, q *beside.Queue[page], columns *sqlrows.Columns, at position) error {
	db, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer db.close()
	put := func() error {
		rec, err := columns.Record(memory.DefaultAllocator)
		if err != nil {
			return err
		}
		if err = q.Put(ctx, page{rec, at.clone()}); err != nil {
			rec.Release()
		}
		return err
	}
	width := len(r.columns)
	err = db.query(ctx, r.query(at, r.ordered), func(values [][]byte) error {
		if err := columns.Append(values[:width]); err != nil {
			return err
		}
		at.pass(values[width:], len(r.key))
		if columns.Rows() >= r.fetch || columns.Bytes() >= pageBytes {
			return put()
		}
		return nil
	})
	if err == nil && columns.Rows() > 0 {
		err = put()
	}
	if err != nil {
		return err
	}
	return q.Put(ctx, page{})
}

// pass moves the position behind one more row, whose key is given.
func (p *position) pass(key [][]byte, keys int) {
	if keys == 0 {
		p.Rows++
		return
	}
	if len(key) < keys {
		return // rows come in no order
	}
	if p.Key == nil {
		p.Key = make([][]byte, keys)
	}
	for i := range p.Key {
		p.Key[i] = append(p.Key[i][:0], key[i]...)
	}
}

func (p *position) clone() position {
	c := *p
	c.Key = nil
	for _, k := range p.Key {
		c.Key = append(c.Key, bytes.Clone(k))
	}
	return c
}

// end ends the query.
func (r *reader) end() {
	r.reading.End()
	r.reading = nil
}

func (p page) release() {
	if p.rows != nil {
		p.rows.Release()
	}
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.end()
	return nil
}
