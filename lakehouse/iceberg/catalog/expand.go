package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/job"
)

// expandFiles is the key of a context in which metadata files that are
// compressed are read as their text: iceberg-go does so for tables, but not for
// views.
type expandFiles struct{}

func expanding(ctx context.Context) context.Context {
	return context.WithValue(ctx, expandFiles{}, true)
}

// maxExpanded bounds the text of a compressed metadata file.
const maxExpanded = 256 << 20

// expanded is the text of a file that may be compressed by gzip.
func expanded(name string, text []byte) ([]byte, error) {
	if !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		return text, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, name, err)
	}
	out, err := io.ReadAll(io.LimitReader(r, maxExpanded+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, name, err)
	case len(out) > maxExpanded:
		return nil, fmt.Errorf("%w: %s: its text has more than %d bytes", job.ErrInvalid, name, maxExpanded)
	}
	return out, nil
}
