package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// CheckpointOptions say how checkpoints of large state are measured.
type CheckpointOptions struct {
	// State is how many bytes of keys and values there are; 0 means 1 GB.
	State int64
	// Changed are the shares of the keys that change before a checkpoint, in
	// percent; nil means 1, 1, 1, 10 and 0.1.
	Changed     []float64
	Parallelism int    // 0 means 2
	Dir         string // where checkpoints go; "" means the system's temporary directory
}

const (
	valueBytes = 100
	rowBytes   = valueBytes + 8
	batchRows  = 4 << 10
)

// Checkpoint fills the state of a query with random values, which do not compress
// well, and measures how long its checkpoints take when part of it has changed, how
// many bytes they write, and how long its tasks take to go on from the last one when
// they have failed.
func Checkpoint(ctx context.Context, o CheckpointOptions, report Report) (err error) {
	if o.State == 0 {
		o.State = 1_000_000_000
	}
	if o.Changed == nil {
		o.Changed = []float64{1, 1, 1, 10, 0.1}
	}
	if o.Parallelism == 0 {
		o.Parallelism = 2
	}
	dir, err := os.MkdirTemp(o.Dir, "wadi-bench-*")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	src := &changing{keys: o.State / rowBytes / int64(o.Parallelism), splits: o.Parallelism, more: make(chan struct{})}
	src.allow(src.keys)
	env, err := wadi.Local(wadi.Options{Parallelism: o.Parallelism, Connectors: []*ops.Connector{src.connector()}, Config: map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir, "execution.checkpointing.num-retained": "2",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "0 ms",
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	return env.Execute(ctx, `
		CREATE TABLE changing (k BIGINT, v STRING) WITH ('connector' = 'changing');
		CREATE TABLE newest (k BIGINT, v STRING, n BIGINT) WITH ('connector' = 'blackhole');
		INSERT INTO newest SELECT k, LAST_VALUE(v), COUNT(*) FROM changing GROUP BY k`, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		run, err := out.Pipeline.Start(ctx, wadi.RestoreNone)
		if err != nil {
			return err
		}
		m := checkpointing{CheckpointOptions: o, run: run, source: src, report: report}
		err = m.measure(ctx)
		run.Cancel(nil)
		_, _ = run.Wait() // it was canceled
		return err
	})
}

// checkpointing is one measurement.
type checkpointing struct {
	CheckpointOptions
	run    *wadi.Run
	source *changing
	report Report
	rows   int64 // that were let in, of each split
}

func (m *checkpointing) measure(ctx context.Context) error {
	if err := m.taken(ctx, "first", m.source.keys); err != nil {
		return err
	}
	for _, percent := range m.Changed {
		if err := m.taken(ctx, fmt.Sprintf("%g %% changed", percent), max(1, int64(float64(m.source.keys)*percent/100))); err != nil {
			return err
		}
	}
	return m.recovered(ctx)
}

// taken lets in so many rows of each split, and takes a checkpoint behind them.
func (m *checkpointing) taken(ctx context.Context, name string, rows int64) error {
	r := Result{Suite: "checkpoint", Query: name, Engine: "wadi", Events: rows * int64(m.Parallelism), Parallelism: m.Parallelism, Checkpoints: 1}
	m.rows += rows
	m.source.allow(m.rows)
	for m.run.Progress().Read < m.rows*int64(m.Parallelism) || !m.idle() {
		if err := m.pause(ctx); err != nil {
			return err
		}
	}
	err := measure(&r, func() error {
		_, err := m.run.Checkpoint(ctx)
		return err
	})
	if err != nil {
		return err
	}
	l, _ := m.run.Life()
	done := l.Checkpoints.LastCompleted
	r.WallSeconds = done.Ended.Sub(done.Triggered).Seconds()
	r.Bytes, _ = done.Sizes()
	return m.report(ctx, r)
}

// idle reports whether the rows that were read are in the state: the counts of the
// tasks behind the sources do not move.
func (m *checkpointing) idle() bool {
	was := m.run.Progress().Written
	time.Sleep(50 * time.Millisecond)
	return was > 0 && m.run.Progress().Written == was
}

func (m *checkpointing) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-m.run.Done():
		_, err := m.run.Wait()
		return errors.Join(errors.New("the job has ended"), err)
	case <-time.After(time.Millisecond):
		return nil
	}
}

