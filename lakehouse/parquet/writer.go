package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// WriterOptions say how a file is written. The zero value works.
type WriterOptions struct {
	// Compression is zstd, snappy, gzip, brotli, lz4_raw or none; "" means zstd.
	Compression string
	// CompressionLevel is how hard zstd (1–22), gzip (1–9) and brotli (1–11) try;
	// 0 is fast. The others have no levels.
	CompressionLevel int
	// RowGroupRows and RowGroupBytes end a row group, whichever is reached
	// first; 0 means 1 Mi rows and 128 MiB of pages.
	RowGroupRows  int64
	RowGroupBytes int64
	// PageRows and PageBytes are about how many rows and how many bytes of values
	// a page has, whichever is reached first; 0 means 32768 and 1 MiB.
	PageRows  int
	PageBytes int
	// KeyValues is metadata for the footer.
	KeyValues []KeyValue
}

const (
	sliceRows     = 1024 // rows that a column takes before it looks at its page's size
	createdBy     = "wadi"
	footerVersion = 2
)

// Check reports what NewWriter would refuse.
func (o WriterOptions) Check() error {
	_, err := newCompressor(o.Compression, o.CompressionLevel)
	return err
}

// Metrics describe a finished file, as table formats want to know it.
type Metrics struct {
	Rows  int64
	Bytes int64
	// Offsets is where each row group begins: where the file can be split.
	Offsets []int64
	// Columns are the leaves, in the order of the file.
	Columns []ColumnMetrics
}

// ColumnMetrics describe one leaf of a file.
type ColumnMetrics struct {
	Path    []string
	FieldID int32 // -1 for none
	Bytes   int64 // of its pages, compressed
	Values  int64 // nulls included
	Nulls   int64
	NaNs    int64
	// Min and Max are bounds in Parquet's PLAIN encoding (byte arrays without
	// their length), nil where there are none; long byte arrays are cut, the
	// upper bound so that it stays one.
	Min, Max []byte
}

// Writer writes records to a file. It is not safe for concurrent use.
//
// Each leaf collects a page, encodes and compresses it, and keeps it until the
// row group is full; then the pages of each leaf go out one leaf after
// another. Indexes and footer follow at Close.
type Writer struct {
	out    io.Writer
	o      WriterOptions
	schema *arrow.Schema
	write  *schemaBuilder
	leaves []*leafWriter

	at      int64 // bytes written
	rows    int64 // in finished row groups
	pending int64 // in the current row group
	groups  []rowGroup
	indexes [][]chunkIndex // of each row group's chunks
	metrics []ColumnMetrics
	err     error // sticks
	closed  bool
}

// NewWriter begins a file on w. Records must have the columns of schema.
func NewWriter(w io.Writer, schema *arrow.Schema, o WriterOptions) (*Writer, error) {
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = 1 << 20
	}
	if o.RowGroupBytes <= 0 {
		o.RowGroupBytes = 128 << 20
	}
	if o.PageRows <= 0 {
		o.PageRows = 32 << 10
	}
	if o.PageBytes <= 0 {
		o.PageBytes = 1 << 20
	}
	codec, err := newCompressor(o.Compression, o.CompressionLevel)
	if err != nil {
		return nil, err
	}
	b, err := newWriteSchema(schema)
	if err != nil {
		return nil, fmt.Errorf("write parquet file: %w", err)
	}
	f := &Writer{out: w, o: o, schema: schema, write: b}
	for _, t := range b.targets {
		f.leaves = append(f.leaves, newLeafWriter(t, codec))
		f.metrics = append(f.metrics, ColumnMetrics{Path: t.path, FieldID: t.element.fieldID})
	}
	f.emit([]byte(magic))
	return f, f.err
}

func (w *Writer) emit(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(b)
	w.at += int64(n)
	if err != nil {
		w.err = fmt.Errorf("write parquet file: %w", err)
	}
}

