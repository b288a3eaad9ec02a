package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// EnvPlatform tells an instance where its platform takes events.
const EnvPlatform = "WADI_LOCAL_FUNCTIONS"

// sentTries is how often an event is given to an instance that nobody waits for, as
// often as AWS Lambda does.
const sentTries = 3

var _ lambda.Sender = (*Platform)(nil)

// sending is the events that nobody waits for.
type sending struct {
	once   sync.Once
	server *http.Server
	at     string // where instances send them, or ""
	events sync.WaitGroup
}

// Send gives an event to an instance beside the caller, and again when it fails.
func (p *Platform) Send(_ context.Context, event json.RawMessage) error {
	if len(event) > lambda.MaxSent {
		return lambda.Failure{Type: "invalid", Message: fmt.Sprintf("an event of %d bytes that nobody waits for: at most %d", len(event), lambda.MaxSent)}
	}
	p.sent.events.Go(func() {
		for n := range sentTries {
			if n > 0 {
				<-time.After(p.o.Retry << (n - 1)) //nolint:forbidigo // a platform has a clock
			}
			if _, err := p.Invoke(context.Background(), event); err == nil || p.over() {
				return
			}
		}
	})
	return nil
}

func (p *Platform) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Wait waits for the events that nobody waits for.
func (p *Platform) Wait() { p.sent.events.Wait() }

// serve lets instances send events; what stops it is that they are not answered.
func (p *Platform) serve() {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return // an instance that would send says so
	}
	p.sent.at = listener.Addr().String()
	p.sent.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, lambda.MaxPayload))
		if err == nil {
			err = p.Send(r.Context(), event)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(lambda.FailureOf(err)) // whoever has gone asks again
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})}
	go func() { _ = p.sent.server.Serve(listener) }() // until Close
}

// Sender sends events to the platform of an instance. It is used in instances.
type Sender struct{ Address string }

var _ lambda.Sender = Sender{}

// Invoke is refused: an instance that waits for another is paid for twice.
func (s Sender) Invoke(context.Context, json.RawMessage) (json.RawMessage, error) {
	return nil, fmt.Errorf("%w: an instance waits for no other", job.ErrInvalid)
}

// Send implements lambda.Sender.
func (s Sender) Send(ctx context.Context, event json.RawMessage) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address, bytes.NewReader(event))
	if err != nil {
		return fmt.Errorf("%w: send an event: %w", job.ErrInvalid, err)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: send an event: %w", job.ErrUnavailable, err)
	}
	defer w.Body.Close()
	if w.StatusCode == http.StatusAccepted {
		return nil
	}
	var f lambda.Failure
	if err := json.NewDecoder(io.LimitReader(w.Body, lambda.MaxPayload)).Decode(&f); err != nil {
		return fmt.Errorf("%w: send an event: %s", job.ErrUnavailable, w.Status)
	}
	return f
}
