// Package render writes rows as people and programs read them: as a table in
// the look of Flink's SQL client, as JSON Lines, as CSV.
//
// A Writer takes batches as they arrive and writes each before it returns. Only
// Table, whose columns are as wide as their contents, holds rows back: the first
// few hundred, to find the widths.
package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
)

// Format is how rows are written.
type Format uint8

// The formats.
const (
	// Table has columns as wide as what is in them, and ends with "3 rows in set".
	Table Format = iota
	// Changelog is a table whose first column, op, says how each row changes the
	// result. The widths of its columns follow from their types, so rows are
	// written as they arrive. It ends with "Received a total of 3 rows".
	Changelog
	// JSON is one object per row and line.
	JSON
	// CSV has a line of column names, then one line per row (RFC 4180, but with \n).
	CSV
)

var formats = [...]string{Table: "table", Changelog: "changelog", JSON: "json", CSV: "csv"}

func (f Format) String() string { return formats[f] }

// ParseFormat finds a format by its name, as in --format json.
func ParseFormat(name string) (Format, error) {
	for f, n := range formats {
		if strings.EqualFold(n, name) {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("there is no format %q; the formats are %s", name, strings.Join(formats[:], ", "))
}

// Options says how rows are written. The zero value is a table.
type Options struct {
	Format Format
	// Op adds the row kind as the first field, op, of JSON and CSV. Changelog always has it.
	Op bool
	// MaxColumnWidth is where texts in tables are cut: table.display.max-column-width. 0 is 30.
	MaxColumnWidth int
	// Zone is the session's time zone, in which TIMESTAMP_LTZ is shown. Nil is UTC.
	Zone *time.Location
	// NullAsEmpty leaves the cells of NULLs empty in tables, as DESCRIBE does.
	NullAsEmpty bool
	// NoHeader leaves out the line of column names of CSV.
	NoHeader bool
}

// Writer writes batches of one schema.
type Writer struct {
	out    io.Writer
	format rowFormat

	rows int64
	buf  []byte
}

// rowFormat appends text to dst and returns it. Nothing it appends is read again.
type rowFormat interface {
	begin(dst []byte) []byte
	row(dst []byte, kind stream.RowKind, rec arrow.RecordBatch, i int) []byte
	end(dst []byte, rows int64) []byte
}

// New starts to write rows of a schema to out. It writes nothing yet.
func New(out io.Writer, schema *arrow.Schema, opts Options) *Writer {
	if opts.MaxColumnWidth <= 0 {
		opts.MaxColumnWidth = 30
	}
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	w := &Writer{out: out}
	switch opts.Format {
	case JSON:
		w.format = newJSON(schema, opts)
	case CSV:
		w.format = newCSV(schema, opts)
	case Changelog:
		w.format = newChangelog(schema, opts)
	case Table:
		w.format = newTable(schema, opts)
	}
	w.buf = w.format.begin(w.buf)
	return w
}

// flushAt is how many bytes are gathered before they are written within a batch.
const flushAt = 64 << 10

// Write writes the rows of b, which stays the caller's. The only errors are those of the output.
func (w *Writer) Write(b *stream.Batch) error {
	for i := range b.Len() {
		w.buf = w.format.row(w.buf, b.Kind(i), b.Rows, i)
		if len(w.buf) > flushAt {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	w.rows += int64(b.Len())
	return w.flush()
}

// Rows is how many rows have been written.
func (w *Writer) Rows() int64 { return w.rows }

// Close writes what is held back and the last line. It does not close the output.
func (w *Writer) Close() error {
	w.buf = w.format.end(w.buf, w.rows)
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
