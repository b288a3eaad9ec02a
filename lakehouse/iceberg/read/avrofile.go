package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/internal/avro/container"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

const (
	// avroRows and avroBytes are how much a record of an Avro file has at most.
	avroRows  = 8 << 10
	avroBytes = 16 << 20
)

// avroFile reads the blocks of an Avro file that begin in a range of its bytes.
// There is one group: a position is that of a row in the file.
type avroFile struct {
	name       string
	file       *container.Reader
	schema     *arrow.Schema // of the file
	start, end int64
	total      int64 // rows of the file, or -1

	rows    *avro.Decoder
	program *avro.Program
	mem     memory.Allocator
	block   []byte // records that are left of a block
	left    int64  // how many
	at      int64  // row of the file that is next
	given   int64  // row behind those that were given
}

var _ fileRows = (*avroFile)(nil)

// openAvro opens a data file or a delete file; name is for errors.
func openAvro(f iceio.File, name string) (*avroFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, Unavailable(err)
	}
	a := &avroFile{name: name, end: info.Size(), total: -1}
	if a.file, err = container.NewReader(io.NewSectionReader(f, 0, info.Size())); err != nil {
		return nil, a.fail(err)
	}
	a.schema, err = avro.Stored(a.file.Schema, parquet.FieldIDKey)
	return a, a.fail(err)
}

func (a *avroFile) fail(err error) error {
	if err == nil {
		return nil
	}
	return Unavailable(fmt.Errorf("file %s of Avro: %w", a.name, err))
}

// read says which columns are wanted.
func (a *avroFile) read(paths [][]string, mem memory.Allocator) error {
	fields := make([]arrow.Field, len(paths))
	for i, path := range paths {
		f, err := FieldAt(a.schema, path)
		if err != nil {
			return a.fail(err)
		}
		f.Name = strings.Join(path, ".")
		fields[i] = f
	}
	var err error
	if a.rows, err = avro.New(arrow.NewSchema(fields, nil), paths); err == nil {
		a.program, err = a.rows.Compile(a.file.Schema)
	}
	if err != nil {
		return a.fail(fmt.Errorf("%w: %w", job.ErrInvalid, err))
	}
	a.mem = mem
	return nil
}

// begin unpacks the next block of the range. It counts the rows of those before.
func (a *avroFile) begin() error {
	for {
		b, err := a.file.Next()
		if errors.Is(err, io.EOF) && a.total >= 0 && a.at != a.total {
			return fmt.Errorf("%w: the file has %d rows, and the table says %d", job.ErrInvalid, a.at, a.total)
		}
		if err != nil {
			return err
		}
		if b.Offset >= a.end {
			return io.EOF
		}
		if b.Offset < a.start {
			a.at += b.Count
			continue
		}
		a.left = b.Count
		a.block, err = a.file.Plain(b)
		return err
	}
}

// Next implements fileRows.
func (a *avroFile) Next(context.Context) (arrow.RecordBatch, error) {
	for a.rows.Rows() < avroRows && a.rows.Bytes() < avroBytes {
		if a.left == 0 {
			if a.rows.Rows() > 0 {
				break // rows of a record stand one after the other
			}
			if err := a.begin(); errors.Is(err, io.EOF) {
				return nil, io.EOF
			} else if err != nil {
				return nil, a.fail(err)
			}
			continue
		}
		rest, err := a.rows.AppendNext(a.program, a.block)
		if err != nil {
			return nil, a.fail(fmt.Errorf("%w: row %d: %w", job.ErrInvalid, a.at, err))
		}
		a.block = rest
		a.left--
		a.at++
	}
	a.given = a.at
	return a.rows.Record(a.mem), nil
}

// Seek implements fileRows.
func (a *avroFile) Seek(_ int, row int64) error {
	skip, err := avro.New(arrow.NewSchema(nil, nil), nil)
	var program *avro.Program
	if err == nil {
		program, err = skip.Compile(a.file.Schema)
	}
	for err == nil && a.at < row {
		if a.left == 0 {
			if err = a.begin(); errors.Is(err, io.EOF) {
				return nil // it was at the end
			}
			continue
		}
		if a.block, err = skip.AppendNext(program, a.block); err == nil {
			a.left--
			a.at++
		}
	}
	a.given = a.at
	return a.fail(err)
}

// Position implements fileRows.
func (a *avroFile) Position() (group int, row int64) { return 0, a.given }

// Close implements fileRows.
func (a *avroFile) Close() error { return nil }
