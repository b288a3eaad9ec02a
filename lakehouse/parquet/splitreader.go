package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// binding maps the columns of a scan to those of one file.
type binding struct {
	paths  [][]string  // to read of the file
	from   []int       // of each column of the scan: index into paths, or -1
	exprs  []expr.Expr // of each column of the scan, over paths; nil: NULL
	plain  bool        // all exprs are columns
	filter expr.Expr   // over paths
}

// bind finds the scan's columns in a file, by name. A column that the file
// lacks comes from the file's path, when the table is partitioned by it, and
// else is NULL. A type that differs must be one that holds the file's values.
func (s *Source) bind(f *File, path string) (*binding, error) {
	n := len(s.paths)
	b := &binding{from: make([]int, n), exprs: make([]expr.Expr, n), paths: [][]string{}, plain: true}
	for i, p := range s.paths {
		want := s.schema.Field(i)
		b.from[i] = -1
		col, err := f.find(p)
		switch {
		case err == nil:
			b.from[i] = len(b.paths)
			b.paths = append(b.paths, p)
			b.exprs[i] = &expr.Column{Index: b.from[i], Name: want.Name, Of: col.typ}
			if arrow.TypeEqual(col.typ, want.Type) {
				continue
			}
			if !holds(want.Type, col.typ) {
				return nil, fmt.Errorf("%w: file %s: column %q is %v, and the table declares %v",
					job.ErrInvalid, f.name, want.Name, col.typ, want.Type)
			}
		case len(p) == 1 && slices.Contains(s.table.PartitionedBy, p[0]):
			text, ok := partition(path, p[0])
			if !ok {
				return nil, fmt.Errorf("%w: file %s: the table is partitioned by %q, and the path has no directory %q",
					job.ErrInvalid, f.name, p[0], p[0]+"=…")
			}
			b.exprs[i] = &expr.Literal{Value: text, Of: arrow.BinaryTypes.StringView}
		case !want.Nullable:
			return nil, fmt.Errorf("file %s: %w, and the table says it is NOT NULL", f.name, err)
		default:
			continue
		}
		b.plain = false
		b.exprs[i] = &expr.Call{Func: "cast", Args: []expr.Expr{b.exprs[i]}, Of: want.Type}
	}
	if s.filter != nil {
		// Columns that the file lacks get index -1, of which nothing is known.
		b.filter = expr.MapColumns(s.filter, func(i int) int {
			if i < 0 || i >= len(b.from) {
				return -1
			}
			return b.from[i]
		})
	}
	return b, nil
}

// partition finds the value of a partition column in a path of directories
// key=value; nil is NULL.
func partition(path, key string) (value any, ok bool) {
	for dir := range strings.SplitSeq(path, "/") {
		k, v, found := strings.Cut(dir, "=")
		if !found || unescape(k) != key {
			continue
		}
		if v = unescape(v); v == "__DEFAULT_PARTITION__" || v == "__HIVE_DEFAULT_PARTITION__" {
			return nil, true
		}
		return v, true
	}
	return nil, false
}

func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

var intWidth = map[arrow.Type]int{arrow.INT8: 1, arrow.INT16: 2, arrow.INT32: 4, arrow.INT64: 8}

// holds reports whether a column declared as want can take values of have
// by a cast that loses nothing but, for timestamps, digits of the second.
func holds(want, have arrow.DataType) bool {
	w, h := want.ID(), have.ID()
	switch {
	case intWidth[w] > 0 && intWidth[h] > 0:
		return intWidth[w] >= intWidth[h]
	case w == arrow.FLOAT64 && h == arrow.FLOAT32:
		return true
	case w == arrow.TIMESTAMP && h == arrow.TIMESTAMP:
		return true
	case w == arrow.DECIMAL128 && h == arrow.DECIMAL128:
		a, b := want.(*arrow.Decimal128Type), have.(*arrow.Decimal128Type)
		return a.Scale >= b.Scale && a.Precision-a.Scale >= b.Precision-b.Scale
	case w == arrow.DECIMAL128 && intWidth[h] > 0:
		a := want.(*arrow.Decimal128Type)
		return int(a.Precision-a.Scale) >= map[int]int{1: 3, 2: 5, 4: 10, 8: 19}[intWidth[h]]
	case w == arrow.STRING_VIEW && h == arrow.BINARY_VIEW, w == arrow.BINARY_VIEW && h == arrow.STRING_VIEW:
		return true
	}
	return false
}

// splitReader reads splits one after another.
type splitReader struct {
	source *Source
	alloc  memory.Allocator

	queue []ops.Split

	open   bool // the first of queue is being read
	part   part
	file   *object // kept between splits of one file
	bound  *binding
	reader *Reader
	casts  *expr.Program // the columns of the scan that are not NULL; nil when all are the file's
}

