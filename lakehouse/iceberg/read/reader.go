package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Reader reads data files of a table and the delete files that belong to them,
// one data file at a time. It keeps what of the delete files may be asked for
// again. One goroutine uses it.
type Reader struct {
	ctx     context.Context // of the files
	files   iceio.IO
	schemas []*ice.Schema
	mapping ice.NameMapping
	mem     memory.Allocator
	deleted deleteCache

	dead, gone []bool
	sel        vector.Sel
}

// NewReader reads files of t; ctx must last as long as the reader.
func NewReader(ctx context.Context, t *table.Table, files iceio.IO, mem memory.Allocator) *Reader {
	r := &Reader{ctx: ctx, files: files, schemas: SchemasOf(t, nil), mem: mem}
	if r.mapping = t.Metadata().NameMapping(); r.mapping == nil {
		r.mapping = t.Schema().NameMapping()
	}
	return r
}

// Close gives back what is kept.
func (r *Reader) Close() { r.deleted.close() }

// Selection is what is read of every file.
type Selection struct {
	Columns []Column
	Schema  *arrow.Schema // of what is given: the columns as they are wanted
	// Filter is over Schema, or nil. Files give rows of which it is not true, too.
	Filter expr.Expr
	// stored gives values as they are stored, as far as the columns want them so.
	stored bool
	// rowIDs is the column of row ids, before that of the sequence numbers at which
	// rows were changed last; 0 is none.
	rowIDs int
}

// Select selects columns.
func Select(columns []Column) *Selection {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = c.Want
	}
	return &Selection{Columns: columns, Schema: arrow.NewSchema(fields, nil)}
}

// Rows are the rows of a data file.
type Rows struct {
	reader  *Reader
	what    *Selection
	file    iceio.File
	rows    fileRows
	binding *fileBinding
	first   []int64 // of each row group: the position of its first row in the file
	deletes *goneRows
	of      DataFile
	gone    *goneRows // nil unless only rows that are gone are given
}

// fileRows gives the rows of a file in their order, as far as they are wanted.
type fileRows interface {
	// Next gives rows that stand one after the other in a group, which the caller
	// owns, or io.EOF.
	Next(ctx context.Context) (arrow.RecordBatch, error)
	// Seek goes on at a row that Position, the one behind those that were given
	// last, has told.
	Seek(group int, row int64) error
	Position() (group int, row int64)
	Close() error
}

// Open opens a data file. Rows of another one must have been closed before.
func (r *Reader) Open(f DataFile, what *Selection) (*Rows, error) {
	o := &Rows{reader: r, what: what, of: f}
	var err error
	if o.file, err = r.files.Open(f.Path); err != nil {
		return nil, Unavailable(err)
	}
	if err := o.open(f); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// open binds the columns of the file and reads its deletes.
func (o *Rows) open(f DataFile) error {
	if f.Avro {
		return o.openAvro(f)
	}
	r := o.reader
	p, err := openParquet(r.ctx, o.file, f.Path, o.what.stored)
	if err != nil {
		return err
	}
	if p.Rows() != f.Rows && f.Rows >= 0 {
		return fmt.Errorf("%w: the file has %d rows, and the table says %d", job.ErrInvalid, p.Rows(), f.Rows)
	}
	groups := []int{}
	at := int64(0)
	for i, g := range p.RowGroups() {
		o.first = append(o.first, at)
		at += g.Rows
		if g.Offset >= f.Start && g.Offset < f.End {
			groups = append(groups, i)
		}
	}
	if err := o.bind(f, p.Schema()); err != nil {
		return err
	}
	options := parquet.ReadOptions{RowGroups: groups, Columns: o.binding.paths, Filter: o.binding.filter, Alloc: r.mem}
	options.Remote(f.Path)
	o.rows, err = p.Reader(options)
	return err
}

// openAvro is open of an Avro file.
func (o *Rows) openAvro(f DataFile) error {
	a, err := openAvro(o.file, f.Path)
	if err != nil {
		return err
	}
	a.start, a.end, a.total, o.first = f.Start, f.End, f.Rows, []int64{0}
	if err := o.bind(f, a.schema); err != nil {
		return err
	}
	o.rows = a
	return a.read(o.binding.paths, o.reader.mem)
}

// bind binds the columns of the file, whose schema this is, and reads its deletes.
func (o *Rows) bind(f DataFile, schema *arrow.Schema) (err error) {
	r := o.reader
	o.binding, err = bindFile(fileFields(schema, r.mapping), o.what.Columns, f.Constants, o.what.Filter)
	if err != nil {
		return err
	}
	if o.deletes, err = r.goneRows(f.Path, f.Constants, f.Deletes, o.binding); err != nil {
		return err
	}
	if len(f.Gone) > 0 {
		o.gone, err = r.goneRows(f.Path, f.Constants, f.Gone, o.binding)
	}
	return err
}

// Delete leaves out the rows at these positions, too.
func (o *Rows) Delete(positions *dv.RoaringPositionBitmap) {
	for p := range positions.Positions() {
		o.deletes.positions = append(o.deletes.positions, int64(p))
	}
	slices.Sort(o.deletes.positions)
	o.deletes.positions = slices.Compact(o.deletes.positions)
}

// Seek goes on at a row of a row group, which Position has given.
func (o *Rows) Seek(group int, row int64) error { return o.rows.Seek(group, row) }

// Position is the row behind those that were given last, in its row group.
func (o *Rows) Position() (group int, row int64) { return o.rows.Position() }

// Next gives the next rows that are not deleted, which the caller owns, or
// io.EOF. first is the position in the file of the first row, deleted or not, of
// those among which they are; nil means that none of them is left.
func (o *Rows) Next(ctx context.Context) (rec arrow.RecordBatch, first int64, err error) {
	raw, err := o.rows.Next(ctx)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = Unavailable(err)
		}
		return nil, 0, err
	}
	defer raw.Release()
	group, row := o.rows.Position()
	first = o.first[group] + row - raw.NumRows()
	rec, err = o.shape(raw, first)
	return rec, first, err
}