// recovered lets the source fail, and waits until all tasks run again.
func (m *checkpointing) recovered(ctx context.Context) error {
	r := Result{Suite: "checkpoint", Query: "recovery", Engine: "wadi", Events: m.source.keys * int64(m.Parallelism), Parallelism: m.Parallelism}
	l, _ := m.run.Life()
	attempts := len(l.Tasks[0].Attempts)
	for _, t := range l.Checkpoints.LastCompleted.Tasks {
		r.Bytes += t.Full
	}
	err := measure(&r, func() error {
		m.source.fail()
		for {
			if l, _ := m.run.Life(); again(l, attempts) {
				return nil
			}
			if err := m.pause(ctx); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	return m.report(ctx, r)
}

// again reports whether all tasks run in an attempt behind the first so many.
func again(l coordinator.Life, attempts int) bool {
	for _, t := range l.Tasks {
		if len(t.Attempts) <= attempts || t.Current().Status != coordinator.TaskRunning {
			return false
		}
	}
	return true
}

// changing is a source whose splits each give every key once, in order, and then
// random ones, as far as they are allowed.
type changing struct {
	keys   int64 // of each split
	splits int

	mu     sync.Mutex
	limit  int64 // rows of each split
	more   chan struct{}
	failed bool
}

func (c *changing) allow(rows int64) { c.change(func() { c.limit = rows }) }
func (c *changing) fail()            { c.change(func() { c.failed = true }) }

func (c *changing) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.more)
	c.more = make(chan struct{})
}

// next is how far a split at a row may go; nowhere means to wait for more.
func (c *changing) next(at int64) (to int64, more <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		c.failed = false
		return at, nil, fmt.Errorf("%w: the source fails, as it was told", job.ErrUnavailable)
	}
	return min(at+batchRows, c.limit), c.more, nil
}

func (c *changing) connector() *ops.Connector {
	return &ops.Connector{
		Name: "changing", Resolve: func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
			return &changingScan{changing: c, schema: s.Table.Schema.Schema}, nil
		},
	}
}

type changingScan struct {
	*changing
	schema *arrow.Schema
}

func (s *changingScan) Schema() *arrow.Schema { return s.schema }
func (s *changingScan) Bounded() bool         { return false }

func (s *changingScan) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &changingSplits{}
	for i := range s.splits {
		if state == nil {
			e.left = append(e.left, ops.Split{ID: fmt.Sprint(i), Position: binary.AppendUvarint(nil, 0)})
		}
	}
	return e, nil
}

// changingSplits hands one split to each reader.
type changingSplits struct{ left []ops.Split }

func (e *changingSplits) Discover(context.Context) (bool, error) { return true, nil }
func (e *changingSplits) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.left), 1)
	taken := e.left[:n:n]
	e.left = e.left[n:]
	return taken
}
func (e *changingSplits) Return(s []ops.Split)      { e.left = append(s, e.left...) }
func (e *changingSplits) Snapshot() ([]byte, error) { return []byte{1}, nil }
func (e *changingSplits) Close() error              { return nil }

func (s *changingScan) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &changingReader{changingScan: s, alloc: rt.Allocator()}, nil
}

type changingReader struct {
	*changingScan
	alloc memory.Allocator
	split ops.Split
	first int64 // key of the split
	at    int64
}

func (r *changingReader) Assign(splits []ops.Split) error {
	if len(splits) != 1 || r.split.ID != "" {
		return errors.New("a reader has one split")
	}
	r.split = splits[0]
	at, n := binary.Uvarint(r.split.Position)
	if n <= 0 {
		return fmt.Errorf("the position of split %s is no number", r.split.ID)
	}
	r.at = int64(at)
	var i int64
	_, err := fmt.Sscan(r.split.ID, &i)
	r.first = i * r.keys
	return err
}

func (r *changingReader) Fetch(context.Context) (ops.Fetched, error) {
	to, more, err := r.next(r.at)
	if err != nil || to <= r.at {
		return ops.Fetched{Ready: more}, err
	}
	b := array.NewRecordBuilder(r.alloc, r.schema)
	defer b.Release()
	keys, ok := b.Field(0).(*array.Int64Builder)
	values, also := b.Field(1).(array.StringLikeBuilder)
	if !ok || !also {
		return ops.Fetched{}, errors.New("the table has a number and a text")
	}
	rnd := rand.New(rand.NewPCG(uint64(r.first), uint64(r.at)))
	var text [valueBytes]byte
	for i := r.at; i < to; i++ {
		k := i
		if i >= r.keys {
			k = rnd.Int64N(r.keys)
		}
		keys.Append(r.first + k)
		for c := 0; c < valueBytes; c += 10 {
			for bits, j := rnd.Uint64(), 0; j < 10; j++ {
				text[c+j] = '0' + byte(bits&63)
				bits >>= 6
			}
		}
		values.Append(string(text[:]))
	}
	r.at = to
	return ops.Fetched{
		Batch: stream.NewBatch(b.NewRecordBatch()), After: ops.Split{ID: r.split.ID, Position: binary.AppendUvarint(nil, uint64(to))},
	}, nil
}

func (r *changingReader) Close() error { return nil }