// Write adds the rows of rec, which stays the caller's. After an error the
// Writer is of no more use.
func (w *Writer) Write(rec arrow.RecordBatch) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("write parquet file: closed")
	}
	if w.err = w.check(rec); w.err != nil {
		return w.err
	}
	for from, rows := 0, int(rec.NumRows()); from < rows; {
		n := int(min(int64(rows-from), w.o.RowGroupRows-w.pending))
		for _, l := range w.leaves {
			if err := l.write(rec.Column(l.target.column), from, n, w.o.PageRows, w.o.PageBytes); err != nil {
				w.err = fmt.Errorf("write parquet file: column %s: %w", l.target.name(), err)
				return w.err
			}
		}
		w.pending += int64(n)
		from += n
		if w.pending == w.o.RowGroupRows || w.buffered() >= w.o.RowGroupBytes {
			w.flush()
		}
	}
	return w.err
}

func (w *Writer) check(rec arrow.RecordBatch) error {
	if int(rec.NumCols()) != w.schema.NumFields() {
		return fmt.Errorf("%w: write parquet file: record of %d columns where the file has %d",
			job.ErrInvalid, rec.NumCols(), w.schema.NumFields())
	}
	for i, f := range w.schema.Fields() {
		if have := rec.Column(i).DataType(); have.ID() != f.Type.ID() || !arrow.TypeEqual(have, f.Type) && !looselyEqual(have, f.Type) {
			return fmt.Errorf("%w: write parquet file: column %s is %v where the file has %v",
				job.ErrInvalid, f.Name, have, f.Type)
		}
	}
	return nil
}

// looselyEqual compares types without the names and nullability of what is
// inside them, which do not change how values lie in memory.
func looselyEqual(a, b arrow.DataType) bool {
	if a.ID() != b.ID() {
		return false
	}
	x, nested := a.(arrow.NestedType)
	if !nested {
		return arrow.TypeEqual(a, b)
	}
	f, g := x.Fields(), b.(arrow.NestedType).Fields()
	if len(f) != len(g) {
		return false
	}
	for i := range f {
		if !looselyEqual(f[i].Type, g[i].Type) {
			return false
		}
	}
	return true
}

// buffered is how many bytes of the current row group are held in memory.
func (w *Writer) buffered() (n int64) {
	for _, l := range w.leaves {
		n += int64(len(l.done)) + int64(l.page.size())
	}
	return n
}

// Buffered is how many bytes of the file wait in memory for the end of their row
// group.
func (w *Writer) Buffered() int64 { return w.buffered() }

// Size is about how large the file would be if it were closed now.
func (w *Writer) Size() int64 { return w.at + w.buffered() }

// Rows is how many rows were written.
func (w *Writer) Rows() int64 { return w.rows + w.pending }

// flush ends the row group.
func (w *Writer) flush() {
	if w.pending == 0 || w.err != nil {
		return
	}
	g := rowGroup{rows: w.pending}
	var indexes []chunkIndex
	for i, l := range w.leaves {
		c, index, body, err := l.finish(w.at)
		if err != nil {
			w.err = fmt.Errorf("write parquet file: column %s: %w", l.target.name(), err)
			return
		}
		for _, b := range body {
			w.emit(b)
		}
		g.columns = append(g.columns, c)
		g.bytes += c.uncompressed
		indexes = append(indexes, index)
		l.addTo(&w.metrics[i], c)
		l.reset()
	}
	w.groups = append(w.groups, g)
	w.indexes = append(w.indexes, indexes)
	w.rows += w.pending
	w.pending = 0
}

// Close writes what is left and the footer. It does not close the io.Writer.
func (w *Writer) Close() (Metrics, error) {
	if w.closed {
		return Metrics{}, errors.New("close parquet file: closed")
	}
	w.closed = true
	w.flush()
	if w.err != nil {
		return Metrics{}, w.err
	}
	m := Metrics{Rows: w.rows, Columns: w.metrics}
	for _, g := range w.groups {
		c := g.columns[0]
		m.Offsets = append(m.Offsets, chunkStart(&c))
	}
	w.writeIndexes()
	w.writeFooter()
	m.Bytes = w.at
	return m, w.err
}

func chunkStart(c *columnChunk) int64 {
	if c.dictOffset > 0 {
		return c.dictOffset
	}
	return c.dataOffset
}
