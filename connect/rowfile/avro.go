package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/internal/avro/container"
	"github.com/wadi-engine/wadi/job"
)

// inferAvro takes the columns from the schema in the file.
func inferAvro(in input, _ settings) (*arrow.Schema, error) {
	f, err := container.NewReader(in.plain)
	if err != nil {
		return nil, err
	}
	return avro.Infer(f.Schema)
}

// avroDecoder reads the blocks of an Avro file. Columns are found by their names in
// the schema of the file.
type avroDecoder struct {
	settings
	file    *container.Reader
	rows    *avro.Decoder
	program *avro.Program
	block   []byte // the records that are left of a block
	left    int64  // their number
	at      position
}

func openAvro(in input, at position, o settings) (decoder, error) {
	start, err := in.from(0)
	if err != nil {
		return nil, err
	}
	d := &avroDecoder{settings: o, at: at}
	if d.file, err = container.NewReader(start); err != nil {
		return nil, err
	}
	if d.rows, err = avro.New(o.schema, o.paths); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if d.program, err = d.rows.Compile(d.file.Schema); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return d, d.seek(in)
}

// seek goes to the position.
func (d *avroDecoder) seek(in input) error {
	if d.at.Offset == 0 {
		d.at.Offset = d.file.Offset()
		return nil
	}
	if !in.compressed {
		r, err := in.from(d.at.Offset)
		if err != nil {
			return err
		}
		d.file.Seek(r, d.at.Offset)
	}
	for d.file.Offset() < d.at.Offset {
		if _, err := d.file.Next(); err != nil {
			return err
		}
	}
	if d.at.In == 0 {
		return nil
	}
	if err := d.begin(); err != nil {
		return err
	}
	skip, err := avro.New(arrow.NewSchema(nil, nil), nil)
	if err != nil {
		return err
	}
	program, err := skip.Compile(d.file.Schema)
	for range d.at.In {
		if err == nil {
			d.block, err = skip.AppendNext(program, d.block)
		}
	}
	d.left -= d.at.In
	return err
}

// begin reads the next block, if there is one.
func (d *avroDecoder) begin() error {
	b, err := d.file.Next()
	if err != nil {
		return err
	}
	d.block, err = d.file.Plain(b)
	d.left = b.Count
	return err
}

func (d *avroDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	for d.rows.Rows() < n && d.rows.Bytes() < maxBatch {
		if d.left == 0 {
			d.at.Offset, d.at.In = d.file.Offset(), 0
			err := d.begin()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, nil, d.at, err
			}
			continue
		}
		d.at.Row++
		d.at.In++
		d.left--
		rest, err := d.rows.AppendNext(d.program, d.block)
		if err != nil { // where the next record begins is not known
			bad = append(bad, badRow{d.at.Row, d.reason(err), bytes.Clone(rest)})
			d.at.Row += d.left
			d.left = 0
			continue
		}
		d.block = rest
	}
	if d.left == 0 {
		d.at.Offset, d.at.In = d.file.Offset(), 0
	}
	if d.rows.Rows() == 0 {
		if len(bad) == 0 {
			return nil, nil, d.at, io.EOF
		}
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}

func (d *avroDecoder) reason(err error) string {
	if d.left == 0 {
		return err.Error()
	}
	return fmt.Sprintf("%s; the %d records behind it in its block cannot be found", err, d.left)
}

func (d *avroDecoder) close() error { return nil }
