package rest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/metrics"
)

// Metric is a metric by Flink's name; without its value when only names are
// asked for.
type Metric struct {
	ID    string `json:"id"`
	Value string `json:"value,omitempty"`
}

// AggregatedMetric is a metric over several tasks, jobs or workers.
type AggregatedMetric struct {
	ID   string   `json:"id"`
	Min  *float64 `json:"min,omitempty"`
	Max  *float64 `json:"max,omitempty"`
	Avg  *float64 `json:"avg,omitempty"`
	Sum  *float64 `json:"sum,omitempty"`
	Skew *float64 `json:"skew,omitempty"`
}

// named gives those metrics that a request names, or the names of all.
func named(r *http.Request, all []Metric) []Metric {
	wanted := queryList(r, "get")
	reply := []Metric{}
	for _, m := range all {
		switch {
		case len(wanted) == 0:
			reply = append(reply, Metric{ID: m.ID})
		case slices.Contains(wanted, m.ID):
			reply = append(reply, m)
		}
	}
	return reply
}

// aggregated gives statistics of those metrics that a request names over
// several groups of metrics, or the names of all.
func aggregated(r *http.Request, groups [][]Metric) ([]AggregatedMetric, error) {
	wanted, modes := queryList(r, "get"), queryList(r, "agg")
	for i, m := range modes {
		modes[i] = strings.ToLower(m)
		if !slices.Contains([]string{"min", "max", "avg", "sum", "skew"}, modes[i]) {
			return nil, unresolved("query", "agg", m)
		}
	}
	values := map[string][]float64{}
	var order []string
	for _, g := range groups {
		for _, m := range g {
			if values[m.ID] == nil {
				order = append(order, m.ID)
			}
			v, err := strconv.ParseFloat(m.Value, 64)
			if err != nil {
				v = math.NaN()
			}
			values[m.ID] = append(values[m.ID], v)
		}
	}
	reply := []AggregatedMetric{}
	for _, id := range order {
		switch {
		case len(wanted) == 0:
			reply = append(reply, AggregatedMetric{ID: id})
		case slices.Contains(wanted, id) && !slices.ContainsFunc(values[id], math.IsNaN):
			reply = append(reply, aggregateOf(id, values[id], modes))
		}
	}
	return reply, nil
}

func aggregateOf(id string, v []float64, modes []string) AggregatedMetric {
	want := func(mode string, f float64) *float64 {
		if len(modes) > 0 && !slices.Contains(modes, mode) {
			return nil
		}
		return &f
	}
	sum := 0.0
	for _, f := range v {
		sum += f
	}
	avg := sum / float64(len(v))
	return AggregatedMetric{
		ID: id, Min: want("min", slices.Min(v)), Max: want("max", slices.Max(v)), Sum: want("sum", sum), Avg: want("avg", avg), Skew: want("skew", skew(v, avg)),
	}
}

// skew is how unevenly values lie around their average, in per cent: the mean
// deviation relative to it, and at most 100.
func skew(v []float64, avg float64) float64 {
	if avg == 0 {
		return 0
	}
	deviation := 0.0
	for _, f := range v {
		deviation += math.Abs(f - avg)
	}
	return min(100, deviation/float64(len(v))/avg*100)
}

func (s *Server) jobMetrics(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	all := s.metricsOfJob(j, l)
	of := metrics.Job{ID: l.Job, Graph: l.Graph, Counts: j.Counts()}
	for _, v := range verticesOf(l) {
		for _, t := range v.tasks {
			all = append(all, of.Latencies(v.running(t))...)
		}
	}
	return named(r, shown(all, "")), nil
}

func (s *Server) jobsMetrics(r *http.Request) (any, error) {
	wanted := queryList(r, "jobs")
	var groups [][]Metric
	for _, j := range s.cluster.Jobs() {
		if len(wanted) == 0 || slices.Contains(wanted, string(j.ID())) {
			groups = append(groups, shown(s.metricsOfJob(j, j.Life()), ""))
		}
	}
	return aggregated(r, groups)
}

// shown are metrics as the API shows them, each name behind a prefix.
func shown(all []metrics.Metric, prefix string) []Metric {
	reply := make([]Metric, len(all))
	for i, m := range all {
		reply[i] = Metric{prefix + m.Name, m.String()}
	}
	return reply
}

// metricsOfTask are those of a task, and those of each vertex of its chain
// behind the vertex' name.
func (s *Server) metricsOfTask(l coordinator.Life, counts []Count, v vertex, t coordinator.TaskLife) []Metric {
	j, task, now := metrics.Job{ID: l.Job, Graph: l.Graph, Counts: counts}, v.running(t), s.o.Clock.Now()
	all := shown(s.rates.Task(j, task, now), "")
	for _, id := range v.chain.Vertices {
		scope := strings.NewReplacer(" ", "_", ".", "_", ",", "_").Replace(l.Graph.Vertices[id].Label()) + "."
		all = append(all, shown(s.rates.Operator(j, task, id, now), scope)...)
	}
	return all
}

// vertexMetrics are those of all tasks, each name behind the task's number.
func (s *Server) vertexMetrics(r *http.Request) (any, error) {
	j, l, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	var all []Metric
	counts := j.Counts()
	for _, t := range v.tasks {
		for _, m := range s.metricsOfTask(l, counts, v, t) {
			all = append(all, Metric{strconv.Itoa(t.Task.Index) + "." + m.ID, m.Value})
		}
	}
	return named(r, all), nil
}

func (s *Server) subtaskMetrics(r *http.Request) (any, error) {
	j, l, v, t, err := s.taskIn(r)
	if err != nil {
		return nil, err
	}
	return named(r, s.metricsOfTask(l, j.Counts(), v, t)), nil
}

func (s *Server) subtasksMetrics(r *http.Request) (any, error) {
	j, l, v, err := s.vertexIn(r)
	if err != nil {
		return nil, err
	}
	wanted, err := queryRanges(r, "subtasks")
	if err != nil {
		return nil, err
	}
	var groups [][]Metric
	counts := j.Counts()
	for _, t := range v.tasks {
		if wanted(t.Task.Index) {
			groups = append(groups, s.metricsOfTask(l, counts, v, t))
		}
	}
	return aggregated(r, groups)
}

// queryRanges reads ranges such as 1,3,5-9; without any, all are wanted.
func queryRanges(r *http.Request, name string) (wanted func(int) bool, err error) {
	list := queryList(r, name)
	if len(list) == 0 {
		return func(int) bool { return true }, nil
	}
	type span struct{ first, last int }
	spans := make([]span, len(list))
	for i, text := range list {
		from, to, ok := strings.Cut(text, "-")
		if !ok {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || first < 0 || last < first {
			return nil, unresolved("query", name, text)
		}
		spans[i] = span{first, last}
	}
	return func(n int) bool {
		return slices.ContainsFunc(spans, func(s span) bool { return s.first <= n && n <= s.last })
	}, nil
}

// coordinatorMetrics are those of a vertex' part in the coordinator: there are none.
func (s *Server) coordinatorMetrics(r *http.Request) (any, error) {
	_, _, _, err := s.vertexIn(r)
	return []Metric{}, err
}

// Flamegraph is the reply of /jobs/:jobid/vertices/:vertexid/flamegraph. Tasks
// are not sampled one by one.
type Flamegraph struct {
	EndMillis int64 `json:"endTimestamp"`
}

// flamegraphOff is the time that says so.
const flamegraphOff = -2

func (s *Server) flamegraph(r *http.Request) (any, error) {
	_, _, _, err := s.vertexIn(r)
	return Flamegraph{EndMillis: flamegraphOff}, err
}
