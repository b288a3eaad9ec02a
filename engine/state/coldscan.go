package state

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/vector/mem"
)

// coldScan is Scan where memory is scarce: all runs are read side by side, some key
// groups at a time.
//
//	groups      0 1 2 │ 3 4 5 │ 6 …
//	run 1       ▓▓▓▓▓ │ ▓▓▓▓  │         of each key the newest row, in the order of
//	run 2       ▓▓    │ ▓     │         keys, for groups 0 to 2; then for 3 to 5
//
// The files of the runs are in regions, which may leave memory.
func (t *table) coldScan(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var cursors []*cursor
		defer func() {
			for _, c := range cursors {
				c.close()
			}
		}()
		total := int64(0)
		for _, r := range t.restored {
			c, err := t.open(ctx, r)
			if err != nil {
				yield(nil, fmt.Errorf("load table %s of %s: %w", t.name, t.uid, err))
				return
			}
			cursors = append(cursors, c)
			total += r.Rows
		}
		// Groups of a local table are all 0.
		groups := 1 << 16
		if !t.local {
			groups = t.m.o.KeyGroups
		}
		step := max(groups/int(1+total/int64(t.m.o.PieceRows)), 1)
		for below := step; below < groups+step; below += step {
			if !t.scanBelow(ctx, cursors, below, yield) {
				return
			}
		}
	}
}

// scanBelow yields the rows of key groups below one, as far as they were not read
// yet. It reports whether more is wanted.
func (t *table) scanBelow(ctx context.Context, cursors []*cursor, below int, yield func(arrow.RecordBatch, error) bool) bool {
	var parts []*rows
	for _, c := range cursors {
		var err error
		if parts, err = c.below(ctx, parts, below); err != nil {
			for _, p := range parts {
				p.release()
			}
			yield(nil, fmt.Errorf("load table %s of %s: %w", t.name, t.uid, err))
			return false
		}
	}
	if len(parts) == 0 {
		return true
	}
	all := concat(t.m.o.Allocator, parts)
	defer all.release()
	return t.yield(all, all.live(all.latest(t.m.o.Bugs)), yield)
}

// cursorRows is how many rows of a run are read at a time.
const cursorRows = 4 << 10

// cursor reads a run from its beginning to its end.
type cursor struct {
	t      *table
	run    checkpoint.Run
	file   *mem.Region
	reader *file.Reader
	rows   pqarrow.RecordReader
	next   *rows // read, and not given yet
}

// open reads a run's file.
func (t *table) open(ctx context.Context, r checkpoint.Run) (*cursor, error) {
	data, err := fetchRun(ctx, t.m.o.Store, r)
	if err != nil {
		return nil, err
	}
	c := &cursor{t: t, run: r, file: t.m.o.Pool.Reserve(len(data))}
	c.file.Grow(len(data))
	copy(c.file.Bytes(), data)
	if err := c.decode(ctx); err != nil {
		c.close()
		return nil, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, r.File, err)
	}
	return c, nil
}

func (c *cursor) decode(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil { // the Parquet reader panics at some kinds of damage
			err = fmt.Errorf("%v", p)
		}
	}()
	alloc := c.t.m.o.Allocator
	props := parquet.NewReaderProperties(alloc)
	props.BufferedStreamEnabled, props.BufferSize = true, pageBytes
	c.reader, err = file.NewParquetReader(bytes.NewReader(c.file.Bytes()), file.WithReadProps(props))
	if err != nil {
		return err
	}
	if err := checkVersion(c.reader); err != nil {
		return err
	}
	pr, err := pqarrow.NewFileReader(c.reader, pqarrow.ArrowReadProperties{BatchSize: cursorRows}, alloc)
	if err != nil {
		return err
	}
	c.rows, err = pr.GetRecordReader(ctx, nil, nil)
	return err
}

// below appends the rows of key groups below one to parts.
func (c *cursor) below(ctx context.Context, parts []*rows, below int) ([]*rows, error) {
	for {
		if c.next == nil {
			more, err := c.read(ctx)
			if err != nil || !more {
				return parts, err
			}
		}
		r := c.next
		n := sort.Search(len(r.group), func(i int) bool { return int(r.group[i]) >= below })
		if n > 0 {
			parts = append(parts, r.slice(0, n))
		}
		if n < len(r.group) {
			c.next = r.slice(n, len(r.group))
			r.release()
			return parts, nil
		}
		c.next = nil
		r.release()
	}
}

// read reads rows into next, and reports whether there were any.
func (c *cursor) read(ctx context.Context) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("%w: run %s: %v", checkpoint.ErrCorrupt, c.run.File, p)
		}
	}()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	c.t.m.o.Pool.Relieve()
	if !c.rows.Next() {
		if err := c.rows.Err(); err != nil {
			return false, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, c.run.File, err)
		}
		return false, nil
	}
	keep := &c.run.Groups
	if c.t.local {
		keep = nil
	}
	r, err := fromRun(c.t.m.o.Allocator, c.rows.RecordBatch(), *c.t.spec, keep)
	if err != nil {
		return false, fmt.Errorf("run %s: %w", c.run.File, err)
	}
	r.expire(*c.t.spec, max(c.t.dropped, c.run.DroppedBefore))
	c.next = r
	return true, nil
}

func (c *cursor) close() {
	if c.next != nil {
		c.next.release()
	}
	if c.rows != nil {
		c.rows.Release()
	}
	if c.reader != nil {
		_ = c.reader.Close() // of bytes in memory
	}
	c.file.Free()
}

// slice is a part of rows.
func (r *rows) slice(from, to int) *rows {
	s := &rows{schema: r.schema, keys: r.keys, group: r.group[from:to], deleted: r.deleted[from:to]}
	if r.expiry != nil {
		s.expiry, s.dropped = r.expiry[from:to], r.dropped[from:to]
	}
	rec := r.rec.NewSlice(int64(from), int64(to))
	defer rec.Release()
	s.rec = array.NewRecordBatch(r.schema, rec.Columns(), rec.NumRows())
	return s
}
