// Package metrics gives what jobs, tasks, workers and coordinators count Flink's
// names, labels and values. It is the one place that does: the REST API, what
// Prometheus reads, and what is sent by OTLP are made of its groups.
//
//	task.Stats ─► rpc.Count ─► Rates.Task, Rates.Operator ─┐
//	coordinator.Life ────────► coordinator/rest ───────────┼─► Group ─► REST, /metrics, OTLP
//	the process ─► rpc.Process ─► OfProcess ───────────────┘
//
// Nothing is computed until somebody looks, and nothing per row.
package metrics

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Scope is what a metric is of. All but Own are Flink's.
type Scope uint8

// The scopes.
const (
	JobManager Scope = iota
	JobManagerJob
	TaskManager
	Task
	Operator
	// Latency is of an operator, too, but Flink names it otherwise.
	Latency
	// Own is of metrics that Flink does not have, whose names begin with wadi_.
	Own
)

// String is the scope in names at Prometheus.
func (s Scope) String() string {
	return [...]string{
		"flink_jobmanager", "flink_jobmanager_job", "flink_taskmanager", "flink_taskmanager_job_task", "flink_taskmanager_job_task_operator",
		"flink_taskmanager_job_latency_operator_id_operator_subtask_index", "wadi",
	}[s]
}

// Kind is how the values of a metric relate.
type Kind uint8

// The kinds of metrics.
const (
	Counter Kind = iota // it only grows, while a task runs
	Gauge               // it is what it is
	Meter               // so many a second
	Flag                // 0 or 1
	Text                // words, which only the REST API shows
	Summary             // a distribution
)

func (k Kind) String() string {
	return [...]string{"counter", "gauge", "meter", "flag", "text", "summary"}[k]
}

// Metric is one value by Flink's name.
type Metric struct {
	Name  string
	Value float64
	// Text is the value when it is no number.
	Text string
	// Summary is the value of a distribution, or nil.
	Summary *rpc.Latency
}

// String is the value as the REST API shows it.
func (m Metric) String() string {
	if m.Text != "" {
		return m.Text
	}
	return strconv.FormatFloat(m.Value, 'f', -1, 64)
}

// Group is the metrics of one thing of a scope, such as one task.
type Group struct {
	Scope   Scope
	Labels  []Label
	Metrics []Metric
}

// Label tells things of a scope apart.
type Label struct{ Name, Value string }

// FullName is the name of a metric at Prometheus: what is no letter and no digit
// becomes an underscore, as Flink's reporter does it.
func FullName(s Scope, name string) string {
	return s.String() + "_" + strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
			return c
		}
		return '_'
	}, name)
}

// ID is the id that stands for a UID in labels and in paths of the REST API: it
// stays the same as long as that does.
func ID(uid string) string { return fmt.Sprintf("%x", xxh3.HashString128(uid).Bytes()) }

// Quantiles are the parts of a distribution that are told, with their names in
// the REST API.
func Quantiles(l rpc.Latency) []Quantile {
	return []Quantile{{0.5, "median", l.P50}, {0.75, "p75", l.P75}, {0.95, "p95", l.P95}, {0.98, "p98", l.P98}, {0.99, "p99", l.P99}, {0.999, "p999", l.P999}}
}

// Quantile is the value below which a part of a distribution lies.
type Quantile struct {
	Part  float64
	Name  string
	Value int64
}

// number is a metric with a whole number.
func number(name string, n int64) Metric { return Metric{Name: name, Value: float64(n)} }

func flag(name string, is bool) Metric {
	m := Metric{Name: name, Text: strconv.FormatBool(is)}
	if is {
		m.Value = 1
	}
	return m
}

// OfJob are the labels of what is of a job.
func OfJob(host string, id job.ID, name string) []Label {
	return []Label{{"host", host}, {"job_id", string(id)}, {"job_name", name}}
}