// Assign implements ops.SplitReader.
func (r *splitReader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *splitReader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	if !r.open {
		if err := r.begin(ctx, r.queue[0]); err != nil {
			return ops.Fetched{}, fmt.Errorf("table %s: %w", r.source.table.Ident, err)
		}
	}
	rec, err := r.reader.Next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return ops.Fetched{After: r.finish(), Done: true}, nil
	case err != nil:
		return ops.Fetched{}, fmt.Errorf("table %s: %w", r.source.table.Ident, err)
	}
	if rec, err = r.shape(rec); err != nil {
		return ops.Fetched{}, fmt.Errorf("table %s: file %s: %w", r.source.table.Ident, r.file.name, err)
	}
	f := ops.Fetched{Batch: stream.NewBatch(rec)}
	if group, row := r.reader.Position(); group >= 0 {
		r.queue[0].Position = formatPosition(group, row)
		f.After = r.queue[0]
	} else {
		f.After, f.Done = r.finish(), true
	}
	return f, nil
}

// begin opens what a split reads, at its position.
func (r *splitReader) begin(ctx context.Context, s ops.Split) error {
	p, err := parsePart(s.ID)
	if err != nil {
		return err
	}
	if r.file == nil || r.part.url != p.url || r.part.version != p.version {
		if err := r.change(ctx, p); err != nil {
			return err
		}
	}
	if p.from < 0 || p.to > len(r.file.meta.groups) || p.from > p.to {
		return fmt.Errorf("split %q: the file has %d row groups", s.ID, len(r.file.meta.groups))
	}
	r.part = p
	groups := make([]int, 0, p.to-p.from)
	for g := p.from; g < p.to; g++ {
		groups = append(groups, g)
	}
	o := ReadOptions{RowGroups: groups, Columns: r.bound.paths, Filter: r.bound.filter, Alloc: r.alloc}
	o.Remote(r.file.obj.URL())
	if r.reader, err = r.file.Reader(o); err != nil {
		return err
	}
	if len(s.Position) > 0 {
		group, row, err := parsePosition(s.Position)
		if err == nil {
			err = r.reader.Seek(group, row)
		}
		if err != nil {
			return err
		}
	}
	r.open = true
	return nil
}

// change opens another file.
func (r *splitReader) change(ctx context.Context, p part) error {
	r.closeFile()
	f, err := openObject(ctx, r.source.stores, p.url, objstore.Properties(r.source.table.Options))
	if err != nil {
		return err
	}
	r.file = f
	if v := f.version(); v != p.version {
		return fmt.Errorf("%w: file %s was replaced or changed since the job found it (version %s, now %s); "+
			"put the old file back, or start the job afresh", job.ErrInvalid, f.name, p.version, v)
	}
	if r.bound, err = r.source.bind(f.File, p.url); err != nil {
		return err
	}
	return r.compileCasts()
}

func (r *splitReader) compileCasts() error {
	r.casts = nil
	if r.bound.plain {
		return nil
	}
	fields := make([]arrow.Field, len(r.bound.paths))
	for i, p := range r.bound.paths {
		n, err := r.file.find(p)
		if err != nil {
			return err
		}
		fields[i] = n.field()
	}
	exprs := slices.DeleteFunc(slices.Clone(r.bound.exprs), func(e expr.Expr) bool { return e == nil })
	var err error
	r.casts, err = expr.Compile(exprs, arrow.NewSchema(fields, nil), expr.Env{})
	if err != nil {
		return fmt.Errorf("file %s: %w", r.file.name, err)
	}
	return nil
}

// shape makes a record of the scan's schema from one of the file's columns,
// which it owns.
func (r *splitReader) shape(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	defer rec.Release()
	cols := rec.Columns()
	if r.casts != nil {
		var err error
		if cols, err = r.casts.Eval(r.alloc, rec, nil); err != nil {
			return nil, err
		}
		defer releaseAll(cols)
	}
	out := make([]arrow.Array, len(r.bound.exprs))
	var nulls []arrow.Array
	defer func() { releaseAll(nulls) }()
	for i, e := range r.bound.exprs {
		if e != nil { // cols has these, in order
			out[i], cols = cols[0], cols[1:]
			continue
		}
		a := array.MakeArrayOfNull(r.alloc, r.source.schema.Field(i).Type, int(rec.NumRows()))
		nulls = append(nulls, a)
		out[i] = a
	}
	return array.NewRecordBatch(r.source.schema, out, rec.NumRows()), nil
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// finish ends the current split and returns it.
func (r *splitReader) finish() ops.Split {
	s := r.queue[0]
	r.queue = r.queue[1:]
	_ = r.reader.Close() // never fails
	r.reader, r.open = nil, false
	s.Position = formatPosition(r.part.to, 0)
	return s
}

func (r *splitReader) closeFile() {
	if r.file != nil {
		r.file.close()
		r.file = nil
	}
}

// Close implements ops.SplitReader.
func (r *splitReader) Close() error {
	if r.reader != nil {
		_ = r.reader.Close() // never fails
		r.reader = nil
	}
	r.closeFile()
	return nil
}
