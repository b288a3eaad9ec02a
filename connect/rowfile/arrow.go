package rowfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// records reads an Arrow file, or an Arrow stream, record by record.
type records struct {
	schema *arrow.Schema
	next   func() (arrow.RecordBatch, error)
	close  func() error
}

var arrowMagic = []byte("ARROW1")

func openRecords(in input, alloc memory.Allocator) (*records, error) {
	plain := bufio.NewReader(in.plain)
	head, err := plain.Peek(len(arrowMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(head, arrowMagic) && !in.compressed {
		f, err := ipc.NewFileReader(io.NewSectionReader(in.object, 0, in.object.Size()), ipc.WithAllocator(alloc))
		if err != nil {
			return nil, fmt.Errorf("%w: Arrow file: %w", job.ErrInvalid, err)
		}
		at := 0
		return &records{schema: f.Schema(), close: f.Close, next: func() (arrow.RecordBatch, error) {
			if at == f.NumRecords() {
				return nil, io.EOF
			}
			at++
			return f.RecordBatchAt(at - 1)
		}}, nil
	}
	if bytes.Equal(head, arrowMagic) { // magic and padding, then a stream
		if _, err := plain.Discard(8); err != nil {
			return nil, err
		}
	}
	r, err := ipc.NewReader(plain, ipc.WithAllocator(alloc))
	if err != nil {
		return nil, fmt.Errorf("%w: Arrow stream: %w", job.ErrInvalid, err)
	}
	return &records{schema: r.Schema(), close: func() error { r.Release(); return nil }, next: func() (arrow.RecordBatch, error) {
		rec, err := r.Read()
		if err == nil {
			rec.Retain()
		}
		return rec, err
	}}, nil
}

// inferArrow takes the schema of the file, with strings as views.
func inferArrow(in input, _ settings) (*arrow.Schema, error) {
	r, err := openRecords(in, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.close() }()
	return vector.InternalSchema(r.schema), nil
}

// arrowDecoder hands out the records of a file in pieces.
type arrowDecoder struct {
	settings
	in      input
	records *records
	columns *expr.Program // nil before the first record
	current arrow.RecordBatch
	from    int64 // rows of current that have been read
	skip    int64 // rows to leave out first
	at      position
}

func openArrow(in input, at position, o settings) (decoder, error) {
	return &arrowDecoder{settings: o, in: in, skip: at.Row, at: at}, nil
}

func (d *arrowDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	if d.records == nil {
		r, err := openRecords(d.in, alloc)
		if err != nil {
			return nil, nil, d.at, err
		}
		d.records = r
	}
	for d.current == nil || d.from == d.current.NumRows() {
		if err := d.advance(alloc); err != nil {
			return nil, nil, d.at, err
		}
	}
	to := min(d.from+int64(n), d.current.NumRows())
	rec := d.current.NewSlice(d.from, to)
	d.at.Row += to - d.from
	d.from = to
	return rec, nil, d.at, nil
}

// advance takes the next record of the file, with the columns of the scan.
func (d *arrowDecoder) advance(alloc memory.Allocator) error {
	if d.current != nil {
		d.current.Release()
		d.current = nil
	}
	raw, err := d.records.next()
	if err != nil {
		return err
	}
	defer raw.Release()
	if d.skip >= raw.NumRows() {
		d.skip -= raw.NumRows()
		return nil
	}
	rec := vector.Internalize(alloc, raw)
	defer rec.Release()
	if d.columns == nil {
		if d.columns, err = flatten(rec.Schema(), d.paths, d.schema); err != nil {
			return err
		}
	}
	cols, err := d.columns.Eval(alloc, rec, nil)
	if err != nil {
		return err
	}
	d.current = array.NewRecordBatch(d.schema, cols, rec.NumRows())
	for _, c := range cols {
		c.Release()
	}
	d.from, d.skip = d.skip, 0
	return nil
}

// flatten computes the columns of a scan from the columns of the file.
func flatten(in *arrow.Schema, paths [][]string, out *arrow.Schema) (*expr.Program, error) {
	columns := make([]expr.Expr, len(paths))
	for i, p := range paths {
		e, err := expr.At(in, p)
		if err != nil {
			return nil, fmt.Errorf("%w: the file: %w", job.ErrInvalid, err)
		}
		if !arrow.TypeEqual(e.Type(), out.Field(i).Type) {
			return nil, fmt.Errorf("%w: column %s is %v in the file, %v in the table", job.ErrInvalid, out.Field(i).Name, e.Type(), out.Field(i).Type)
		}
		columns[i] = e
	}
	return expr.Compile(columns, in, expr.Env{})
}

func (d *arrowDecoder) close() error {
	if d.current != nil {
		d.current.Release()
		d.current = nil
	}
	if d.records == nil {
		return nil
	}
	return d.records.close()
}
