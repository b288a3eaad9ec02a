package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/internal/objstore"
)

const optCompression = "sink.compression"

// mergeLines writes files of lines one behind the other.
func mergeLines(_ context.Context, w io.Writer, files []*objstore.Object, _ *arrow.Schema, options map[string]string, _ memory.Allocator) error {
	return mergeText(w, files, 0, options)
}

// mergeCSV leaves the headers of all but the first file out.
func mergeCSV(_ context.Context, w io.Writer, files []*objstore.Object, schema *arrow.Schema, options map[string]string, _ memory.Allocator) error {
	e, err := newCSV(io.Discard, schema, options)
	if err != nil {
		return err
	}
	head := int64(0)
	if e.header {
		head = int64(len(e.rows.AppendHeader(nil))) + 1
	}
	return mergeText(w, files, head, options)
}

func mergeText(w io.Writer, files []*objstore.Object, head int64, options map[string]string) error {
	suffix, err := compress.Suffix(options[optCompression])
	if err != nil {
		return err
	}
	out, err := compress.Writer(suffix, w)
	if err != nil {
		return err
	}
	for i, f := range files {
		skip := head
		if i == 0 {
			skip = 0
		}
		if err := appendText(out, f, skip); err != nil {
			return fmt.Errorf("merge %s: %w", f.URL(), err)
		}
	}
	return out.Close()
}

// appendText writes a file's text behind its first bytes.
func appendText(w io.Writer, f *objstore.Object, skip int64) error {
	plain, packed, err := compress.Reader(f.Info().Name, f.Reader())
	if err != nil {
		return err
	}
	if !packed {
		plain = io.NopCloser(f.Reader())
	}
	_, err = io.CopyN(io.Discard, plain, skip)
	if err == nil {
		_, err = io.Copy(w, plain)
	}
	return errors.Join(err, plain.Close())
}
