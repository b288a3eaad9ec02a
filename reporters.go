package wadi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/metrics/otel"
	"github.com/wadi-engine/wadi/engine/metrics/prom"
	"github.com/wadi-engine/wadi/job"
)

// The keys of reporters; all are Flink's.
const (
	keyMetricReporters = "metrics.reporters"
	metricReporter     = "metrics.reporter."
	defaultPromPort    = "9249"
	keyTraceReporters  = "traces.reporters"
	traceReporter      = "traces.reporter."
	keySpanDetail      = "traces.checkpoint.span-detail-level"
)

// The factories of Flink's reporters that we have.
const (
	promFactory = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
	otelFactory = "org.apache.flink.metrics.otel.OpenTelemetryMetricReporterFactory"

	traceFactory = "org.apache.flink.traces.otel.OpenTelemetryTraceReporterFactory"
)

// place is the process that reports.
type place struct {
	host     string // of its own ports
	instance string // its name
	version  string
	log      *slog.Logger
}

// reporter is one name of metrics.reporters: it has keys of its own.
type reporter struct {
	name, factory string
	get           func(parameter string) string
}

// reporters are those of a list of names, whose keys begin with a prefix and the
// name. A name that says what it is needs no factory.class.
func reporters(get func(string) string, list, prefix string, factories map[string]string) ([]reporter, error) {
	var all []reporter
	for name := range strings.FieldsFuncSeq(get(list), func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
		r := reporter{name: name, get: func(p string) string { return strings.TrimSpace(get(prefix + name + "." + p)) }}
		r.factory = r.get("factory.class")
		if r.factory == "" {
			r.factory = factories[strings.ToLower(name)]
		}
		known := false
		for _, f := range factories {
			known = known || f == r.factory
		}
		if !known {
			return nil, fmt.Errorf("%w: '%s%s.factory.class' = '%s': want %s", job.ErrInvalid, prefix, name, r.factory, oneOf(factories))
		}
		all = append(all, r)
	}
	return all, nil
}

func oneOf(factories map[string]string) string {
	seen := map[string]bool{}
	var names []string
	for _, name := range []string{"prom", "otel"} {
		if f := factories[name]; f != "" && !seen[f] {
			seen[f] = true
			names = append(names, f)
		}
	}
	return strings.Join(names, " or ")
}

var metricFactories = map[string]string{"prom": promFactory, "prometheus": promFactory, "otel": otelFactory, "opentelemetry": otelFactory}

// reportMetrics begins to tell metrics to those whom metrics.reporters names,
// until stop is called.
func reportMetrics(ctx context.Context, get func(string) string, at place, gather func() []metrics.Group) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	all, err := reporters(get, keyMetricReporters, metricReporter, metricFactories)
	for _, r := range all {
		if err != nil {
			break
		}
		var s func()
		if s, err = r.start(ctx, at, gather); err == nil {
			stops = append(stops, s)
		}
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func (r reporter) start(ctx context.Context, at place, gather func() []metrics.Group) (stop func(), err error) {
	if r.factory == promFactory {
		return r.serve(ctx, at, gather)
	}
	o, err := r.otel(at)
	if err != nil {
		return nil, err
	}
	end, err := otel.Metrics(ctx, o, time.Now, gather) //nolint:forbidigo // metrics are of the wall clock
	if err != nil {
		return nil, fmt.Errorf("reporter %s: %w", r.name, err)
	}
	return func() { at.end("metrics", end) }, nil
}

// serve is Flink's PrometheusReporter: /metrics, and every other path, on the
// first free port of a range.
func (r reporter) serve(ctx context.Context, at place, gather func() []metrics.Group) (stop func(), err error) {
	ports := r.get("port")
	if ports == "" {
		ports = defaultPromPort
	}
	l, err := listenIn(ctx, at.host, ports)
	if err != nil {
		return nil, fmt.Errorf("%w: '%s%s.port' = '%s': %w", job.ErrInvalid, metricReporter, r.name, ports, err)
	}
	at.log.Info("metrics for Prometheus", slog.String("address", "http://"+l.Addr().String()+"/metrics"))
	const patience = 10 * time.Second
	server := &http.Server{Handler: prom.Handler(gather), ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: 6 * patience, MaxHeaderBytes: 64 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends when it is closed
	}()
	return func() {
		_ = server.Close() // who still reads is cut off
		<-done
	}, nil
}

// listenIn listens on the first free port of a list such as 9250-9260,9300.
func listenIn(ctx context.Context, host, ports string) (net.Listener, error) {
	var config net.ListenConfig
	last := errors.New("want a port, or a range such as 9250-9260")
	for item := range strings.SplitSeq(ports, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(item), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(strings.TrimSpace(from), 10, 16)
		end, err2 := strconv.ParseUint(strings.TrimSpace(to), 10, 16)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		for p := first; p <= end; p++ {
			l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.FormatUint(p, 10)))
			if err == nil {
				return l, nil
			}
			last = err
		}
	}
	return nil, last
}
