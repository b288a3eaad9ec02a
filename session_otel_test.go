package wadi_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlpmetrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	otlptraces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// collector takes OTLP over HTTP and keeps what came last.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	metrics map[string]*otlpmetrics.Metric // by the instance of the service and the name
	spans   []*otlptraces.Span
	bad     []string
}

func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{metrics: map[string]*otlpmetrics.Metric{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				c.bad = append(c.bad, err.Error())
				return
			}
			body = unzipped
		}
		data, err := io.ReadAll(body)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil {
			err = c.take(r.URL.Path, data)
		}
		if err != nil {
			c.bad = append(c.bad, err.Error())
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(path string, data []byte) error {
	switch path {
	case "/v1/metrics":
		var q collectmetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(data, &q); err != nil {
			return err
		}
		for _, rm := range q.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					c.metrics[text(rm.Resource.Attributes, "service.instance.id")+" "+m.Name] = m
				}
			}
		}
	case "/v1/traces":
		var q collecttraces.ExportTraceServiceRequest
		if err := proto.Unmarshal(data, &q); err != nil {
			return err
		}
		for _, rs := range q.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	default:
		return fmt.Errorf("a request to %s", path)
	}
	return nil
}

// text is an attribute as text.
func text(all []*common.KeyValue, key string) string {
	for _, a := range all {
		if a.Key == key {
			if s, ok := a.Value.Value.(*common.AnyValue_StringValue); ok {
				return s.StringValue
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

// find is a metric of a process whose instance begins so.
func (c *collector) find(instance, name string) *otlpmetrics.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, m := range c.metrics {
		if strings.HasPrefix(key, instance) && strings.HasSuffix(key, " "+name) {
			return m
		}
	}
	return nil
}

// named are the spans of a name.
func (c *collector) named(name string) (all []*otlptraces.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

func TestOpenTelemetry(t *testing.T) {
	checkpoints := t.TempDir() // it goes behind the processes
	c := collect(t)
	config := map[string]string{
		"metrics.reporters": "otel", "metrics.reporter.otel.exporter.endpoint": c.URL, "metrics.reporter.otel.exporter.protocol": "HTTP",
		"metrics.reporter.otel.interval": "50 ms", "metrics.reporter.otel.service.name": "mine",
	}
	traced := map[string]string{
		"traces.reporters": "t", "traces.reporter.t.factory.class": "org.apache.flink.traces.otel.OpenTelemetryTraceReporterFactory",
		"traces.reporter.t.exporter.endpoint": c.URL + "/v1/traces", "traces.checkpoint.span-detail-level": "CHILDREN_SPANS_PER_SUBTASK",
	}
	for k, v := range config {
		traced[k] = v
	}
	s, end := coordinated(t, traced)
	config["taskmanager.resource-id"], config["taskmanager.numberOfTaskSlots"], config["metrics.latency.interval"] = "w1", "2", "1 s"
	work(t, s.Cluster(), config)
	id := s.submit("SET 'parallelism.default' = '2';" + fmt.Sprintf(counting, checkpoints))
	await.That(s.t, "metrics of the worker", func() bool {
		m := c.find("w1", "flink.taskmanager.job.task.operator.numRecordsSend")
		return m != nil && len(m.GetSum().GetDataPoints()) == 2 && m.GetSum().DataPoints[0].GetAsDouble() > 0
	})
	m := c.find("w1", "flink.taskmanager.job.task.numRecordsInPerSecond").GetGauge().GetDataPoints()
	if len(m) == 0 || text(m[0].Attributes, "job_id") != id || text(m[0].Attributes, "tm_id") != "w1" || text(m[0].Attributes, "task_name") == "" {
		t.Errorf("%v", m)
	}
	await.That(s.t, "metrics of the job", func() bool {
		m := c.find("coordinator-", "flink.jobmanager.job.numberOfCompletedCheckpoints")
		return m != nil && m.GetGauge().GetDataPoints()[0].GetAsDouble() > 0
	})
	await.That(t, "latencies", func() bool {
		m := c.find("w1", "flink.taskmanager.job.latency.operator.id.operator.subtask.index.latency")
		return m != nil && len(m.GetSummary().GetDataPoints()[0].GetQuantileValues()) == 6
	})
	end() // it sends what is left
	started, done := c.named("JobInitialization"), c.named("Checkpoint")
	if len(started) != 1 || text(started[0].Attributes, "job_name") != "counting" {
		t.Errorf("starts: %v", started)
	}
	if len(done) == 0 || text(done[0].Attributes, "checkpointStatus") != "COMPLETED" || text(done[0].Attributes, "checkpointId") == "" ||
		text(done[0].Attributes, "job_id") != id || done[0].EndTimeUnixNano < done[0].StartTimeUnixNano {
		t.Fatalf("checkpoints: %v", done)
	}
	parts := c.named("Checkpoint_Subtask")
	if len(parts) < len(done) || string(parts[0].TraceId) != string(done[0].TraceId) || string(parts[0].ParentSpanId) != string(done[0].SpanId) {
		t.Errorf("%d parts of %d checkpoints: %v", len(parts), len(done), parts[:min(1, len(parts))])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bad) > 0 {
		t.Error(c.bad)
	}
}

func TestRecoveryIsTraced(t *testing.T) {
	checkpoints := t.TempDir() // it goes behind the processes
	c := collect(t)
	s, end := coordinated(t, map[string]string{
		"traces.reporters": "otel", "traces.reporter.otel.exporter.endpoint": c.URL,
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "10 ms", "restart-strategy.fixed-delay.attempts": "9",
	})
	kill := work(t, s.Cluster(), map[string]string{"taskmanager.resource-id": "w1"})
	id := s.submit(fmt.Sprintf(counting, checkpoints))
	restarts := func() string {
		var m []rest.Metric
		s.get("/jobs/"+id+"/metrics?get=numRestarts,numberOfCompletedCheckpoints", &m)
		return m[0].Value
	}
	await.That(s.t, "a checkpoint", func() bool {
		return s.details(id).State == "RUNNING" && len(s.series()["wadi_job_failures_total"]) == 1
	})
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	work(t, s.Cluster(), map[string]string{"taskmanager.resource-id": "w2"})
	await.That(s.t, "the recovery", func() bool { return restarts() != "0" && s.details(id).State == "RUNNING" })
	end() // it sends what is left
	all := c.named("JobInitialization")
	if len(all) < 2 {
		t.Fatalf("%d starts", len(all))
	}
	again := all[len(all)-1]
	if text(again.Attributes, "attempt") == "0" || !strings.Contains(text(again.Attributes, "cause"), "worker w1 is lost") {
		t.Errorf("%v", again)
	}
}

func TestOpenTelemetryIsChecked(t *testing.T) {
	for _, more := range []map[string]string{
		{"metrics.reporters": "otel"},
		{"metrics.reporters": "otel", "metrics.reporter.otel.exporter.endpoint": "localhost:4317"},
		{"metrics.reporters": "otel", "metrics.reporter.otel.exporter.endpoint": "http://localhost:4317", "metrics.reporter.otel.exporter.protocol": "gRPC"},
		{"traces.reporters": "otel", "traces.reporter.otel.exporter.endpoint": "http://localhost:4318", "traces.reporter.otel.exporter.timeout": "soon"},
	} {
		more["rest.port"] = "0"
		s, err := wadi.NewSession(wadi.Options{Config: more})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), wadi.ServeOptions{}); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%v: %v", more, err)
		}
		s.Close()
	}
}
