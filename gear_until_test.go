package wadi_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// ledger is a source that does not end: it has a number for each millisecond since it
// was opened, and knows so.
type ledger struct {
	ops.Scan
	since time.Time
}

func (l ledger) Schema() *arrow.Schema { return l.Table.Schema.Schema }
func (ledger) Bounded() bool           { return false }
func (l ledger) end() int64            { return time.Since(l.since).Milliseconds() }

func (l ledger) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e, err := deal.NewList(func(context.Context) ([]ops.Split, error) { return []ops.Split{{ID: "0", Position: []byte("0")}}, nil }, state)
	return ledgerEnumerator{e, l}, err
}

type ledgerEnumerator struct {
	ops.SplitEnumerator
	ledger
}

// Discover never ends.
func (e ledgerEnumerator) Discover(ctx context.Context) (bool, error) {
	_, err := e.SplitEnumerator.Discover(ctx)
	return false, err
}

func (e ledgerEnumerator) Measure(_ context.Context, splits []ops.Split) (until []ops.Split, rows int64, err error) {
	for _, s := range splits {
		s.Position = strconv.AppendInt(nil, e.end(), 10)
		until = append(until, s)
	}
	return until, 1000, nil
}

func (l ledger) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &ledgerReader{ledger: l, alloc: rt.Allocator(), until: -1}, nil
}

type ledgerReader struct {
	ledger
	alloc  memory.Allocator
	split  ops.Split
	until  int64
	paused bool
}

func (r *ledgerReader) Assign(splits []ops.Split) error { r.split = splits[0]; return nil }
func (r *ledgerReader) Close() error                    { return nil }

func (r *ledgerReader) Until(until []ops.Split) (err error) {
	r.until, err = strconv.ParseInt(string(until[0].Position), 10, 64)
	return err
}

func (r *ledgerReader) Fetch(context.Context) (ops.Fetched, error) {
	at, err := strconv.ParseInt(string(r.split.Position), 10, 64)
	end := r.end()
	if r.until >= 0 {
		end = min(end, r.until)
	}
	switch {
	case err != nil || r.split.ID == "":
		return ops.Fetched{}, err
	case at >= end && r.until >= 0 && r.paused:
		return ops.Fetched{}, nil
	case at >= end:
		r.paused = true
		ready := make(chan struct{})
		time.AfterFunc(200*time.Millisecond, func() { close(ready) })
		return ops.Fetched{Ready: ready}, nil
	}
	b := array.NewRecordBuilder(r.alloc, r.Schema())
	defer b.Release()
	for ; at < end; at++ {
		b.Field(0).(*array.Int64Builder).Append(at)
	}
	r.split.Position = strconv.AppendInt(nil, at, 10)
	return ops.Fetched{Batch: stream.NewBatch(b.NewRecordBatch()), After: r.split}, nil
}

// TestEpochReadsWhatThereIs: an epoch of a brief gear does not wait for rows of a
// source that says what there is.
func TestEpochReadsWhatThereIs(t *testing.T) {
	since := time.Now()
	c := &ops.Connector{
		Name: "log", Resolve: func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) { return ledger{s, since}, nil },
	}
	env, err := wadi.Local(wadi.Options{Connectors: []*ops.Connector{c}, Config: map[string]string{
		"execution.gear": "staged", "execution.checkpointing.dir": "mem://until", "execution.checkpointing.interval": "2 s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	err = env.Execute(t.Context(), `CREATE TABLE log (n BIGINT) WITH ('connector' = 'log');
		CREATE TABLE gone (n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO gone SELECT n FROM log`, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		var last *coordinator.CheckpointRecord
		await.That(t, "two epochs", func() bool {
			l, _ := run.Life()
			last = l.Checkpoints.LastCompleted
			return last != nil && last.Epoch >= 2
		})
		if took := last.Took(time.Now()); took > time.Second || run.Progress().Read < 2000 {
			t.Errorf("an epoch takes %v, of %d rows", took, run.Progress().Read)
		}
		await.That(t, "what waits is told while it is read", func() bool { return run.Progress().Waiting == 1000 })
		run.Cancel(errors.New("enough"))
		_, _ = run.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
