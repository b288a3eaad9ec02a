package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/connect/format/compress"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// maxOpen is how many files a task keeps open at once; when another partition
// comes, the one that was written to longest ago is closed.
const maxOpen = 128

// Writer stages the rows of one task, one open file per partition.
type Writer struct {
	sink    *Sink
	rt      ops.Runtime
	divider *divider
	id      string // of the sink and job
	nonce   string // of this incarnation of the task

	open   map[string]*file // by directory
	closed []*file          // of this epoch
	files  int              // begun so far
	aged   time.Time        // when the ages of files were looked at last
	tick   int64            // orders uses of files
}

var _ ops.SinkWriter = (*Writer)(nil)

func newWriter(s *Sink, rt ops.Runtime, d *divider) *Writer {
	task := rt.Task()
	return &Writer{
		sink: s, rt: rt, divider: d, id: identity(string(task.Job), task.UID),
		nonce: strings.ReplaceAll(uuid.NewString(), "-", "")[:16], open: map[string]*file{}, aged: s.env.now(),
	}
}

// file is a staged file that is being written, or is complete.
type file struct {
	dir     string
	staged  string
	out     objstore.Writer
	buf     *bufio.Writer
	packed  io.WriteCloser // compresses into buf
	encoder Encoder
	rows    int64
	bytes   int64
	begun   time.Time
	used    int64
}

// counter counts what reaches the store.
type counter struct {
	objstore.Writer
	n *int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	*c.n += int64(n)
	return n, err
}

// Write implements ops.SinkWriter.
func (w *Writer) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	rows := b.Rows
	if w.sink.kinds {
		rows = withKinds(w.rt.Allocator(), w.sink.schema, b)
		defer rows.Release()
	} else if err := w.grows(b.Kinds); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	err := w.divider.divide(w.rt.Allocator(), rows, func(dir string, rows arrow.RecordBatch) error {
		defer rows.Release()
		return w.write(ctx, dir, rows)
	})
	if err == nil {
		err = w.age()
	}
	if err != nil {
		return fmt.Errorf("write to table %s: %w", w.sink.table, err)
	}
	return nil
}

// age closes the files that are too old, now and then.
func (w *Writer) age() error {
	now := w.sink.env.now()
	if now.Sub(w.aged) < w.sink.ageCheck {
		return nil
	}
	w.aged = now
	for _, dir := range slices.Sorted(maps.Keys(w.open)) {
		if f := w.open[dir]; now.Sub(f.begun) >= w.sink.fileAge {
			if err := w.finish(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// grows refuses rows that take others away.
func (w *Writer) grows(kinds []stream.RowKind) error {
	for _, k := range kinds {
		if k != stream.Insert && k != stream.UpdateAfter {
			return fmt.Errorf("write to table %s: %w: a row of kind %s; files only grow; 'format' = 'debezium-json' says how a table changes", w.sink.table, errInvalid, k)
		}
	}
	return nil
}

func (w *Writer) write(ctx context.Context, dir string, rows arrow.RecordBatch) error {
	f := w.open[dir]
	if f == nil {
		var err error
		if f, err = w.begin(ctx, dir); err != nil {
			return err
		}
	}
	w.tick++
	f.used = w.tick
	if err := f.encoder.Write(rows); err != nil {
		return err
	}
	f.rows += rows.NumRows()
	if f.bytes+int64(f.buf.Buffered()) >= w.sink.fileSize {
		return w.finish(f)
	}
	return nil
}

// begin starts a file for dir.
func (w *Writer) begin(ctx context.Context, dir string) (*file, error) {
	if err := w.sink.policy.check(dir); err != nil {
		return nil, err
	}
	if len(w.open) >= maxOpen {
		var oldest *file
		for _, f := range w.open {
			if oldest == nil || f.used < oldest.used {
				oldest = f
			}
		}
		if err := w.finish(oldest); err != nil {
			return nil, err
		}
	}
	f := &file{
		dir: dir, begun: w.sink.env.now(),
		staged: fmt.Sprintf(".staging/%s/%s-%d.%s", w.id, w.nonce, w.files, w.sink.extension),
	}
	w.files++
	out, err := w.sink.root.Create(context.WithoutCancel(ctx), f.staged)
	if err != nil {
		return nil, err
	}
	f.out = out
	f.buf = bufio.NewWriterSize(counter{out, &f.bytes}, 64<<10)
	if f.packed, err = compress.Writer(f.staged, f.buf); err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	if f.encoder, err = w.sink.format.New(f.packed, w.divider.rest, w.sink.options, w.rt.Allocator()); err != nil {
		return nil, errors.Join(err, out.Abort())
	}
	w.open[dir] = f
	return f, nil
}

// finish completes a file and makes it durable.
func (w *Writer) finish(f *file) error {
	delete(w.open, f.dir)
	err := f.encoder.Close()
	if err == nil {
		err = f.packed.Close()
	}
	if err == nil {
		err = f.buf.Flush()
	}
	if err != nil {
		return errors.Join(err, f.out.Abort())
	}
	if err := f.out.Close(); err != nil {
		return err
	}
	w.closed = append(w.closed, f)
	return nil
}

// Prepare implements ops.SinkWriter.
func (w *Writer) Prepare(_ context.Context, e stream.Epoch, last bool) ([]ops.Committable, error) {
	for _, dir := range slices.Sorted(maps.Keys(w.open)) {
		if err := w.finish(w.open[dir]); err != nil {
			return nil, fmt.Errorf("epoch %d of table %s: %w", e, w.sink.table, err)
		}
	}
	out := make([]ops.Committable, len(w.closed))
	for n, f := range w.closed {
		name := fmt.Sprintf("part-%s-%d-%d-%d.%s", w.id, w.rt.Task().Index, e, n, w.sink.extension)
		var err error
		if out[n], err = (receipt{Staged: f.staged, Final: path.Join(f.dir, name), Rows: f.rows, Bytes: f.bytes, Begun: f.begun.UnixMilli()}).encode(); err != nil {
			return nil, err
		}
	}
	w.closed = w.closed[:0]
	if !last && !w.sink.policy.waits() {
		return out, nil
	}
	task := w.rt.Task()
	t := told{Index: task.Index, Of: task.Parallelism, Watermark: w.rt.Watermark()}
	if last {
		t.Watermark = stream.End
	}
	says, err := receipt{Task: &t}.encode()
	return append(out, says), err
}

// Close implements ops.SinkWriter: files that no Prepare covered are removed.
func (w *Writer) Close() error {
	var errs []error
	for _, f := range w.open {
		errs = append(errs, f.encoder.Close(), f.packed.Close(), f.out.Abort())
	}
	for _, f := range w.closed {
		errs = append(errs, w.sink.root.Delete(context.Background(), f.staged))
	}
	clear(w.open)
	w.closed = nil
	return errors.Join(errs...)
}
