package parquet

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// ReadOptions say what a Reader reads. The zero value reads everything.
type ReadOptions struct {
	// RowGroups are the row groups to read, in this order; nil means all.
	RowGroups []int
	// Columns are paths of field names; {"bid", "price"} is a field of a
	// struct and comes as a column of its own, null where the struct is null.
	// Nil means all columns; no columns means records that only count rows.
	Columns [][]string
	// Filter is a hint over the columns of the result: row groups and pages
	// where it is true of no row are left out.
	Filter expr.Expr
	// Alloc is where records live; nil means the Go heap.
	Alloc memory.Allocator
	// BatchRows is how many rows a record has at most; 0 means 16384.
	BatchRows int
	// Ahead is how many bytes of a column chunk are read at once; 0 means 1 MiB.
	Ahead int
	// Reads is how many reads may be under way at once when a row group
	// begins; 0 means 1. The source and the allocator must allow it.
	Reads int
}

// Remote sets how to read when the file at url is where the first byte of a
// request takes as long as some megabytes.
func (o *ReadOptions) Remote(url string) {
	if strings.Contains(url, "://") && !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "mem:") {
		o.Ahead, o.Reads = 8<<20, 16
	}
}

const (
	defaultBatchRows = 16 << 10
	defaultAhead     = 1 << 20
	// maxBatchBytes bounds the fixed-length values of one batch of a column.
	maxBatchBytes = 64 << 20
)

// Reader reads rows of a File as records. It is not safe for concurrent use.
type Reader struct {
	f      *File
	o      ReadOptions
	schema *arrow.Schema
	nodes  []*node
	leaves []*column // in the order of the file

	group  int   // index into o.RowGroups
	row    int64 // next row of the group
	open   bool  // the group's columns have begun
	ranges []rowRange
	pages  [][]pageLocation // of each leaf, when rows are left out
	asm    assembler
	codec  *decompressor
}

// rowRange is the half-open range [from, to) of rows in a row group.
type rowRange struct{ from, to int64 }

// Reader returns a Reader at the first row.
func (f *File) Reader(o ReadOptions) (*Reader, error) {
	if o.Alloc == nil {
		o.Alloc = memory.DefaultAllocator
	}
	if o.BatchRows <= 0 {
		o.BatchRows = defaultBatchRows
	}
	if o.Ahead <= 0 {
		o.Ahead = defaultAhead
	}
	if o.RowGroups == nil {
		for i := range f.meta.groups {
			o.RowGroups = append(o.RowGroups, i)
		}
	}
	o.Alloc = withoutZeroing(o.Alloc)
	r := &Reader{f: f, o: o}
	for _, g := range o.RowGroups {
		if g < 0 || g >= len(f.meta.groups) {
			return nil, r.wrap(fmt.Errorf("%w: no row group %d; there are %d", job.ErrInvalid, g, len(f.meta.groups)))
		}
	}
	if err := r.project(); err != nil {
		return nil, r.wrap(err)
	}
	r.codec = decompressors.Get().(*decompressor)
	for _, c := range r.leaves {
		c.codec = r.codec
	}
	return r, nil
}

// project finds the nodes to read and makes a column for each leaf below them.
func (r *Reader) project() error {
	r.nodes = r.f.cols
	if r.o.Columns != nil {
		r.nodes = make([]*node, 0, len(r.o.Columns))
		for _, path := range r.o.Columns {
			n, err := r.f.find(path)
			if err != nil {
				return err
			}
			r.nodes = append(r.nodes, n)
		}
	}
	fields := make([]arrow.Field, len(r.nodes))
	r.asm = assembler{alloc: r.o.Alloc, columns: map[*leaf]*column{}}
	for i, n := range r.nodes {
		if n.err != nil {
			return n.err
		}
		fields[i] = n.field()
		if r.o.Columns != nil {
			fields[i].Nullable = n.def > 0
		}
		for _, l := range n.leaves(nil) {
			c := r.asm.columns[l]
			if c == nil {
				c = &column{flat: l.maxRep == 0 && l.maxDef <= 1}
				c.src, c.alloc, c.leaf, c.ahead, c.sink.alloc = r.f.src, r.o.Alloc, l, r.o.Ahead, r.o.Alloc
				r.asm.columns[l] = c
				r.leaves = append(r.leaves, c)
				if l.width > 16 {
					r.o.BatchRows = max(1, min(r.o.BatchRows, maxBatchBytes/l.width))
				}
			}
			c.flat = c.flat && (n.kind == leafNode || l.maxDef == 0)
		}
	}
	r.schema = arrow.NewSchema(fields, nil)
	return nil
}

// Schema is that of the records.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Position returns the row group and the row in it that Next reads next. Behind
// the last row the group is -1.
func (r *Reader) Position() (group int, row int64) {
	if r.group >= len(r.o.RowGroups) {
		return -1, 0
	}
	return r.o.RowGroups[r.group], r.row
}

// Seek makes Next go on at a row of a row group, which must be one of those to read.
func (r *Reader) Seek(group int, row int64) error {
	for i, g := range r.o.RowGroups {
		if g != group {
			continue
		}
		if rows := r.f.meta.groups[g].rows; row < 0 || row > rows {
			return r.wrap(fmt.Errorf("%w: no row %d in row group %d of %d rows", job.ErrInvalid, row, g, rows))
		}
		r.group, r.row, r.open = i, row, false
		return nil
	}
	return r.wrap(fmt.Errorf("%w: row group %d is not read", job.ErrInvalid, group))
}

