package write

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Writer stages rows as Parquet files of the table, one set of files per
// epoch: files are divided by partition and roll at the table's
// write.target-file-size-bytes.
type Writer struct {
	table  *table.Table
	name   string
	layout *Layout
	mem    memory.Allocator
	cancel context.CancelFunc // of the files; called by Close

	stage *Fan // of the epoch, nil before its first row
	// TellEnd says that a committable tells that the writer has come to its end, so
	// that a table is replaced by nothing, too.
	TellEnd bool
}

var _ ops.SinkWriter = (*Writer)(nil)

// NewWriter opens t, which errors call by name. schema is that of the files, tag
// stands in their names.
func NewWriter(ctx context.Context, t *table.Table, name, tag string, schema *arrow.Schema, mem memory.Allocator) (*Writer, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l, err := NewLayout(ctx, t, schema, tag, mem)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return &Writer{table: t, name: name, layout: l, mem: mem, cancel: cancel}, nil
}

// Write implements ops.SinkWriter. Only inserts can be appended.
func (w *Writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	for i := range b.Kinds {
		if k := b.Kinds[i]; k != stream.Insert && k != stream.UpdateAfter {
			return fmt.Errorf("write to table %s: %w: a row of kind %s; the sink only appends", w.name, job.ErrInvalid, k)
		}
	}
	for from := int64(0); from < b.Rows.NumRows(); from += MaxRows {
		part := b.Rows.NewSlice(from, min(from+MaxRows, b.Rows.NumRows()))
		err := w.write(part)
		part.Release()
		if err != nil {
			return w.fail(err)
		}
	}
	return nil
}

// MaxRows is how many rows are divided by partition at once.
const MaxRows = 32 << 10

func (w *Writer) write(rows arrow.RecordBatch) error {
	rec, err := schemas.ConvertRecord(w.mem, rows, w.layout.Schema)
	if err != nil {
		return err
	}
	return w.Append(rec)
}

// Append stages a record of the files' schema, which it owns.
func (w *Writer) Append(rec arrow.RecordBatch) (err error) {
	if w.stage == nil {
		if w.stage, err = NewFan(w.layout, nil); err != nil {
			rec.Release()
			return err
		}
	}
	return w.stage.Write(rec)
}

// Schema is that of the files.
func (w *Writer) Schema() *arrow.Schema { return w.layout.Schema }

// Staging reports whether the writer has rows that are in no committable yet.
func (w *Writer) Staging() bool { return w.stage != nil }

// Prepare implements ops.SinkWriter: it closes the epoch's files.
func (w *Writer) Prepare(_ context.Context, e stream.Epoch, last bool) ([]ops.Committable, error) {
	out, err := w.Seal(e)
	if err == nil && last && w.TellEnd {
		out = append(out, endCommittable(w.table))
	}
	return out, err
}

// Seal closes the files of an epoch, or of a part of one, and describes them.
func (w *Writer) Seal(e stream.Epoch) ([]ops.Committable, error) {
	if w.stage == nil {
		return nil, nil
	}
	files, err := w.stage.Finish()
	if err != nil {
		return nil, fmt.Errorf("epoch %d: %w", e, w.fail(err))
	}
	w.stage = nil
	out := make([]ops.Committable, len(files))
	for i, df := range files {
		if out[i], err = Encode(w.table, df); err != nil {
			return nil, w.fail(err)
		}
	}
	return out, nil
}

func (w *Writer) fail(err error) error { return Failed(w.name, err) }

// Failed says which table could not be written, and whether to try again.
func Failed(table string, err error) error {
	switch {
	case errors.Is(err, job.ErrInvalid), errors.Is(err, job.ErrUnavailable), errors.Is(err, context.Canceled):
		return fmt.Errorf("write to table %s: %w", table, err)
	case errors.Is(err, ice.ErrInvalidSchema), errors.Is(err, ice.ErrType), errors.Is(err, ice.ErrInvalidArgument):
		return fmt.Errorf("write to table %s: %w: %w", table, job.ErrInvalid, err)
	}
	return fmt.Errorf("write to table %s: %w: %w", table, job.ErrUnavailable, err)
}

// Close implements ops.SinkWriter: files of an epoch that was not prepared are
// removed.
func (w *Writer) Close() error {
	w.cancel()
	if w.stage == nil {
		return nil
	}
	files := w.stage.Abandon()
	w.stage = nil
	return Remove(w.table, files)
}

// Remove removes files that no snapshot names.
func Remove(t *table.Table, files []ice.DataFile) error {
	fsys, err := t.FS(context.Background())
	for _, df := range files {
		if err == nil {
			err = fsys.Remove(df.FilePath())
		}
	}
	return err
}
