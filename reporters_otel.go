package wadi

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/metrics/otel"
	"github.com/wadi-engine/wadi/job"
)

// spans is who is told of checkpoints and recoveries.
type spans struct {
	send  func(metrics.Span) // nil: nobody
	tasks bool               // and of the tasks' part in them
}

var traceFactories = map[string]string{"otel": traceFactory, "opentelemetry": traceFactory}

// reportTraces begins to tell spans to those whom traces.reporters names, until
// stop is called.
func reportTraces(ctx context.Context, get func(string) string, at place) (s spans, stop func(), err error) {
	var tracers []*otel.Tracer
	stop = func() {
		for _, t := range tracers {
			at.end("traces", t.Close)
		}
	}
	all, err := reporters(get, keyTraceReporters, traceReporter, traceFactories)
	for _, r := range all {
		if err != nil {
			break
		}
		var o otel.Options
		if o, err = r.otel(at); err != nil {
			break
		}
		var t *otel.Tracer
		if t, err = otel.Traces(ctx, o); err == nil {
			tracers = append(tracers, t)
		}
	}
	if err == nil {
		s.tasks, err = spanDetail(get(keySpanDetail))
	}
	if err != nil {
		stop()
		return spans{}, nil, err
	}
	if len(tracers) > 0 {
		s.send = func(span metrics.Span) {
			for _, t := range tracers {
				t.Send(span)
			}
		}
	}
	return s, stop, nil
}

// spanDetail reads how much is told of a checkpoint, in Flink's words: whether of
// tasks, too.
func spanDetail(text string) (tasks bool, err error) {
	switch strings.ToUpper(text) {
	case "", "SPAN_PER_CHECKPOINT":
		return false, nil
	case "SPAN_PER_CHECKPOINT_WITH_TASKS", "CHILDREN_SPANS_PER_TASK", "CHILDREN_SPANS_PER_SUBTASK":
		return true, nil
	}
	return false, fmt.Errorf("%w: '%s' = '%s': want SPAN_PER_CHECKPOINT or CHILDREN_SPANS_PER_SUBTASK", job.ErrInvalid, keySpanDetail, text)
}

// otel is where a reporter sends.
func (r reporter) otel(at place) (otel.Options, error) {
	k := &keyReader{get: r.get}
	o := otel.Options{
		Endpoint: r.get("exporter.endpoint"), Timeout: k.duration("exporter.timeout"), Interval: k.duration("interval"),
		Service: r.get("service.name"), Version: r.get("service.version"), Instance: at.instance,
	}
	if o.Version == "" {
		o.Version = at.version
	}
	switch protocol := r.get("exporter.protocol"); strings.ToUpper(protocol) {
	case "", "HTTP":
	default:
		return o, fmt.Errorf("%w: reporter %s: exporter.protocol = %s: want HTTP, which collectors take on port 4318", job.ErrInvalid, r.name, protocol)
	}
	if k.err != nil {
		return o, fmt.Errorf("reporter %s: %w", r.name, k.err)
	}
	return o, nil
}

// end sends what is left, if that does not take too long.
func (p place) end(what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		p.log.Warn("not all was sent", slog.String("what", what), slog.Any("error", err))
	}
}
