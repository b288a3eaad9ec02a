package parquet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// Options say how a file is opened. The zero value works.
type Options struct {
	// Name stands for the file in errors.
	Name string
	// MaxFooter bounds the footer, in bytes; 0 means 1 GiB.
	MaxFooter int64
	// Stored gives values as they are stored where SQL's types would lose a part of
	// them: times of micro- and nanoseconds as time64, UUIDs as their 16 bytes.
	Stored bool
}

// File is an open Parquet file: its metadata, and a way to its bytes. It may
// be used by several goroutines at once.
type File struct {
	name   string
	src    io.ReaderAt
	size   int64
	limit  int64 // where the data end and the footer begins
	meta   *fileMeta
	cols   []*node
	schema *arrow.Schema
}

// RowGroup is a horizontal slice of a file.
type RowGroup struct {
	Rows int64
	// Bytes is how large its pages are, uncompressed, as the file says.
	Bytes int64
	// Offset is where its first page is, by which Iceberg's split offsets name it.
	Offset int64
}

const (
	magic          = "PAR1"
	magicEncrypted = "PARE"
	tailBytes      = 64 << 10 // read at once from the end
)

// Open reads the metadata of the file of size bytes behind r. The file uses r
// until nobody reads from it any more; closing r is the caller's.
func Open(ctx context.Context, r io.ReaderAt, size int64, o Options) (*File, error) {
	f := &File{name: o.Name, src: r, size: size}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.MaxFooter == 0 {
		o.MaxFooter = 1 << 30
	}
	footer, err := f.footer(o.MaxFooter)
	if err == nil {
		err = f.parse(footer, o.Stored)
	}
	if err != nil {
		return nil, fmt.Errorf("open parquet file %s: %w", o.Name, err)
	}
	return f, nil
}

// footer reads the end of the file: metadata, its length, the magic.
func (f *File) footer(most int64) ([]byte, error) {
	if f.size < 12 {
		return nil, fmt.Errorf("%w: %d bytes are too few for a Parquet file", job.ErrInvalid, f.size)
	}
	tail := make([]byte, min(f.size, tailBytes))
	if err := readAt(f.src, tail, f.size-int64(len(tail))); err != nil {
		return nil, err
	}
	switch end := string(tail[len(tail)-4:]); end {
	case magic:
	case magicEncrypted:
		return nil, fmt.Errorf("%w: the file is encrypted, and encrypted files cannot be read", job.ErrInvalid)
	default:
		return nil, fmt.Errorf("%w: it does not end in %q: not a Parquet file, or cut off", job.ErrInvalid, magic)
	}
	n := int64(binary.LittleEndian.Uint32(tail[len(tail)-8:]))
	if n > f.size-8 {
		return nil, fmt.Errorf("%w: footer of %d bytes in a file of %d", job.ErrInvalid, n, f.size)
	}
	if n > most {
		return nil, fmt.Errorf("%w: footer of %d bytes; the limit is %d", job.ErrInvalid, n, most)
	}
	f.limit = f.size - 8 - n
	if have := int64(len(tail)) - 8; n <= have {
		return tail[have-n : have], nil
	}
	b := make([]byte, n)
	return b, readAt(f.src, b, f.limit)
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(b), at, err)
}

func (f *File) parse(footer []byte, stored bool) error {
	meta, err := readFileMeta(footer)
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	for i := range meta.schema {
		meta.schema[i].stored = stored
	}
	root, leaves, err := parseSchema(meta.schema)
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	for i, g := range meta.groups {
		if len(g.columns) != leaves {
			return fmt.Errorf("%w: row group %d has %d columns, the schema %d", job.ErrInvalid, i, len(g.columns), leaves)
		}
		if g.rows < 0 {
			return fmt.Errorf("%w: row group %d has %d rows", job.ErrInvalid, i, g.rows)
		}
	}
	f.meta, f.cols = meta, columns(root)
	fields := make([]arrow.Field, len(f.cols))
	for i, c := range f.cols {
		fields[i] = c.field()
	}
	f.schema = arrow.NewSchema(fields, nil)
	return nil
}

// Schema is that of all columns.
func (f *File) Schema() *arrow.Schema { return f.schema }

// Rows is how many rows the row groups have together.
func (f *File) Rows() (n int64) {
	for _, g := range f.meta.groups {
		n += g.rows
	}
	return n
}

// RowGroups lists the row groups, in order.
func (f *File) RowGroups() []RowGroup {
	out := make([]RowGroup, len(f.meta.groups))
	for i, g := range f.meta.groups {
		out[i] = RowGroup{Rows: g.rows, Bytes: g.bytes}
		if len(g.columns) > 0 {
			out[i].Offset = g.columns[0].start()
		}
	}
	return out
}

// KeyValues is the file's own metadata, in order.
func (f *File) KeyValues() []KeyValue { return f.meta.keyValues }

// CreatedBy is what the writer says of itself.
func (f *File) CreatedBy() string { return f.meta.createdBy }
