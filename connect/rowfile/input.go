package rowfile

import (
	"context"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// file is a file as it was when it was found. One that has been replaced since
// is not read.
type file struct {
	URL      string `json:"url"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // milliseconds since 1970
}

func fileOf(f objstore.Found) file {
	return file{URL: f.URL, Size: f.Size, Modified: f.ModTime.UnixMilli()}
}

// position is where the rows that have been read end.
type position struct {
	Offset int64 `json:"offset"` // in bytes, of the plain text
	Row    int64 `json:"row"`
	// In is how many rows behind the offset have been read, where rows stand in blocks.
	In int64 `json:"in,omitempty"`
}

// input is an open file.
type input struct {
	name       string // for errors
	object     *objstore.Object
	compressed bool
	plain      io.Reader // decompressed, from the beginning
	closers    []func() error
}

// openInput opens f and looks through its compression, which the suffix of its
// name tells.
func openInput(ctx context.Context, stores *objstore.Stores, f file, props map[string]string) (input, error) {
	bucket, name, err := stores.Split(ctx, f.URL, props)
	if err != nil {
		return input{}, err
	}
	obj, err := bucket.Open(ctx, name)
	if err != nil {
		return input{}, err
	}
	in := input{name: objstore.Redact(f.URL), object: obj, compressed: true, closers: []func() error{obj.Close}}
	info := obj.Info()
	if info.Size != f.Size || info.ModTime.UnixMilli() != f.Modified {
		_ = in.close()
		return input{}, fmt.Errorf("%w: file %s was replaced since it was found (%d bytes then, %d now): restore the old file, or start without the checkpoint",
			job.ErrInvalid, in.name, f.Size, info.Size)
	}
	plain, packed, err := compress.Reader(name, obj.Reader())
	switch {
	case packed && err == nil:
		in.plain = plain
		in.closers = append(in.closers, plain.Close)
	case !packed:
		in.plain, in.compressed = obj.Reader(), false
	}
	if err != nil {
		_ = in.close()
		return input{}, fmt.Errorf("%w: open %s: %w", job.ErrInvalid, in.name, err)
	}
	return in, nil
}

// from is the plain text from a byte offset on.
func (in input) from(offset int64) (io.Reader, error) {
	if !in.compressed {
		return io.NewSectionReader(in.object, offset, in.object.Size()-offset), nil
	}
	if _, err := io.CopyN(io.Discard, in.plain, offset); err != nil {
		return nil, fmt.Errorf("skip to byte %d of %s: %w", offset, in.name, err)
	}
	return in.plain, nil
}

func (in input) close() error {
	var first error
	for i := len(in.closers) - 1; i >= 0; i-- {
		if err := in.closers[i](); first == nil {
			first = err
		}
	}
	return first
}
