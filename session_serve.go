package wadi

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// The keys of the REST API. All but those that begin with wadi are Flink's.
const (
	keyRestAddress  = "rest.bind-address"
	keyRestPort     = "rest.port"
	keyRestBindPort = "rest.bind-port"
	keyRestMaxBody  = "rest.server.max-content-length"
	keyRestIdle     = "rest.idleness-timeout"
	keyRestTLS      = "security.ssl.rest.enabled"
	keyRestToken    = "wadi.rest.token"
	keyRestReadOnly = "wadi.rest.read-only"
	keyWebSubmit    = "web.submit.enable"
	keyWebCancel    = "web.cancel.enable"
	keyWebRefresh   = "web.refresh-interval"
	keyWebUploads   = "web.upload.dir"

	keyCheckpointsShown = "web.checkpoints.history"
	keyFailuresShown    = "web.exception-history-size"
)

// ServeOptions are what serving needs besides the configuration.
type ServeOptions struct {
	Version string
	// UI serves every path that is not the API's.
	UI http.Handler
	// Ready, if not nil, is told the address once it is listened on.
	Ready func(net.Addr)
}

// maxConnections is how many clients may be connected at the same time.
const maxConnections = 1024

// URL is that of the REST API at an address.
func (s *Session) URL(address string) string {
	if s.config.Get(keyRestTLS) == "true" {
		return "https://" + address
	}
	return "http://" + address
}

// Serve serves the REST API at rest.bind-address and rest.port until ctx ends
// or somebody asks the cluster to end.
func (s *Session) Serve(ctx context.Context, o ServeOptions) error {
	address, ro, err := s.restOptions()
	if err != nil {
		return err
	}
	ro.Version, ro.UI, ro.Log, ro.Clock = o.Version, o.UI, s.o.Log.With(slog.String(logs.Component, "rest")), engine.WallClock{}
	ro.Host, ro.Own = hostName(), func() []metrics.Group { return s.o.ownMetrics() }
	secure, err := client.ServerTLS(s.config.Get)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: listen on %s (%s, %s): %w", job.ErrInvalid, address, keyRestAddress, keyRestPort, err)
	}
	api := rest.New(s, ro)
	s.jobs.changed = func(r *Run) {
		if j, ok := r.history.Summary(); ok {
			api.Changed(j)
		}
	}
	stopReports, err := s.report(ctx, api.Groups)
	if err != nil {
		return errors.Join(err, l.Close(), api.Close())
	}
	defer stopReports()
	if o.Ready != nil {
		o.Ready(l.Addr())
	}
	server := api.HTTP()
	if server.Handler, err = s.front(server.Handler); err != nil {
		return errors.Join(err, l.Close(), api.Close())
	}
	failed := make(chan error, 1)
	limited := netutil.LimitListener(l, maxConnections)
	if secure != nil {
		limited = tls.NewListener(limited, secure)
	}
	go func() { failed <- server.Serve(limited) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	case <-s.Done():
	}
	const patience = 5 * time.Second
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = server.Shutdown(stop) // who still reads then is cut off
	_ = server.Close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, api.Close())
}

// report tells the metrics and the traces of the coordinator to those whom the
// configuration names.
func (s *Session) report(ctx context.Context, gather func() []metrics.Group) (stop func(), err error) {
	get := s.config.Get
	at := place{cmp.Or(get(keyRPCBindHost), "127.0.0.1"), "coordinator-" + s.worker, s.o.Version, s.o.Log}
	stopMetrics, err := reportMetrics(ctx, get, at, gather)
	if err != nil {
		return nil, err
	}
	spans, stopTraces, err := reportTraces(ctx, get, at)
	if err != nil {
		stopMetrics()
		return nil, err
	}
	s.jobs.span.Store(&spans)
	return func() {
		stopMetrics()
		stopTraces()
	}, nil
}

// restOptions reads the configuration.
func (s *Session) restOptions() (address string, o rest.Options, err error) {
	get := s.config.Get
	k := &keyReader{get: get}
	o = rest.Options{
		Token: get(keyRestToken), ReadOnly: get(keyRestReadOnly) == "true", NoSubmit: get(keyWebSubmit) == "false", NoCancel: get(keyWebCancel) == "false",
		MaxBody: int64(k.int(keyRestMaxBody)), Uploads: get(keyWebUploads), Idle: k.duration(keyRestIdle), Refresh: k.duration(keyWebRefresh),
	}
	if k.err != nil {
		return "", o, k.err
	}
	host, port := get(keyRestAddress), cmp.Or(get(keyRestBindPort), get(keyRestPort))
	o.Loopback = loopback(host)
	if o.Token == "" && !o.Loopback && s.o.Log != nil {
		s.o.Log.Warn("everybody who reaches the REST API may run jobs", slog.String("address", host), slog.String("set", keyRestToken))
	}
	return net.JoinHostPort(host, port), o, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
