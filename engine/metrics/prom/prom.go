// Package prom serves metrics to Prometheus, with the names and labels of Flink's
// reporter: counters and meters are gauges there, so that dashboards go on working.
// Names that begin with wadi_ follow Prometheus' own rules.
package prom

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wadi-engine/wadi/engine/metrics"
)

// Registry has the metrics of groups, which are made at each look, and those of
// Go and of the process.
func Registry(gather func() []metrics.Group) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collector(gather), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Handler is /metrics.
func Handler(gather func() []metrics.Group) http.Handler {
	return promhttp.HandlerFor(Registry(gather), promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// collector makes metrics of groups.
type collector func() []metrics.Group

// Describe says nothing: which metrics there are depends on what runs.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, g := range c() {
		names, values := make([]string, len(g.Labels)), make([]string, len(g.Labels))
		for i, l := range g.Labels {
			names[i], values[i] = l.Name, l.Value
		}
		for _, m := range g.Metrics {
			d := metrics.Define(g.Scope, m.Name)
			if d.Kind == metrics.Text {
				continue
			}
			kind := prometheus.GaugeValue
			if g.Scope == metrics.Own && d.Kind == metrics.Counter {
				kind = prometheus.CounterValue
			}
			desc := prometheus.NewDesc(d.FullName(), d.Help, names, nil)
			made, err := constant(desc, kind, m, values)
			if err != nil {
				made = prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			}
			out <- made
		}
	}
}

func constant(desc *prometheus.Desc, kind prometheus.ValueType, m metrics.Metric, labels []string) (prometheus.Metric, error) {
	if m.Summary == nil {
		return prometheus.NewConstMetric(desc, kind, m.Value, labels...)
	}
	quantiles := make(map[float64]float64)
	for _, q := range metrics.Quantiles(*m.Summary) {
		quantiles[q.Part] = float64(q.Value)
	}
	return prometheus.NewConstSummary(desc, uint64(m.Summary.Count), float64(m.Summary.Sum), quantiles, labels...)
}
