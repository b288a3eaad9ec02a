package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	runtime "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

// Where the platforms tell a process what it is.
const (
	EnvLambda = "AWS_LAMBDA_RUNTIME_API"       // AWS Lambda: the address to ask for events
	EnvAzure  = "FUNCTIONS_CUSTOMHANDLER_PORT" // Azure Functions: the port to listen on, on loopback
	EnvPort   = "PORT"                         // Cloud Run, Knative, Container Apps: the port to listen on
)

// Host answers the events of the platform on which this process runs.
type Host struct {
	Handler Handler
	Getenv  func(string) string
	Log     *slog.Logger
	// Ready is told where HTTP requests are answered; it may be nil.
	Ready func(net.Addr)
}

// Serve answers events until ctx ends. AWS Lambda is asked for one after the
// other, and ends the process itself; elsewhere they come as HTTP POST requests,
// whatever their path, and GET says that all is well.
func (h Host) Serve(ctx context.Context) error {
	if h.Getenv(EnvLambda) != "" {
		runtime.StartWithOptions(h.lambda, runtime.WithContext(ctx))
		return ctx.Err()
	}
	address := "127.0.0.1:0"
	if port := h.Getenv(EnvAzure); port != "" {
		address = net.JoinHostPort("127.0.0.1", port)
	} else if port := h.Getenv(EnvPort); port != "" {
		address = net.JoinHostPort("", port)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for events: %w", err)
	}
	return h.serve(ctx, listener)
}

func (h Host) lambda(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	reply, err := h.Handler(ctx, event)
	if err != nil {
		h.Log.Error("event", slog.Any("error", err))
		f := FailureOf(err)
		return nil, messages.InvokeResponse_Error{Type: f.Type, Message: f.Message}
	}
	return reply, nil
}

func (h Host) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelWarn),
	}
	if h.Ready != nil {
		h.Ready(l.Addr())
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // requests see ctx end
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer events: %w", err)
	}
	return nil
}

// ServeHTTP answers an event.
func (h Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return
	case http.MethodPost:
	default:
		h.fail(w, http.StatusMethodNotAllowed, Failure{"invalid", "an event is a POST request"})
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		h.fail(w, http.StatusRequestEntityTooLarge, Failure{"invalid", fmt.Sprintf("read the event: %v", err)})
		return
	}
	if !json.Valid(event) {
		h.fail(w, http.StatusBadRequest, Failure{"invalid", "the event is no JSON document, or part of one only"})
		return
	}
	reply, err := h.Handler(r.Context(), event)
	if err != nil {
		h.Log.Error("event", slog.Any("error", err))
		h.fail(w, http.StatusInternalServerError, FailureOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(reply) // whoever has gone asks again
}

func (h Host) fail(w http.ResponseWriter, status int, f Failure) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f) // whoever has gone asks again
}
