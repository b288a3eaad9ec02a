package wadi

import (
	"os"
	"runtime"
	"time"

	"github.com/wadi-engine/wadi/engine/metrics"
)

// hostName is the name of the machine in metrics.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// ownMetrics are those of the process that are of no job.
func (o Options) ownMetrics() []metrics.Group {
	groups := []metrics.Group{{
		Scope: metrics.Own, Labels: []metrics.Label{{Name: "version", Value: o.Version}, {Name: "go_version", Value: runtime.Version()}},
		Metrics: []metrics.Metric{{Name: "build_info", Value: 1}},
	}}
	for _, c := range o.meters.Counts() {
		groups = append(groups, metrics.Group{
			Scope: metrics.Own, Labels: []metrics.Label{{Name: "scheme", Value: c.Scheme}, {Name: "operation", Value: c.Operation.String()}},
			Metrics: []metrics.Metric{
				{Name: "objstore_requests_total", Value: float64(c.Requests)},
				{Name: "objstore_errors_total", Value: float64(c.Errors)},
				{Name: "objstore_retries_total", Value: float64(c.Retries)},
				{Name: "objstore_read_bytes_total", Value: float64(c.Read)},
				{Name: "objstore_written_bytes_total", Value: float64(c.Written)},
			},
		})
	}
	return groups
}

// The keys of latencies; both are Flink's.
const (
	keyLatency     = "metrics.latency.interval"
	keyLatencyKept = "metrics.latency.history-size"
)

// latency is how often this process measures for how long rows are on their way,
// and of how many measurements it tells.
func (e *Env) latency() (every time.Duration, kept int) {
	k := &keyReader{get: e.Config}
	return k.duration(keyLatency), k.int(keyLatencyKept) // they were checked when they were set
}
