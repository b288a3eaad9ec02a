package http

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Sink       = (*sink)(nil)
	_ ops.SinkWriter = (*writer)(nil)
)

// sink sends rows.
type sink struct{ *config }

func openSink(_ context.Context, t job.Table) (ops.Sink, error) {
	c, err := parse(t)
	if err != nil {
		return nil, err
	}
	if c.url == "" {
		return nil, fmt.Errorf("%w: table %s: option 'url' is missing: where rows are sent", job.ErrInvalid, t.Ident)
	}
	if !strings.HasSuffix(c.Format.Name, "json") && c.array {
		return nil, fmt.Errorf("%w: table %s: 'sink.body' = 'array' is for JSON", job.ErrInvalid, t.Ident)
	}
	_, err = c.Encoder()
	return &sink{c}, err
}

// Writer implements ops.Sink.
func (s *sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	w := &writer{sink: s, id: hex.EncodeToString(id[:]), client: &http.Client{Timeout: s.timeout}, retried: rt.Counter("numRetries")}
	var err error
	w.encoder, err = s.Start(ctx)
	return w, err
}

// Committer implements ops.Sink: what was answered is there.
func (s *sink) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

// writer is one task of a sink.
type writer struct {
	*sink
	id      string // of this run of the task
	client  *http.Client
	encoder format.Encoder
	retried ops.Counter
	sent    int // requests

	body []byte
	rows int // in body
}

// Write implements ops.SinkWriter.
func (w *writer) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	w.encoder.Fill(b.Rows.Columns())
	defer w.encoder.Drop()
	for row := range b.Len() {
		switch {
		case w.array && w.rows == 0:
			w.body = append(w.body, '[')
		case w.array:
			w.body = append(w.body, ',')
		}
		var err error
		if w.body, err = w.encoder.Append(w.body, row, b.Kind(row)); err != nil {
			return err
		}
		if !w.array && w.textual() {
			w.body = append(w.body, '\n')
		}
		if w.rows++; w.rows >= w.config.rows || !w.textual() {
			if err := w.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// textual reports messages that can stand in lines; others are sent alone.
func (w *writer) textual() bool {
	return strings.HasSuffix(w.Format.Name, "json") || w.Format.Name == "csv"
}

// Prepare implements ops.SinkWriter: all rows of the epoch have been sent.
func (w *writer) Prepare(ctx context.Context, _ stream.Epoch, _ bool) ([]ops.Committable, error) {
	return nil, w.send(ctx)
}

// Close implements ops.SinkWriter.
func (w *writer) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

// send sends the rows at hand.
func (w *writer) send(ctx context.Context) error {
	if w.rows == 0 {
		return nil
	}
	if w.array {
		w.body = append(w.body, ']')
	}
	w.sent++
	key := fmt.Sprintf("%s-%d", w.id, w.sent)
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 10*time.Second
	tries := 0
	_, err := backoff.Retry(ctx, func() (bool, error) {
		if tries++; tries > 1 {
			w.retried.Add(1)
		}
		return true, w.attempt(ctx, key)
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(uint(w.retries)+1), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return fmt.Errorf("send rows of table %s to %s: %w", w.Ident, w.url, err)
	}
	w.body, w.rows = w.body[:0], 0
	return nil
}

func (w *writer) attempt(ctx context.Context, key string) error {
	h, err := http.NewRequestWithContext(ctx, w.method, w.url, bytes.NewReader(w.body))
	if err != nil {
		return backoff.Permanent(err)
	}
	h.Header.Set("Content-Type", w.contentType())
	h.Header.Set("Idempotency-Key", key)
	for k, v := range w.headers {
		h.Header.Set(k, v)
	}
	answer, err := w.client.Do(h)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 200))
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500 || err != nil:
		return fmt.Errorf("%w: the answer is %s: %s", job.ErrUnavailable, answer.Status, bytes.TrimSpace(said))
	}
	return backoff.Permanent(fmt.Errorf("%w: the answer is %s: %s", job.ErrInvalid, answer.Status, bytes.TrimSpace(said)))
}

func (w *writer) contentType() string {
	switch {
	case w.array:
		return "application/json"
	case strings.HasSuffix(w.Format.Name, "json"):
		return "application/x-ndjson"
	case w.Format.Name == "csv":
		return "text/csv"
	}
	return "application/octet-stream"
}
