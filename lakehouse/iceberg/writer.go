package iceberg

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Writer stages rows as Parquet files of the table, one set of files per
// epoch: files are divided by partition and roll at the table's
// write.target-file-size-bytes.
type Writer struct {
	table  *table.Table
	name   string
	schema *arrow.Schema
	mem    memory.Allocator
	ctx    context.Context // of the files; ends with Close
	cancel context.CancelFunc

	stage stage // of the epoch, nil before its first row
	// ends says that a committable tells that the writer has come to its end, so
	// that a table is replaced by nothing, too.
	ends bool
}

// stage is the files of one epoch.
type stage interface {
	// write owns rec.
	write(ctx context.Context, rec arrow.RecordBatch) error
	// finish makes the files durable and describes them.
	finish(ctx context.Context) ([]ice.DataFile, error)
	// abandon stops, once the context of the files is cancelled, and returns
	// the files that are finished: they are to be removed.
	abandon() []ice.DataFile
}

var _ ops.SinkWriter = (*Writer)(nil)

func newWriter(ctx context.Context, t *table.Table, name string, schema *arrow.Schema, mem memory.Allocator) *Writer {
	ctx, cancel := context.WithCancel(compute.WithAllocator(context.WithoutCancel(ctx), mem))
	if suits(t) {
		schema = directSchema(schema)
	}
	return &Writer{table: t, name: name, schema: schema, mem: mem, ctx: ctx, cancel: cancel}
}

// Write implements ops.SinkWriter. Only inserts can be appended.
func (w *Writer) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	for i := range b.Kinds {
		if k := b.Kinds[i]; k != stream.Insert && k != stream.UpdateAfter {
			return fmt.Errorf("write to table %s: %w: a row of kind %s; the sink only appends", w.name, job.ErrInvalid, k)
		}
	}
	rec, err := convertRecord(w.mem, b.Rows, w.schema)
	if err != nil {
		return fmt.Errorf("write to table %s: %w", w.name, err)
	}
	if w.stage == nil {
		if w.stage, err = w.newStage(); err != nil {
			rec.Release()
			return w.fail(err)
		}
	}
	if err := w.stage.write(ctx, rec); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) newStage() (stage, error) {
	if !suits(w.table) {
		return newFanout(w.ctx, w.table, w.schema), nil
	}
	d, err := newDirect(w.ctx, w.table, w.schema)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Prepare implements ops.SinkWriter: it closes the epoch's files.
func (w *Writer) Prepare(ctx context.Context, e stream.Epoch, last bool) ([]ops.Committable, error) {
	out, err := w.prepare(ctx, e)
	if err == nil && last && w.ends {
		out = append(out, endCommittable(w.table))
	}
	return out, err
}

func (w *Writer) prepare(ctx context.Context, e stream.Epoch) ([]ops.Committable, error) {
	if w.stage == nil {
		return nil, nil
	}
	files, err := w.stage.finish(ctx)
	if err != nil {
		return nil, fmt.Errorf("epoch %d: %w", e, w.fail(err))
	}
	w.stage = nil
	out := make([]ops.Committable, len(files))
	for i, df := range files {
		if out[i], err = encodeCommittable(w.table, df); err != nil {
			return nil, w.fail(err)
		}
	}
	return out, nil
}

func (w *Writer) fail(err error) error {
	switch {
	case errors.Is(err, job.ErrInvalid), errors.Is(err, job.ErrUnavailable), errors.Is(err, context.Canceled):
		return fmt.Errorf("write to table %s: %w", w.name, err)
	case errors.Is(err, ice.ErrInvalidSchema), errors.Is(err, ice.ErrType), errors.Is(err, ice.ErrInvalidArgument):
		return fmt.Errorf("write to table %s: %w: %w", w.name, job.ErrInvalid, err)
	}
	return fmt.Errorf("write to table %s: %w: %w", w.name, job.ErrUnavailable, err)
}

// Close implements ops.SinkWriter: files of an epoch that was not prepared are
// removed.
func (w *Writer) Close() error {
	w.cancel()
	if w.stage == nil {
		return nil
	}
	files := w.stage.abandon()
	w.stage = nil
	fsys, err := w.table.FS(context.Background())
	for _, df := range files {
		if err == nil {
			err = fsys.Remove(df.FilePath())
		}
	}
	return err
}

// fanout is a stage for tables with partitions and special wishes. Rows go to
// iceberg-go's writer, which wants to pull them, through a channel without
// buffer: at most one batch waits, and a stalled disk stalls Write.
type fanout struct {
	in   chan arrow.RecordBatch
	done chan struct{}

	// files and err are set before done is closed.
	files []ice.DataFile
	err   error
}

var _ stage = (*fanout)(nil)

func newFanout(ctx context.Context, t *table.Table, schema *arrow.Schema) *fanout {
	s := &fanout{in: make(chan arrow.RecordBatch), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for df, err := range table.WriteRecords(ctx, t, schema, s.records(ctx),
			table.WithMaxWriteWorkers(1), table.WithRecordBatchBufferSize(2)) {
			if err != nil {
				s.err = err
				continue // the iterator ends; it must be read to its end
			}
			s.files = append(s.files, df)
		}
	}()
	return s
}

func (s *fanout) records(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for {
			select {
			case rec, ok := <-s.in:
				if !ok || !yield(rec, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// write hands rec over, or releases it.
func (s *fanout) write(ctx context.Context, rec arrow.RecordBatch) error {
	select {
	case s.in <- rec:
		return nil
	case <-s.done:
		rec.Release()
		if s.err == nil {
			panic("iceberg: the writer ended before its input")
		}
		return s.err
	case <-ctx.Done():
		rec.Release()
		return ctx.Err()
	}
}

// finish ends the input and waits for the files.
func (s *fanout) finish(ctx context.Context) ([]ice.DataFile, error) {
	close(s.in)
	select {
	case <-s.done:
		return s.files, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// abandon waits for the end of a stage whose context is cancelled and returns
// the files that it had finished.
func (s *fanout) abandon() []ice.DataFile {
	<-s.done
	return s.files
}
