package nats

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Sink       = (*sink)(nil)
	_ ops.SinkWriter = (*writer)(nil)
)

// sink writes rows as messages of a subject.
type sink struct{ *config }

func openSink(_ context.Context, t job.Table) (ops.Sink, error) {
	c, err := parse(t)
	if err != nil {
		return nil, err
	}
	if c.subject == "" || strings.ContainsAny(c.subject, "*>") {
		return nil, fmt.Errorf("%w: table %s: option 'subject' = '%s': want the subject of what is written, without wildcards", job.ErrInvalid, t.Ident, c.subject)
	}
	_, err = c.Encoder()
	return &sink{c}, err
}

// Writer implements ops.Sink.
func (s *sink) Writer(ctx context.Context, _ ops.Runtime) (ops.SinkWriter, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	w := &writer{sink: s, id: hex.EncodeToString(id[:]), failed: make(chan error, 1)}
	var err error
	if w.encoder, err = s.Start(ctx); err != nil {
		return nil, err
	}
	w.conn, w.js, err = s.connect(jetstream.WithPublishAsyncMaxPending(ahead), jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
		select {
		case w.failed <- err:
		default: // the first error is the one to tell
		}
	}))
	return w, err
}

// Committer implements ops.Sink: what the server has confirmed is there.
func (s *sink) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

// writer is one task of a sink. Messages have ids, so that the server drops what a
// connection that broke has sent twice.
type writer struct {
	*sink
	id      string
	n       int
	encoder format.Encoder
	conn    *nats.Conn
	js      jetstream.JetStream
	failed  chan error
}

// Write implements ops.SinkWriter.
func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	w.encoder.Fill(b.Rows.Columns())
	defer w.encoder.Drop()
	for row := range b.Len() {
		data, err := w.encoder.Append(nil, row, b.Kind(row))
		if err != nil {
			return err
		}
		w.n++
		if _, err := w.js.PublishAsync(w.subject, data, jetstream.WithMsgID(w.id+"-"+strconv.Itoa(w.n))); err != nil {
			return fmt.Errorf("write to subject %s: %w", w.subject, err)
		}
	}
	return w.failure()
}

// failure is the first error of a message.
func (w *writer) failure() error {
	select {
	case err := <-w.failed:
		return fmt.Errorf("write to subject %s: %w", w.subject, err)
	default:
		return nil
	}
}

// Prepare implements ops.SinkWriter: the server has confirmed the rows of the epoch.
func (w *writer) Prepare(ctx context.Context, _ stream.Epoch, _ bool) ([]ops.Committable, error) {
	select {
	case <-w.js.PublishAsyncComplete():
		return nil, w.failure()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close implements ops.SinkWriter.
func (w *writer) Close() error {
	if w.conn != nil {
		w.conn.Close()
	}
	return nil
}
