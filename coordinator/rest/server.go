package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/metrics/prom"
)

// Options make a Server. The zero value, but for the clock, works.
type Options struct {
	Clock coordinator.Clock
	Log   *slog.Logger
	// Version is what the cluster says it is: that of Flink's API which it
	// speaks stands before it.
	Version string
	// Token, if not "", is what a request must bear.
	Token string
	// ReadOnly refuses everything that changes something; NoSubmit and NoCancel
	// refuse that (web.submit.enable, web.cancel.enable).
	ReadOnly, NoSubmit, NoCancel bool
	// Loopback says that only this machine can reach the address: then the name
	// by which it is called must be the machine's own.
	Loopback bool
	// MaxBody is the largest body of a request (rest.server.max-content-length);
	// 0 means 100 MiB.
	MaxBody int64
	// Timeout is how long a request may take that is not a stream; 0 means a minute.
	Timeout time.Duration
	// Idle is how long a connection may say nothing (rest.idleness-timeout); 0
	// means five minutes.
	Idle time.Duration
	// Uploads is the directory of uploaded scripts; "" means a temporary one.
	Uploads string
	// Refresh is how often the web UI looks (web.refresh-interval); 0 means 3 s.
	Refresh time.Duration
	// Own gives the metrics of the process that are not the cluster's; nil means
	// that there are none.
	Own func() []metrics.Group
	// Host is the name of the machine in metrics.
	Host string
	// UI serves every path that is not the API's; nil means there is none. It says
	// nothing that is secret: it needs no token.
	UI http.Handler
}

// Server answers requests. It is an http.Handler.
type Server struct {
	o       Options
	cluster Cluster
	mux     *http.ServeMux
	guard   *guard
	bodies  bodies
	ops     operations
	uploads uploads
	events  hub
	started time.Time

	rates   metrics.Rates
	process metrics.Process
	scrape  http.Handler
}

// New returns a server for c.
func New(c Cluster, o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 100 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Refresh == 0 {
		o.Refresh = 3 * time.Second
	}
	s := &Server{o: o, cluster: c, mux: http.NewServeMux(), guard: newGuard(o), started: o.Clock.Now(), process: metrics.Process{Now: o.Clock.Now}}
	s.scrape = prom.Handler(s.Groups)
	s.ops.now, s.uploads.dir, s.bodies.max = o.Clock.Now, o.Uploads, o.MaxBody
	s.ops.ctx, s.ops.stop = context.WithCancel(context.Background()) //nolint:fatcontext // the life of the server, not of a loop
	for _, r := range routes {
		h := s.serve(r)
		s.mux.Handle(r.method+" "+r.path, h)
		if !strings.HasPrefix(r.path, "/api/") {
			s.mux.Handle(r.method+" /v1"+r.path, h)
		}
	}
	return s
}

// Close ends what runs beside requests and removes uploads.
func (s *Server) Close() error {
	s.ops.close()
	s.events.close()
	return s.uploads.close()
}

// HTTP is a server of HTTP for s, whose clients may not be slow for ever.
// Streams extend their deadline as long as they are read.
func (s *Server) HTTP() *http.Server {
	const headers = 10 * time.Second
	return &http.Server{
		Handler: s, ReadHeaderTimeout: headers, ReadTimeout: s.o.Timeout, WriteTimeout: 2 * s.o.Timeout, IdleTimeout: s.o.Idle,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.guard.enter() {
		w.Header().Set("Retry-After", "1")
		writeError(w, Error{http.StatusServiceUnavailable, "Too many requests at the same time."})
		return
	}
	defer s.guard.leave()
	_, pattern := s.mux.Handler(r)
	page := pattern == "" && s.o.UI != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	if err := s.guard.check(r, page); err != nil {
		if statusOf(err) == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		writeError(w, err)
		return
	}
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	if s.otherMethod(r) {
		writeError(w, Error{http.StatusMethodNotAllowed, fmt.Sprintf("Method %s is not allowed for %s", r.Method, r.URL.Path)})
		return
	}
	if page {
		s.o.UI.ServeHTTP(w, r)
		return
	}
	writeError(w, notFound("Not found: %s", r.URL.Path))
}

// otherMethod reports whether the path is there for another method.
func (s *Server) otherMethod(r *http.Request) bool {
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := s.mux.Handler(other); pattern != "" {
			return true
		}
	}
	return false
}

// The replies of handlers that are not a JSON body with status 200.
type (
	// accepted is a JSON body with status 202.
	accepted struct{ body any }
	// text is a plain text.
	text []byte
	// streaming writes the reply itself, for as long as it takes.
	streaming func(w http.ResponseWriter, r *http.Request)
)

// serve makes a handler of a route.
func (s *Server) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.o.Log.Error("a request has panicked", slog.String("path", r.URL.Path), slog.Any("panic", p))
				writeError(w, Error{http.StatusInternalServerError, "Internal server error."})
			}
		}()
		if err := s.guard.allows(route.may); err != nil {
			writeError(w, err)
			return
		}
		b := s.bodies.of(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
		defer b.done()
		r.Body = b
		ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
		defer cancel()
		body, err := route.handle(s, r.WithContext(ctx))
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch b := body.(type) {
		case accepted:
			writeJSON(w, http.StatusAccepted, b.body)
		case text:
			w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
			_, _ = w.Write(b) // the client may be gone
		case streaming:
			b(w, r)
		default:
			writeJSON(w, http.StatusOK, body)
		}
	})
}

// empty is the body of replies that say nothing.
type empty struct{}

// decode reads the JSON body of a request into v; none leaves v as it is.
func decode(r *http.Request, v any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return badRequest("Bad request received. Field %s must be of type %s.", kind.Field, kind.Type)
		}
		return badRequest("Bad request received. The body is not the JSON that this path takes: %v.", err)
	}
	return nil
}
