package task

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// numbers is a source whose table is one row in each of two splits: how often it was
// opened.
type numbers struct {
	ops.Source
	n    int64
	fail error
	left int
	read chan struct{} // each Fetch waits for one
}

func (s *numbers) Enumerator(context.Context, []byte) (ops.SplitEnumerator, error) {
	s.left = 2
	return s, s.fail
}
func (s *numbers) Discover(context.Context) (bool, error) { return true, nil }
func (s *numbers) Take(_, _, n int) []ops.Split {
	n = min(n, s.left)
	s.left -= n
	return make([]ops.Split, n)
}
func (s *numbers) Return([]ops.Split)        {}
func (s *numbers) Snapshot() ([]byte, error) { return nil, nil }
func (s *numbers) Close() error              { return nil }

func (s *numbers) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	rt.Counter("x").Add(1)
	return &numbersReader{numbers: s, alloc: rt.Allocator()}, nil
}

type numbersReader struct {
	*numbers
	alloc memory.Allocator
	at    int
}

func (r *numbersReader) Assign([]ops.Split) error { r.at = 0; return nil }

func (r *numbersReader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if r.read != nil {
		select {
		case <-r.read:
		case <-ctx.Done():
			return ops.Fetched{}, ctx.Err()
		}
	}
	if r.at++; r.at > 1 {
		return ops.Fetched{Done: true}, nil
	}
	b := array.NewInt64Builder(r.alloc)
	defer b.Release()
	b.Append(r.n)
	col := b.NewArray()
	defer col.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	return ops.Fetched{Batch: stream.NewBatch(array.NewRecordBatch(schema, []arrow.Array{col}, 1))}, nil
}

// told is an operator that remembers the sums of the tables that it was told.
type told struct {
	ops.Operator
	sums []int64
}

func (o *told) Loads() (ops.Scan, time.Duration) { return ops.Scan{}, time.Minute }

func (o *told) Loaded(rows []arrow.RecordBatch) error {
	sum := int64(0)
	for _, r := range rows {
		sum += r.Column(0).(*array.Int64).Value(0)
	}
	o.sums = append(o.sums, sum)
	return nil
}

func TestLoader(t *testing.T) {
	ctx := context.Background()
	op, src := &told{}, &numbers{}
	l := &loader{op: op, again: time.Minute, open: func(context.Context) (ops.Source, error) { src.n++; return src, nil }}
	if err := l.first(ctx); err != nil || len(op.sums) != 1 || op.sums[0] != 2 {
		t.Fatalf("first: %v, told %v", err, op.sums)
	}
	at := stream.Timestamp(1_000_000)
	tick := func(after time.Duration) error { return l.tick(ctx, at+stream.Timestamp(after.Milliseconds())) }
	for _, after := range []time.Duration{0, time.Second, 59 * time.Second} {
		if err := tick(after); err != nil || l.reading != nil {
			t.Fatalf("at %v: %v, reading %v", after, err, l.reading != nil)
		}
	}
	src.read = make(chan struct{}, 4)
	if err := errors.Join(tick(time.Minute), tick(61*time.Second)); err != nil || len(op.sums) != 1 {
		t.Fatalf("told %v before the table was read (%v)", op.sums, err)
	}
	for range 4 {
		src.read <- struct{}{}
	}
	r := <-l.reading // as soon as it is there
	l.reading <- r
	if err := tick(62 * time.Second); err != nil {
		t.Fatal(err)
	}
	if len(op.sums) != 2 || op.sums[1] != 4 {
		t.Fatalf("told %v, want 2 and 4", op.sums)
	}
	if err := tick(3 * time.Minute); err != nil || l.reading == nil {
		t.Fatalf("not read again: %v", err)
	}
	l.close() // while it is reading
	src.fail = errors.New("gone")
	if err := l.first(ctx); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Fatalf("first: %v", err)
	}
}
