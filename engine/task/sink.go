package task

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var _ ops.Operator = (*Sink)(nil)

// Sink is the operator around a sink's writer: the end of an epoch prepares
// what was written in it.
type Sink struct {
	sink ops.Sink

	writer   ops.SinkWriter
	last     bool // event time is at its end: no rows follow
	prepared []ops.Committable
}

// NewSink returns an operator that writes to s.
func NewSink(s ops.Sink) *Sink { return &Sink{sink: s} }

// Open starts the writer.
func (s *Sink) Open(ctx context.Context, rt ops.Runtime) error {
	w, err := s.sink.Writer(ctx, rt)
	if err != nil {
		return err
	}
	s.writer = w
	return nil
}

// Process writes b.
func (s *Sink) Process(ctx context.Context, _ int, b *stream.Batch, _ ops.Output) error {
	return s.writer.Write(ctx, b)
}

// Advance notices the end of the rows.
func (s *Sink) Advance(_ context.Context, wm stream.Watermark, _ ops.Output) error {
	s.last = wm.Time == stream.End
	return nil
}

// Flush prepares the rows of epoch e.
func (s *Sink) Flush(ctx context.Context, e stream.Epoch, _ ops.Output) error {
	cs, err := s.writer.Prepare(ctx, e, s.last)
	if err != nil {
		return fmt.Errorf("prepare epoch %d: %w", e, err)
	}
	s.prepared = append(s.prepared, cs...)
	return nil
}

// Close closes the writer.
func (s *Sink) Close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}
