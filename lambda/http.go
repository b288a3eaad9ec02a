package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/wadi-engine/wadi/job"
)

// HTTP calls a function by POST requests to a URL.
type HTTP struct {
	URL    string
	Client *http.Client // nil means http.DefaultClient
}

// Invoke implements Invoker.
func (h HTTP) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(event))
	if err != nil {
		return nil, fmt.Errorf("%w: call %s: %w", job.ErrInvalid, h.URL, err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	w, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: call %s: %w", job.ErrUnavailable, h.URL, err)
	}
	defer w.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(w.Body, MaxPayload+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: read the reply of %s: %w", job.ErrUnavailable, h.URL, err)
	case len(reply) > MaxPayload:
		return nil, fmt.Errorf("%w: the reply of %s has more than %d bytes", job.ErrInvalid, h.URL, MaxPayload)
	case w.StatusCode == http.StatusOK:
		return reply, nil
	}
	var f Failure
	if err := json.Unmarshal(reply, &f); err != nil || f.Type == "" {
		return nil, fmt.Errorf("%w: %s answers %s", job.ErrUnavailable, h.URL, w.Status)
	}
	return nil, f
}
