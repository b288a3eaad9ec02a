package scan

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// reader reads its splits one after the other.
type reader struct {
	source  *Source
	mapping ice.NameMapping
	files   iceio.IO
	mem     memory.Allocator
	ctx     context.Context // of the files; ends with Close
	cancel  context.CancelFunc

	queue []ops.Split
	open  *openPiece // of the first of queue, or nil

	deleted *read.DeleteReader

	dead, gone []bool
	sel        vector.Sel
}

// openPiece is a piece that is being read.
type openPiece struct {
	*piece
	head    []byte // the piece as it stands in positions
	file    iceio.File
	rows    *parquet.Reader
	binding *read.Binding
	first   []int64 // of each row group: the position of its first row in the file
	deletes *read.GoneRows
	gone    *read.GoneRows // nil unless the piece is one of rows that are gone
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	split := r.queue[0]
	f, err := r.fetch(ctx, split)
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read %s of table %s: %w", split.ID, r.source.place, err)
	}
	if f.Done {
		r.closePiece()
		r.queue = r.queue[1:]
	} else {
		r.queue[0] = f.After
	}
	return f, nil
}

func (r *reader) fetch(ctx context.Context, split ops.Split) (ops.Fetched, error) {
	if r.open == nil {
		if err := r.begin(split); err != nil {
			return ops.Fetched{}, err
		}
	}
	rec, err := r.open.rows.Next(ctx)
	if errors.Is(err, io.EOF) {
		return ops.Fetched{After: split, Done: true}, nil
	}
	if err != nil {
		return ops.Fetched{}, read.Unavailable(err)
	}
	defer rec.Release()
	group, row := r.open.rows.Position()
	out, err := r.shape(rec, r.open.first[group]+row-rec.NumRows())
	if err != nil {
		return ops.Fetched{}, err
	}
	split.Position = fmt.Appendf(r.open.head[:len(r.open.head):len(r.open.head)], "@%d/%d", group, row)
	f := ops.Fetched{After: split}
	if out != nil {
		f.Batch = stream.NewBatch(out)
		if r.open.removes() {
			f.Batch.Kinds = kinds(int(out.NumRows()))
		}
	}
	return f, nil
}

func kinds(n int) []stream.RowKind {
	out := make([]stream.RowKind, n)
	for i := range out {
		out[i] = stream.Delete
	}
	return out
}

// begin opens the file of a split at its position.
func (r *reader) begin(split ops.Split) error {
	p, head, group, row, err := parsePiece(split.Position)
	if err != nil {
		return err
	}
	o := &openPiece{piece: p, head: head}
	if o.file, err = r.files.Open(p.File); err != nil {
		return read.Unavailable(err)
	}
	if err := r.beginFile(o, group, row); err != nil {
		return errors.Join(err, o.file.Close())
	}
	r.open = o
	return nil
}

// beginFile binds the columns of the file and reads its deletes.
func (r *reader) beginFile(o *openPiece, group int, row int64) error {
	f, err := read.OpenParquet(r.ctx, o.file, o.File)
	if err != nil {
		return err
	}
	if f.Rows() != o.Rows {
		return fmt.Errorf("%w: the file has %d rows, and the table says %d", job.ErrInvalid, f.Rows(), o.Rows)
	}
	var groups []int
	at := int64(0)
	for i, g := range f.RowGroups() {
		o.first = append(o.first, at)
		at += g.Rows
		if g.Offset >= o.Start && g.Offset < o.End {
			groups = append(groups, i)
		}
	}
	if groups == nil {
		groups = []int{}
	}
	o.binding, err = read.Bind(read.Fields(f.Schema(), r.mapping), r.source.columns, o.Constants, r.source.filter)
	if err != nil {
		return err
	}
	if o.deletes, err = r.deleted.GoneRows(o.File, o.Constants, o.Deletes, o.binding); err != nil {
		return err
	}
	if len(o.Gone) > 0 {
		if o.gone, err = r.deleted.GoneRows(o.File, o.Constants, o.Gone, o.binding); err != nil {
			return err
		}
	}
	options := parquet.ReadOptions{RowGroups: groups, Columns: o.binding.Paths, Filter: o.binding.Filter, Alloc: r.mem}
	options.Remote(o.File)
	if o.rows, err = f.Reader(options); err != nil {
		return err
	}
	if group > 0 || row > 0 {
		return o.rows.Seek(group, row)
	}
	return nil
}

// shape makes the scan's record of the file's, whose first row stands at
// position first. Nil means that no row is left.
func (r *reader) shape(rec arrow.RecordBatch, first int64) (arrow.RecordBatch, error) {
	some, err := r.choose(rec, first)
	if err != nil {
		return nil, err
	}
	n := int(rec.NumRows())
	if some {
		if r.sel = read.Alive(r.dead, r.sel); len(r.sel) == 0 {
			return nil, nil
		}
		n = len(r.sel)
	}
	taken := make([]arrow.Array, rec.NumCols())
	cols := make([]arrow.Array, 0, len(r.open.binding.Shapes))
	defer func() {
		for _, c := range append(cols, taken...) {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, s := range r.open.binding.Shapes {
		var in arrow.Array
		if s.At >= 0 {
			if in = rec.Column(s.At); some {
				if taken[s.At] == nil {
					taken[s.At] = vector.Take(r.mem, in, r.sel)
				}
				in = taken[s.At]
			}
		}
		col, err := s.Apply(r.mem, in, n)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", r.source.schema.Field(i).Name, err)
		}
		cols = append(cols, col)
	}
	return array.NewRecordBatch(r.source.schema, cols, int64(n)), nil
}

// choose marks as dead the rows of rec that are not given, and reports whether
// there are any.
func (r *reader) choose(rec arrow.RecordBatch, first int64) (bool, error) {
	o, n := r.open, int(rec.NumRows())
	if o.deletes.None() && o.gone == nil {
		return false, nil
	}
	r.dead = cleared(r.dead, n)
	some, err := o.deletes.Mark(r.mem, rec, first, r.dead)
	if err != nil || o.gone == nil {
		return some, err
	}
	r.gone = cleared(r.gone, n)
	if _, err := o.gone.Mark(r.mem, rec, first, r.gone); err != nil {
		return false, err
	}
	for i, g := range r.gone {
		r.dead[i] = r.dead[i] || !g
	}
	return true, nil
}

func cleared(b []bool, n int) []bool {
	if cap(b) < n {
		return make([]bool, n)
	}
	b = b[:n]
	clear(b)
	return b
}

func (r *reader) closePiece() {
	r.deleted.Settle()
	if r.open == nil {
		return
	}
	if r.open.rows != nil {
		_ = r.open.rows.Close() // never fails
	}
	r.open.binding.Release()
	_ = r.open.file.Close() // nothing was written
	r.open = nil
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.closePiece()
	r.deleted.Close()
	r.cancel()
	return nil
}
