package jdbc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Sink       = (*sink)(nil)
	_ ops.SinkWriter = (*writer)(nil)
)

// sink writes rows into a table.
type sink struct {
	*config
	fields []arrow.Field
	key    []int // columns
}

func openSink(_ context.Context, t job.Table) (ops.Sink, error) {
	c, err := parse(t)
	if err != nil {
		return nil, err
	}
	s := &sink{config: c, fields: t.Schema.Fields()}
	for _, k := range t.PrimaryKey {
		i := slices.IndexFunc(s.fields, func(f arrow.Field) bool { return f.Name == k })
		if i < 0 {
			return nil, fmt.Errorf("%w: table %s has no column %s", job.ErrInvalid, t.Ident, k)
		}
		s.key = append(s.key, i)
	}
	return s, nil
}

// Committer implements ops.Sink: without exactly-once, what is sent is there.
func (s *sink) Committer(ctx context.Context, id ops.SinkID) (ops.Committer, error) {
	if s.guarantee != exactlyOnce {
		return nil, nil
	}
	c, err := newCommitter(ctx, s, id)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", s.table.Ident, err)
	}
	return c, nil
}

// Writer implements ops.Sink.
func (s *sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	db, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	st := s.statements()
	l, retried := line{s.config, db}, rt.Counter("numRetries")
	if s.guarantee == exactlyOnce {
		return newStager(st, l, retried, rt.Task())
	}
	w := &writer{statements: st, binder: newBinder(st), changes: latest{key: s.key}, retried: retried, line: l}
	if s.dialect.fence != nil {
		if w.begin, err = s.dialect.fence(ctx, db, s.tableName(), s.wait); err != nil {
			db.close()
			return nil, fmt.Errorf("write to table %s: %w", s.table.Ident, err)
		}
	}
	return w, nil
}

// writer is one task of a sink that sends rows as they come: when there are enough, or
// by a timer when they have waited long enough.
type writer struct {
	*statements
	begin   string // of a transaction
	retried ops.Counter

	mu      sync.Mutex
	line    line
	waiting []*stream.Batch
	rows    int
	timer   *time.Timer // runs while rows wait
	failed  error       // of the timer
	closed  bool

	binder  binder // scratch
	changes latest // scratch
}

// Write implements ops.SinkWriter.
func (w *writer) Write(ctx context.Context, b *stream.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil || b.Len() == 0 {
		b.Release()
		return w.failed
	}
	w.waiting = append(w.waiting, b)
	w.rows += b.Len()
	if w.maxRows > 0 && w.rows >= w.maxRows {
		return w.send(ctx)
	}
	if w.timer == nil && w.interval > 0 {
		w.timer = time.AfterFunc(w.interval, w.due)
	}
	return nil
}

// due sends rows that have waited long enough.
func (w *writer) due() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer = nil; w.closed || w.failed != nil {
		return
	}
	w.failed = w.send(context.Background())
}

// Prepare implements ops.SinkWriter: the rows of the epoch are sent.
func (w *writer) Prepare(ctx context.Context, _ stream.Epoch, _ bool) ([]ops.Committable, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return nil, w.failed
	}
	return nil, w.send(ctx)
}

// send sends the rows that wait, and forgets them.
func (w *writer) send(ctx context.Context) error {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if w.rows == 0 {
		return nil
	}
	for _, b := range w.waiting {
		w.binder.fill(b)
		for row := range b.Len() {
			w.binder.add(&w.changes, b, row)
		}
	}
	w.drop()
	work := w.changes.take()
	err := w.line.try(ctx, w.retries, func() { w.retried.Add(1) }, func(db database) error {
		return db.together(ctx, w.begin, func() error { return w.apply(ctx, db, work) })
	})
	if err != nil {
		return fmt.Errorf("write to table %s: %w", w.table.Ident, err)
	}
	return nil
}

func (w *writer) drop() {
	for _, b := range w.waiting {
		b.Release()
	}
	w.waiting, w.rows = w.waiting[:0], 0
}

// Close implements ops.SinkWriter.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.drop()
	w.line.close()
	return nil
}
