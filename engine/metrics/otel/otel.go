// Package otel sends metrics and traces by OTLP over HTTP, with the names of
// Flink's OpenTelemetry reporters:
//
//	flink_taskmanager_job_task_numRecordsIn (Prometheus)  =  flink.taskmanager.job.task.numRecordsIn
package otel

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
)

// Options say where to and as whom.
type Options struct {
	// Endpoint is a URL: that of a collector, or one with the whole path.
	Endpoint string
	// Timeout is that of one request, Interval the time between two; 0 means 10 s
	// each.
	Timeout, Interval time.Duration
	// Service and Version are service.name and service.version, Instance is
	// service.instance.id.
	Service, Version, Instance string
}

const (
	scopeName = "github.com/wadi-engine/wadi"
	tenth     = 10 * time.Second
)

func (o Options) withDefaults() (Options, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return o, fmt.Errorf("%w: exporter.endpoint %q: want a URL, such as http://localhost:4318", job.ErrInvalid, o.Endpoint)
	}
	if o.Timeout == 0 {
		o.Timeout = tenth
	}
	if o.Interval == 0 {
		o.Interval = tenth
	}
	if o.Service == "" {
		o.Service = "wadi"
	}
	return o, nil
}

// at is the endpoint for a signal: its path is appended unless there is one.
func (o Options) at(path string) string {
	u, _ := url.Parse(o.Endpoint) // it was looked at before
	if strings.Trim(u.Path, "/") == "" {
		u.Path = path
	}
	return u.String()
}

func (o Options) resource() *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", o.Service), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance))
}

// Metrics sends what gather gives, again and again, until stop is called, which
// sends it once more. The clock is for when each sum has begun.
func Metrics(ctx context.Context, o Options, now func() time.Time, gather func() []metrics.Group) (stop func(context.Context) error, err error) {
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(o.at("/v1/metrics")), otlpmetrichttp.WithTimeout(o.Timeout))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	p := producer{gather, now, now()}
	reader := metric.NewPeriodicReader(exporter, metric.WithInterval(o.Interval), metric.WithTimeout(o.Timeout), metric.WithProducer(p))
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(o.resource()))
	return provider.Shutdown, nil
}

// producer makes OTLP's metrics of groups.
type producer struct {
	gather func() []metrics.Group
	now    func() time.Time
	since  time.Time
}

// Produce implements metric.Producer.
func (p producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	at := p.now()
	values := make(map[string][]metricdata.DataPoint[float64])
	summaries := make(map[string][]metricdata.SummaryDataPoint)
	defined := make(map[string]metrics.Definition)
	var names []string
	for _, g := range p.gather() {
		labels := make([]attribute.KeyValue, len(g.Labels))
		for i, l := range g.Labels {
			labels[i] = attribute.String(l.Name, l.Value)
		}
		set := attribute.NewSet(labels...)
		for _, m := range g.Metrics {
			d := metrics.Define(g.Scope, m.Name)
			if d.Kind == metrics.Text {
				continue
			}
			name := Name(d)
			if _, known := defined[name]; !known {
				names, defined[name] = append(names, name), d
			}
			if m.Summary != nil {
				summaries[name] = append(summaries[name], p.summary(m, set, at))
				continue
			}
			values[name] = append(values[name], metricdata.DataPoint[float64]{Attributes: set, StartTime: p.since, Time: at, Value: m.Value})
		}
	}
	all := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scopeName}}
	for _, name := range names {
		d := defined[name]
		m := metricdata.Metrics{Name: name, Description: d.Help, Data: metricdata.Gauge[float64]{DataPoints: values[name]}}
		switch d.Kind {
		case metrics.Summary:
			m.Data = metricdata.Summary{DataPoints: summaries[name]}
		case metrics.Counter:
			m.Data = metricdata.Sum[float64]{DataPoints: values[name], Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		case metrics.Gauge, metrics.Meter, metrics.Flag, metrics.Text:
		}
		all.Metrics = append(all.Metrics, m)
	}
	return []metricdata.ScopeMetrics{all}, nil
}

// summary is a distribution.
func (p producer) summary(m metrics.Metric, labels attribute.Set, at time.Time) metricdata.SummaryDataPoint {
	s := metricdata.SummaryDataPoint{Attributes: labels, StartTime: p.since, Time: at, Count: uint64(m.Summary.Count), Sum: float64(m.Summary.Sum)}
	for _, q := range metrics.Quantiles(*m.Summary) {
		s.QuantileValues = append(s.QuantileValues, metricdata.QuantileValue{Quantile: q.Part, Value: float64(q.Value)})
	}
	return s
}

// Name is the name of a metric in OTLP.
func Name(d metrics.Definition) string {
	scope := strings.ReplaceAll(d.Scope.String(), "_", ".")
	return scope + "." + strings.TrimSuffix(d.Name, "_total")
}
