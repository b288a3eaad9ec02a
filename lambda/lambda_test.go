package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// TestErrorsKeepTheirClass: through HTTP and back.
func TestErrorsKeepTheirClass(t *testing.T) {
	plain := errors.New("plain")
	for _, c := range []struct{ sent, class error }{
		{fmt.Errorf("%w: a", job.ErrInvalid), job.ErrInvalid},
		{fmt.Errorf("%w: b", checkpoint.ErrCorrupt), checkpoint.ErrCorrupt},
		{fmt.Errorf("%w: c", job.ErrUnavailable), job.ErrUnavailable},
		{plain, nil},
	} {
		h := lambda.Host{Log: slog.New(slog.DiscardHandler), Handler: func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, c.sent }}
		server := httptest.NewServer(h)
		_, err := lambda.HTTP{URL: server.URL}.Invoke(t.Context(), json.RawMessage(`{}`))
		server.Close()
		if err == nil || !strings.Contains(err.Error(), c.sent.Error()) {
			t.Errorf("%v came back as %v", c.sent, err)
		}
		for _, class := range []error{job.ErrInvalid, checkpoint.ErrCorrupt, job.ErrUnavailable} {
			if errors.Is(err, class) != errors.Is(c.class, class) {
				t.Errorf("%v came back as %v, of class %v", c.sent, err, class)
			}
		}
	}
}

// TestHostRefuses: what is no event does no harm.
func TestHostRefuses(t *testing.T) {
	h := lambda.Host{Log: slog.New(slog.DiscardHandler), Handler: func(_ context.Context, e json.RawMessage) (json.RawMessage, error) { return e, nil }}
	server := httptest.NewServer(h)
	defer server.Close()
	for _, c := range []struct {
		method, body string
		status       int
		want         string
	}{
		{http.MethodPost, `{"a":1}`, http.StatusOK, `{"a":1}`},
		{http.MethodGet, "", http.StatusOK, ""},
		{http.MethodPut, "{}", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPost, `{"a":`, http.StatusBadRequest, "part of one only"},
		{http.MethodPost, strings.Repeat(" ", lambda.MaxPayload+1), http.StatusRequestEntityTooLarge, "too large"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+"/any/path", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(w.Body)
		_ = w.Body.Close()
		if err != nil || w.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s %.20s: %d %s %v, want %d %s", c.method, c.body, w.StatusCode, body, err, c.status, c.want)
		}
	}
}

// TestUnreachable: who does not answer, or answers otherwise, may be tried again.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	_, err := lambda.HTTP{URL: server.URL}.Invoke(t.Context(), json.RawMessage(`{}`))
	if !errors.Is(err, job.ErrUnavailable) || !strings.Contains(err.Error(), "502") {
		t.Error(err)
	}
	server.Close()
	if _, err = (lambda.HTTP{URL: server.URL}).Invoke(t.Context(), json.RawMessage(`{}`)); !errors.Is(err, job.ErrUnavailable) {
		t.Error(err)
	}
}
