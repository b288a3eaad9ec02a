package values

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Connector returns the connector to be registered under Name.
func Connector() *ops.Connector {
	return &ops.Connector{Name: Name, Source: open}
}

type source struct {
	schema *arrow.Schema
	data   []byte // an IPC stream
}

var _ ops.Source = (*source)(nil)

func open(_ context.Context, scan ops.Scan) (ops.Source, error) {
	data, err := base64.StdEncoding.DecodeString(scan.Table.Options[rowsOption])
	if err != nil || scan.Columns != nil || scan.Table.Schema.Schema == nil {
		return nil, fmt.Errorf("%w: connector %q is for VALUES alone", job.ErrInvalid, Name)
	}
	return &source{schema: scan.Table.Schema.Schema, data: data}, nil
}

func (s *source) Schema() *arrow.Schema { return s.schema }

func (s *source) Bounded() bool { return true }

// Enumerator hands out one split, all the rows.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{}
	if string(state) != taken {
		e.splits = []ops.Split{{ID: "0", Watermark: stream.Start}}
	}
	return e, nil
}

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{data: s.data, alloc: rt.Allocator()}, nil
}

// taken is the enumerator's state once the split was handed out.
const taken = "1"

type enumerator struct{ splits []ops.Split }

func (e *enumerator) Discover(context.Context) (bool, error) { return true, nil }

func (e *enumerator) Take(_, _, n int) []ops.Split {
	if n < 1 {
		return nil
	}
	out := e.splits
	e.splits = nil
	return out
}

func (e *enumerator) Return(splits []ops.Split) { e.splits = append(e.splits, splits...) }

func (e *enumerator) Snapshot() ([]byte, error) {
	if len(e.splits) == 0 {
		return []byte(taken), nil
	}
	return nil, nil
}

func (e *enumerator) Close() error { return nil }

// batchRows is how many rows are handed on at a time.
const batchRows = 8192

// reader gives the rows from a position, which is the number of rows before it.
type reader struct {
	data  []byte
	alloc memory.Allocator

	split *ops.Split
	rows  arrow.RecordBatch
}

func (r *reader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		if r.split != nil {
			return fmt.Errorf("VALUES has one split, %q is another", s.ID)
		}
		rec, err := r.read()
		if err != nil {
			return fmt.Errorf("read VALUES: %w", err)
		}
		r.split, r.rows = &s, rec
	}
	return nil
}

func (r *reader) read() (arrow.RecordBatch, error) {
	in, err := ipc.NewReader(bytes.NewReader(r.data), ipc.WithAllocator(r.alloc))
	if err != nil {
		return nil, err
	}
	defer in.Release()
	rec, err := in.Read()
	if err != nil {
		return nil, err
	}
	rec.Retain()
	return rec, nil
}

func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if r.split == nil {
		return ops.Fetched{}, nil
	}
	at := int64(0)
	if len(r.split.Position) == 8 {
		at = int64(binary.LittleEndian.Uint64(r.split.Position))
	}
	end := min(at+batchRows, r.rows.NumRows())
	after := *r.split
	after.Position = binary.LittleEndian.AppendUint64(nil, uint64(end))
	f := ops.Fetched{After: after, Done: end == r.rows.NumRows()}
	if at < end {
		f.Batch = stream.NewBatch(r.rows.NewSlice(at, end))
	}
	*r.split = after
	if f.Done {
		r.release()
	}
	return f, nil
}

func (r *reader) release() {
	if r.rows != nil {
		r.rows.Release()
	}
	r.split, r.rows = nil, nil
}

func (r *reader) Close() error {
	r.release()
	return nil
}
