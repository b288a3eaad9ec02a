package otel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// Tracer sends spans, some at a time. When nobody takes them for too long, it
// drops some.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Traces returns a Tracer.
func Traces(ctx context.Context, o Options) (*Tracer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.at("/v1/traces")), otlptracehttp.WithTimeout(o.Timeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(o.resource()))
	return &Tracer{p, p.Tracer(scopeName)}, nil
}

// Send takes a span; it does not wait.
func (t *Tracer) Send(s metrics.Span) { t.send(context.Background(), s) }

func (t *Tracer) send(ctx context.Context, s metrics.Span) {
	attributes := make([]attribute.KeyValue, 0, len(s.Attributes))
	for _, a := range s.Attributes {
		if n, ok := a.Value.(int64); ok {
			attributes = append(attributes, attribute.Int64(a.Name, n))
			continue
		}
		attributes = append(attributes, attribute.String(a.Name, fmt.Sprint(a.Value)))
	}
	ctx, span := t.tracer.Start(ctx, s.Name, trace.WithTimestamp(s.Start), trace.WithAttributes(attributes...))
	if s.Failure != "" {
		span.SetStatus(codes.Error, s.Failure)
	}
	for _, c := range s.Children {
		t.send(ctx, c)
	}
	span.End(trace.WithTimestamp(s.End))
}

// Close sends what is left.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }
