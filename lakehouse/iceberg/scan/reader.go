package scan

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// reader reads its splits one after the other.
type reader struct {
	source *Source
	files  *read.Reader
	cancel context.CancelFunc // of the files

	queue []ops.Split
	open  *openPiece // of the first of queue, or nil
}

// openPiece is a piece that is being read.
type openPiece struct {
	*piece
	rows *read.Rows
	head []byte // the piece as it stands in positions
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	split := r.queue[0]
	f, err := r.fetch(ctx, split)
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read %s of table %s: %w", split.ID, r.source.place, err)
	}
	if f.Done {
		r.closePiece()
		r.queue = r.queue[1:]
	} else {
		r.queue[0] = f.After
	}
	return f, nil
}

func (r *reader) fetch(ctx context.Context, split ops.Split) (ops.Fetched, error) {
	if r.open == nil {
		if err := r.begin(split); err != nil {
			return ops.Fetched{}, err
		}
	}
	out, _, err := r.open.rows.Next(ctx)
	if errors.Is(err, io.EOF) {
		return ops.Fetched{After: split, Done: true}, nil
	}
	if err != nil {
		return ops.Fetched{}, err
	}
	group, row := r.open.rows.Position()
	split.Position = fmt.Appendf(r.open.head[:len(r.open.head):len(r.open.head)], "@%d/%d", group, row)
	f := ops.Fetched{After: split}
	if out != nil {
		f.Batch = stream.NewBatch(out)
		if r.open.removes() {
			f.Batch.Kinds = kinds(int(out.NumRows()))
		}
	}
	return f, nil
}

func kinds(n int) []stream.RowKind {
	out := make([]stream.RowKind, n)
	for i := range out {
		out[i] = stream.Delete
	}
	return out
}

// begin opens the file of a split at its position.
func (r *reader) begin(split ops.Split) error {
	p, head, group, row, err := parsePiece(split.Position)
	if err != nil {
		return err
	}
	rows, err := r.files.Open(p.DataFile, r.source.what)
	if err != nil {
		return err
	}
	r.open = &openPiece{piece: p, rows: rows, head: head}
	if group > 0 || row > 0 {
		return rows.Seek(group, row)
	}
	return nil
}

func (r *reader) closePiece() {
	if r.open != nil {
		r.open.rows.Close()
		r.open = nil
	}
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.closePiece()
	r.files.Close()
	r.cancel()
	return nil
}
