package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ServeHTTP takes a request, and answers it when its rows are safe.
func (r *reader) ServeHTTP(w http.ResponseWriter, h *http.Request) {
	code, text := r.serve(w, h)
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // who is gone does not want it
}

func (r *reader) serve(w http.ResponseWriter, h *http.Request) (code int, text string) {
	switch {
	case h.URL.Path != r.path:
		return http.StatusNotFound, "rows are sent to " + r.path
	case h.Method != http.MethodPost && h.Method != http.MethodPut:
		w.Header().Set("Allow", "POST, PUT")
		return http.StatusMethodNotAllowed, "rows are sent by POST"
	case r.token != "" && subtle.ConstantTimeCompare([]byte(h.Header.Get("Authorization")), []byte("Bearer "+r.token)) != 1:
		return http.StatusUnauthorized, "the header Authorization must have the token of the table"
	}
	body, err := r.bodyOf(w, h)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("a body may have %d bytes", r.body)
	}
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	q := &request{body, make(chan verdict, 1)}
	if !r.queue.Offer(q) {
		return http.StatusTooManyRequests, "the table does not read as fast as this; send it again later"
	}
	const closed = "the table is not read any more; send it again later"
	select {
	case v := <-q.verdict:
		if v.refused != nil {
			return http.StatusBadRequest, v.refused.Error()
		}
		if r.answered || r.safe(h.Context(), v.n) {
			return http.StatusOK, "ok"
		}
		return http.StatusServiceUnavailable, closed
	case <-r.closing:
		return http.StatusServiceUnavailable, closed
	case <-h.Context().Done():
		return http.StatusServiceUnavailable, closed
	}
}

// safe waits until a checkpoint holds request n.
func (r *reader) safe(ctx context.Context, n uint64) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-r.closing:
			cancel()
		case <-stop:
		}
	}()
	return r.durable.Wait(ctx, r.listen, n) == nil
}

func (r *reader) bodyOf(w http.ResponseWriter, h *http.Request) ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(w, h.Body, r.body)
	switch encoding := strings.ToLower(h.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("the body is not gzip: %w", err)
		}
		in = http.MaxBytesReader(w, z, r.body)
	default:
		return nil, fmt.Errorf("the header Content-Encoding may be gzip, not %s", encoding)
	}
	return io.ReadAll(in)
}

// each gives the messages of a body to f: of JSON one value behind the other, or the
// elements of an array; of CSV lines; of others the whole.
func each(format string, body []byte, f func(message []byte) error) error {
	switch {
	case strings.HasSuffix(format, "json"):
		return eachValue(body, f)
	case format == "csv":
		for line := range bytes.Lines(body) {
			if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
				continue
			}
			if err := f(line); err != nil {
				return err
			}
		}
		return nil
	}
	return f(body)
}

func eachValue(body []byte, f func(message []byte) error) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	depth := 0
	for {
		switch d.PeekKind() {
		case '[':
			if depth == 0 {
				if _, err := d.ReadToken(); err != nil {
					return err
				}
				depth++
				continue
			}
		case ']':
			if _, err := d.ReadToken(); err != nil {
				return err
			}
			depth--
			continue
		}
		v, err := d.ReadValue()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil { // the rest of the body is no message, and is one that cannot be read
			return f(body[min(int(d.InputOffset()), len(body)):])
		}
		if err := f(v); err != nil {
			return err
		}
	}
}
