package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pglogrepl"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var _ ops.SplitReader = (*reader)(nil)

// pageBytes is how many bytes travel together, about.
const pageBytes = 8 << 20

// reader takes what its goroutine reads.
type reader struct {
	*source
	split ops.Split
	pages *beside.Reading[page] // nil before and behind the split
}

// page is some rows, or only a position.
type page struct {
	rows  arrow.RecordBatch
	kinds []stream.RowKind
	after position
	last  bool
}

// Reader implements ops.Source.
func (s *source) Reader(context.Context, ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s}, nil
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		if r.pages != nil {
			return fmt.Errorf("slot %s is assigned twice", s.ID)
		}
		var at position
		if err := json.Unmarshal(s.Position, &at); err != nil {
			return fmt.Errorf("position in %s: %w", s.ID, err)
		}
		gathered, err := sqlrows.New(r.schema, sqlrows.PostgreSQL)
		if err != nil {
			return err
		}
		r.durable.Set(r.place(), uint64(at.LSN)) // no restart goes back behind it
		r.split = s
		r.pages = beside.Read(2, func(ctx context.Context, q *beside.Queue[page]) error {
			return (&run{source: r.source, pages: q, gathered: gathered, at: at}).all(ctx)
		}, page.release)
	}
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if r.pages == nil {
		return ops.Fetched{}, nil
	}
	p, ok, ready, err := r.pages.Next()
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read table %s: %w", r.table.Ident, err)
	}
	if !ok {
		return ops.Fetched{Ready: ready}, nil
	}
	f := ops.Fetched{After: ops.Split{ID: r.split.ID}, Done: p.last}
	if f.After.Position, err = json.Marshal(p.after); err != nil {
		return f, err
	}
	if p.rows != nil {
		f.Batch = stream.NewBatch(p.rows)
		f.Batch.Kinds = p.kinds
	}
	if p.last {
		r.end()
	}
	return f, nil
}

// end ends the goroutine.
func (r *reader) end() {
	r.pages.End()
	r.pages = nil
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

// run is the goroutine of a reader.
type run struct {
	*source
	pages *beside.Queue[page]

	at       position // behind what was gathered
	gathered *sqlrows.Columns
	kinds    []stream.RowKind

	layout layout
	open   bool          // a transaction has begun
	commit pglogrepl.LSN // where it was committed
	time   string        // when
	seen   bool          // it was read before
	skip   int64         // so many of its changes were given before
	told   pglogrepl.LSN // what the server knows to be durable
}

// all reads the table, and then the log.
func (r *run) all(ctx context.Context) error {
	if !r.at.Streaming {
		if err := r.snapshot(ctx); err != nil {
			return err
		}
	}
	if r.startup == snapshotOnly {
		return r.pages.Put(ctx, page{after: r.at, last: true})
	}
	return r.stream(ctx)
}

// flush hands over what was gathered; always also a position without rows.
func (r *run) flush(ctx context.Context, always bool) error {
	if r.gathered.Rows() == 0 && !always {
		return nil
	}
	p := page{after: r.at.clone(), kinds: r.kinds}
	if r.gathered.Rows() > 0 {
		var err error
		if p.rows, err = r.gathered.Record(memory.DefaultAllocator); err != nil {
			return err
		}
	}
	r.kinds = nil
	err := r.pages.Put(ctx, p)
	if err != nil && p.rows != nil {
		p.rows.Release()
	}
	return err
}