// Next returns the next rows, at most BatchRows and of one row group, or
// io.EOF behind the last. The caller owns the record. After any other error
// the Reader is of no more use.
func (r *Reader) Next(ctx context.Context) (arrow.RecordBatch, error) {
	for r.group < len(r.o.RowGroups) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !r.open {
			if err := r.begin(); err != nil {
				return nil, err
			}
		}
		for len(r.ranges) > 0 && r.row >= r.ranges[0].to {
			r.ranges = r.ranges[1:]
		}
		if len(r.ranges) == 0 {
			r.group, r.row, r.open = r.group+1, 0, false
			continue
		}
		r.row = max(r.row, r.ranges[0].from)
		rec, err := r.read(int(min(int64(r.o.BatchRows), r.ranges[0].to-r.row)))
		if err != nil {
			return nil, err
		}
		r.row += rec.NumRows()
		return rec, nil
	}
	return nil, io.EOF
}

// begin starts the current row group, unless the filter leaves all of it out.
func (r *Reader) begin() error {
	g := &r.f.meta.groups[r.o.RowGroups[r.group]]
	r.ranges = nil
	if g.rows > 0 {
		r.ranges = []rowRange{{0, g.rows}}
	}
	r.pages = nil
	r.open = true
	if r.o.Filter != nil && g.rows > 0 {
		r.ranges = r.prune(g)
	}
	if len(r.ranges) == 0 {
		return nil
	}
	for _, c := range r.leaves {
		if err := c.begin(&g.columns[c.leaf.index], g.rows, r.f.limit); err != nil {
			return r.at(c, err)
		}
	}
	return r.prefetch()
}

// prefetch reads the beginning of all chunks at the same time, where a read
// waits long for its first byte.
func (r *Reader) prefetch() error {
	if r.o.Reads <= 1 || r.ranges[0].from > 0 || r.row > 0 {
		return nil
	}
	var g errgroup.Group
	g.SetLimit(r.o.Reads)
	for _, c := range r.leaves {
		g.Go(func() error {
			if _, err := c.peek(1); err != nil {
				return r.at(c, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// read reads the next n rows of the current group.
func (r *Reader) read(n int) (arrow.RecordBatch, error) {
	for _, c := range r.leaves {
		if c.row != r.row {
			if err := c.seek(r.row, r.offsetIndex(c), r.f.limit); err != nil {
				return nil, r.at(c, err)
			}
		}
		if err := c.read(n); err != nil {
			return nil, r.at(c, err)
		}
	}
	arrays := make([]arrow.Array, len(r.nodes))
	defer func() {
		for _, a := range arrays {
			if a != nil {
				a.Release()
			}
		}
		for _, c := range r.leaves {
			c.drop()
		}
	}()
	for i, node := range r.nodes {
		d, err := r.asm.data(node)
		if err == nil && d.Len() != n {
			d.Release()
			err = fmt.Errorf("column %s has %d rows where %d belong", node.name, d.Len(), n)
		}
		if err != nil {
			return nil, r.wrap(fmt.Errorf("row group %d: %w", r.o.RowGroups[r.group], err))
		}
		arrays[i] = array.MakeFromData(d)
		d.Release()
	}
	return array.NewRecordBatch(r.schema, arrays, int64(n)), nil
}

// Close gives back what the Reader holds. Records stay valid.
func (r *Reader) Close() error {
	for _, c := range r.leaves {
		c.close()
	}
	if r.codec != nil {
		decompressors.Put(r.codec)
		r.codec = nil
	}
	r.group = len(r.o.RowGroups)
	return nil
}

func (r *Reader) wrap(err error) error {
	return fmt.Errorf("read parquet file %s: %w", r.f.name, err)
}

// at says where in the file an error came up.
func (r *Reader) at(c *column, err error) error {
	place := fmt.Sprintf("row group %d, column %s", r.o.RowGroups[r.group], c.leaf.path)
	if c.page >= 0 {
		place += fmt.Sprintf(", page %d", c.page)
	}
	return r.wrap(fmt.Errorf("%s: %w", place, err))
}

// offsetIndex reads where the pages of c are, or returns nil when the file
// does not say, or says nonsense: pages are then found one after another.
func (r *Reader) offsetIndex(c *column) []pageLocation {
	return r.f.offsetIndex(c.meta)
}

func (f *File) offsetIndex(m *columnChunk) []pageLocation {
	b, ok := f.section(m.offsetIndexOffset, int64(m.offsetIndexLength))
	if !ok {
		return nil
	}
	pages, err := readOffsetIndex(b)
	if err != nil {
		return nil
	}
	for i, p := range pages {
		if p.firstRow < 0 || i == 0 && p.firstRow != 0 || i > 0 && (p.firstRow < pages[i-1].firstRow || p.offset < pages[i-1].offset) {
			return nil
		}
	}
	return pages
}

// maxIndex bounds an index section.
const maxIndex = 64 << 20

func (f *File) section(at, n int64) ([]byte, bool) {
	if at <= 0 || n <= 0 || n > maxIndex || at > f.size-n {
		return nil, false
	}
	b := make([]byte, n)
	return b, readAt(f.src, b, at) == nil
}
