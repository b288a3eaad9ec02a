package files

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/internal/avro/container"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/stream"
)

const (
	optAvroCodec  = "avro.codec"
	optAvroLegacy = "avro.timestamp_mapping.legacy"
	// avroBlock is how many bytes of records a block has, about.
	avroBlock = 64_000
)

// avroEncoder writes an Avro file.
type avroEncoder struct {
	file  *container.Writer
	rows  *avro.Encoder
	block []byte
	count int64
}

func newAvro(w io.Writer, schema *arrow.Schema, o settings) (*avroEncoder, error) {
	legacy, err := o.flag(optAvroLegacy, true)
	if err != nil {
		return nil, err
	}
	text, err := avro.Derive(schema, !legacy)
	if err != nil {
		return nil, err
	}
	e := &avroEncoder{}
	if e.rows, err = avro.NewEncoder(text, schema); err != nil {
		return nil, err
	}
	if e.file, err = container.NewWriter(w, text, o.text(optAvroCodec, "snappy")); err != nil {
		return nil, fmt.Errorf("option %q: %w", optAvroCodec, err)
	}
	return e, nil
}

func (e *avroEncoder) Write(rec arrow.RecordBatch) (err error) {
	e.rows.Fill(rec.Columns())
	defer e.rows.Drop()
	for row := range int(rec.NumRows()) {
		if e.block, err = e.rows.Append(e.block, row, stream.Insert); err != nil {
			return err
		}
		e.count++
		if len(e.block) >= avroBlock {
			if err := e.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *avroEncoder) flush() error {
	err := e.file.Write(e.count, e.block)
	e.block, e.count = e.block[:0], 0
	return err
}

func (e *avroEncoder) Close() error { return e.flush() }

// mergeAvro copies the blocks of files into one.
func mergeAvro(_ context.Context, w io.Writer, files []*objstore.Object, schema *arrow.Schema, options map[string]string, _ memory.Allocator) error {
	out, err := newAvro(w, schema, options)
	if err != nil {
		return err
	}
	for _, f := range files {
		in, err := container.NewReader(f.Reader())
		if err == nil {
			err = out.file.Copy(in)
		}
		if err != nil {
			return fmt.Errorf("merge %s: %w", f.URL(), err)
		}
	}
	return nil
}
