package state

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// sideScan is Scan of much state: all runs are read side by side, some key groups at
// a time.
//
//	groups      0 1 2 │ 3 4 5 │ 6 …
//	run 1       ▓▓▓▓▓ │ ▓▓▓▓  │         of each key the newest row, in the order of
//	run 2       ▓▓    │ ▓     │         keys, for groups 0 to 2; then for 3 to 5
//
// Where memory is scarce the files of the runs are in regions, which may leave it;
// elsewhere rows are decoded while those before them are used.
func (t *table) sideScan(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var cursors []*cursor
		defer func() {
			for _, c := range cursors {
				c.close()
			}
		}()
		for _, r := range t.restored {
			c, err := t.open(ctx, r)
			if err != nil {
				yield(nil, fmt.Errorf("load table %s of %s: %w", t.name, t.uid, err))
				return
			}
			cursors = append(cursors, c)
		}
		found := t.sweeps(ctx, cursors)
		if len(cursors) == 1 {
			found = cursors[0].all(ctx)
		}
		if !t.paged() {
			for _, c := range cursors {
				t.scanned.rows, t.scanned.bytes = t.scanned.rows+int(c.rowsLeft), t.scanned.bytes+c.bytesLeft
			}
			found = ahead(found)
		}
		for s, err := range found {
			if err != nil {
				yield(nil, fmt.Errorf("load table %s of %s: %w", t.name, t.uid, err))
				return
			}
			more := t.yield(s.all, s.order, yield)
			s.all.release()
			if !more {
				return
			}
		}
	}
}

// swept is rows of some key groups, and those of them that count.
type swept struct {
	all   *rows
	order vector.Sel
}

// sweeps reads the runs of several cursors.
func (t *table) sweeps(ctx context.Context, cursors []*cursor) iter.Seq2[swept, error] {
	return func(yield func(swept, error) bool) {
		total := int64(0)
		for _, c := range cursors {
			total += c.rowsLeft
		}
		// Groups of a local table are all 0.
		groups := 1 << 16
		if !t.local {
			groups = t.m.o.KeyGroups
		}
		step := max(groups/int(1+total/int64(t.m.o.PieceRows)), 1)
		for below := step; below < groups+step; below += step {
			s, err := t.sweepBelow(ctx, cursors, below)
			if err != nil {
				yield(s, err)
				return
			}
			if s.all != nil && !yield(s, nil) {
				return
			}
		}
	}
}

// sweepBelow is the rows of key groups below one, as far as they were not read yet.
func (t *table) sweepBelow(ctx context.Context, cursors []*cursor, below int) (s swept, err error) {
	var parts []*rows
	for _, c := range cursors {
		if parts, err = c.below(ctx, parts, below); err != nil {
			for _, p := range parts {
				p.release()
			}
			return s, err
		}
	}
	if len(parts) == 0 {
		return s, nil
	}
	s.all = concat(t.m.o.Allocator, parts)
	s.order = s.all.live(s.all.latest(t.m.o.Bugs))
	return s, nil
}

// all reads the cursor's run, which is the only one: it has each key once.
func (c *cursor) all(ctx context.Context) iter.Seq2[swept, error] {
	return func(yield func(swept, error) bool) {
		for {
			more, err := c.read(ctx)
			if err != nil {
				yield(swept{}, err)
			}
			if err != nil || !more {
				return
			}
			r := c.next
			c.next, r.sorted = nil, true
			if !yield(swept{r, r.live(r.latest(c.t.m.o.Bugs))}, nil) {
				return
			}
		}
	}
}

// ahead runs a sequence in a goroutine of its own, which is some elements ahead.
func ahead(of iter.Seq2[swept, error]) iter.Seq2[swept, error] {
	type found struct {
		swept
		err    error
		broken any // a panic
	}
	return func(yield func(swept, error) bool) {
		ch, stop := make(chan found, 2), make(chan struct{})
		go func() {
			defer close(ch)
			defer func() {
				if p := recover(); p != nil {
					ch <- found{broken: p}
				}
			}()
			for s, err := range of {
				select {
				case ch <- found{swept: s, err: err}:
				case <-stop:
					if s.all != nil {
						s.all.release()
					}
					return
				}
			}
		}()
		defer func() {
			close(stop)
			for f := range ch {
				if f.all != nil {
					f.all.release()
				}
			}
		}()
		for f := range ch {
			if f.broken != nil {
				panic(f.broken)
			}
			if !yield(f.swept, f.err) {
				return
			}
		}
	}
}

// cursorRows is how many rows of a run are read at a time where memory is scarce;
// elsewhere as many as Scan yields.
const cursorRows = 4 << 10

// cursor reads a run from its beginning to its end.
type cursor struct {
	t      *table
	run    checkpoint.Run
	data   *runFile
	file   *mem.Region // of data where memory is scarce, or nil
	reader *file.Reader
	rows   pqarrow.RecordReader
	next   *rows // read, and not given yet
	// rowsLeft is how many it has, and bytesLeft how many bytes they are in the file
	// before they are compressed.
	rowsLeft, bytesLeft int64
}

// open reads a run's file, as far as it is needed.
func (t *table) open(ctx context.Context, r checkpoint.Run) (*cursor, error) {
	data, err := fetchParts(ctx, t.m.o.Store, r)
	if err != nil {
		return nil, err
	}
	c := &cursor{t: t, run: r, data: data}
	if t.paged() {
		c.evictable()
	}
	if err := c.decode(ctx); err != nil {
		c.close()
		return nil, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, r.File, err)
	}
	return c, nil
}

// evictable moves the file into a region.
func (c *cursor) evictable() {
	n := 0
	for _, p := range c.data.pieces {
		n += len(p.data)
	}
	c.file = c.t.m.o.Pool.Reserve(n)
	c.file.Grow(n)
	to := c.file.Bytes()
	for i, p := range c.data.pieces {
		n := copy(to, p.data)
		c.data.pieces[i].data, to = to[:n:n], to[n:]
	}
}

func (c *cursor) decode(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil { // the Parquet reader panics at some kinds of damage
			err = fmt.Errorf("%v", p)
		}
	}()
	alloc := c.t.m.o.Allocator
	props, size := parquet.NewReaderProperties(alloc), int64(scanRows)
	if c.t.paged() {
		props.BufferedStreamEnabled, props.BufferSize, size = true, pageBytes, cursorRows
	}
	c.reader, err = file.NewParquetReader(c.data.open(), file.WithReadProps(props))
	if err != nil {
		return err
	}
	if err := checkVersion(c.reader); err != nil {
		return err
	}
	pr, err := pqarrow.NewFileReader(c.reader, pqarrow.ArrowReadProperties{BatchSize: size}, alloc)
	if err != nil {
		return err
	}
	groups := c.data.groups
	for i := range c.reader.NumRowGroups() {
		if g := c.reader.MetaData().RowGroup(i); groups == nil || slices.Contains(groups, i) {
			c.rowsLeft, c.bytesLeft = c.rowsLeft+g.NumRows(), c.bytesLeft+g.TotalByteSize()
		}
	}
	if c.rowsLeft > 0 { // no row groups would mean all
		c.rows, err = pr.GetRecordReader(ctx, wanted(c.reader, c.t.spec.Schema), groups)
	}
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
	if c.rows == nil {
		return false, nil
	}
	if c.t.paged() {
		c.t.m.o.Pool.Relieve()
	}
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
	if c.file != nil {
		c.file.Free()
	}
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