// shape makes what is given of a record of the file, whose first row stands at
// position first. Nil means that no row is left.
func (o *Rows) shape(rec arrow.RecordBatch, first int64) (arrow.RecordBatch, error) {
	r := o.reader
	some, err := o.choose(rec, first)
	if err != nil {
		return nil, err
	}
	n := int(rec.NumRows())
	if some {
		if r.sel = alive(r.dead, r.sel); len(r.sel) == 0 {
			return nil, nil
		}
		n = len(r.sel)
	}
	taken := make([]arrow.Array, rec.NumCols())
	cols := make([]arrow.Array, 0, len(o.binding.shapes))
	defer func() {
		for _, c := range append(cols, taken...) {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, s := range o.binding.shapes {
		var in arrow.Array
		if s.at >= 0 {
			if in = rec.Column(s.at); some {
				if taken[s.at] == nil {
					taken[s.at] = vector.Take(r.mem, in, r.sel)
				}
				in = taken[s.at]
			}
		}
		col, err := s.apply(r.mem, in, n)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", o.what.Schema.Field(i).Name, err)
		}
		cols = append(cols, col)
	}
	if at := o.what.rowIDs; at > 0 {
		var sel vector.Sel
		if some {
			sel = r.sel
		}
		o.inherit(cols[at:], first, sel)
	}
	return array.NewRecordBatch(o.what.Schema, cols, int64(n)), nil
}

// choose marks as dead the rows of rec that are not given, and reports whether
// there are any.
func (o *Rows) choose(rec arrow.RecordBatch, first int64) (bool, error) {
	r, n := o.reader, int(rec.NumRows())
	if o.deletes.none() && o.gone == nil {
		return false, nil
	}
	r.dead = cleared(r.dead, n)
	some, err := o.deletes.mark(r.mem, rec, first, r.dead)
	if err != nil || o.gone == nil {
		return some, err
	}
	r.gone = cleared(r.gone, n)
	if _, err := o.gone.mark(r.mem, rec, first, r.gone); err != nil {
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

// Copy gives the rows of a data file, but for those at some positions, to do, which
// owns them.
func (r *Reader) Copy(ctx context.Context, f DataFile, but *dv.RoaringPositionBitmap, what *Selection, do func(arrow.RecordBatch) error) error {
	rows, err := r.Open(f, what)
	if err != nil {
		return err
	}
	defer rows.Close()
	if but != nil {
		rows.Delete(but)
	}
	for {
		rec, _, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec == nil {
			continue
		}
		if err := do(rec); err != nil {
			return err
		}
	}
}

// Close closes the file.
func (o *Rows) Close() {
	o.reader.deleted.settle()
	if o.rows != nil {
		_ = o.rows.Close() // never fails
	}
	if o.binding != nil {
		o.binding.release()
	}
	_ = o.file.Close() // nothing was written
}

// openParquet opens a data file or a delete file; name is for errors.
func openParquet(ctx context.Context, f iceio.File, name string, stored bool) (*parquet.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, Unavailable(err)
	}
	p, err := parquet.Open(ctx, f, info.Size(), parquet.Options{Name: name, Stored: stored})
	if err != nil {
		return nil, Unavailable(err)
	}
	return p, nil
}

// Unavailable gives an error that has no class that of a store that fails. A file
// that is not there will not come: a snapshot only names files that were.
func Unavailable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: a file of the table is not there: %w", job.ErrInvalid, err)
	}
	if strings.Contains(err.Error(), "ocf: invalid magic") { // the library has no class for it
		return fmt.Errorf("%w: a manifest is no Avro file; those that are encrypted cannot be read: %w", job.ErrInvalid, err)
	}
	if errors.Is(err, job.ErrInvalid) || errors.Is(err, job.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
}
