package task

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// loader reads the table of an ops.Loading: whole before the first row and then,
// when a tick says that it is time, in a goroutine, whose result the operator is
// told with a later tick.
//
//	open   tick +0 s … tick +60 s   tick +61 s   …
//	read                └ read ─ … ─ └ Loaded
type loader struct {
	op    ops.Loading
	open  func(ctx context.Context) (ops.Source, error)
	info  ops.TaskInfo
	again time.Duration

	due     stream.Timestamp // when it is read again; 0 before the first tick
	reading chan loaded      // nil while nobody reads
	stop    context.CancelFunc
}

// loaded is the result of a reading.
type loaded struct {
	rows []arrow.RecordBatch
	err  error
}

// first reads the table before the first row.
func (l *loader) first(ctx context.Context) error { return l.tell(l.read(ctx)) }

func (l *loader) tell(r loaded) error {
	defer r.release()
	if r.err != nil {
		return r.err
	}
	return l.op.Loaded(r.rows)
}

func (r loaded) release() {
	for _, rec := range r.rows {
		rec.Release()
	}
}

// tick tells the operator what has been read, or begins to read again.
func (l *loader) tick(ctx context.Context, now stream.Timestamp) error {
	switch {
	case l.again == 0:
		return nil
	case l.reading != nil:
		select {
		case r := <-l.reading:
			l.stop()
			l.reading = nil
			l.due = now + stream.Timestamp(l.again.Milliseconds())
			return l.tell(r)
		default:
		}
		return nil
	case l.due == 0:
		l.due = now + stream.Timestamp(l.again.Milliseconds())
	case now >= l.due:
		ctx, l.stop = context.WithCancel(ctx)
		reading := make(chan loaded, 1)
		l.reading = reading
		go func() { reading <- l.read(ctx) }()
	}
	return nil
}

// close ends a reading.
func (l *loader) close() {
	if l.reading != nil {
		l.stop()
		(<-l.reading).release()
		l.reading = nil
	}
}

// read reads the table. It takes its memory from Go's heap, since it runs beside
// the task.
func (l *loader) read(ctx context.Context) (r loaded) {
	defer func() {
		if r.err != nil {
			r.err = fmt.Errorf("read the table of %s: %w", l.info.UID, r.err)
		}
	}()
	src, err := l.open(ctx)
	if err != nil {
		return loaded{err: err}
	}
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		return loaded{err: err}
	}
	defer func() { r.err = errors.Join(r.err, enum.Close()) }()
	if done, err := enum.Discover(ctx); err != nil || !done {
		return loaded{err: errors.Join(err, unended(done))}
	}
	reader, err := src.Reader(ctx, loadRuntime{info: l.info})
	if err != nil {
		return loaded{err: err}
	}
	defer func() { r.err = errors.Join(r.err, reader.Close()) }()
	for {
		splits := enum.Take(0, 1, 1)
		if len(splits) == 0 {
			return r
		}
		if r.err = reader.Assign(splits); r.err == nil {
			r.err = fetch(ctx, reader, len(splits), &r)
		}
		if r.err != nil {
			return r
		}
	}
}

func unended(done bool) error {
	if done {
		return nil
	}
	return fmt.Errorf("%w: it does not end", job.ErrInvalid)
}

// fetch reads so many splits to their ends.
func fetch(ctx context.Context, reader ops.SplitReader, splits int, r *loaded) error {
	for splits > 0 {
		f, err := reader.Fetch(ctx)
		if err != nil {
			return err
		}
		if f.Errors != nil {
			f.Errors.Release()
		}
		if f.Batch != nil {
			f.Batch.Rows.Retain()
			r.rows = append(r.rows, f.Batch.Rows)
			f.Batch.Release()
		}
		if f.Done {
			splits--
		}
		if f.Batch == nil && f.Ready != nil {
			select {
			case <-f.Ready:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// loadRuntime is lent to the reader of a table.
type loadRuntime struct {
	ops.Runtime
	info ops.TaskInfo
}

// Task implements ops.Runtime.
func (r loadRuntime) Task() ops.TaskInfo { return r.info }

// Allocator implements ops.Runtime.
func (r loadRuntime) Allocator() memory.Allocator { return memory.DefaultAllocator }

// Durable implements ops.Runtime: a table that is read again and again has no
// positions.
func (r loadRuntime) Durable() bool { return false }

// Counter implements ops.Runtime: what a table that is read again and again counts,
// nobody asks for.
func (r loadRuntime) Counter(string) ops.Counter { return new(counter) }
