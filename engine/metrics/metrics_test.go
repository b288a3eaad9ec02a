package metrics_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

func TestRates(t *testing.T) {
	var r metrics.Rates
	start := time.UnixMilli(0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	for _, c := range []struct {
		at            float64
		in            int64
		idle, blocked int64 // milliseconds
		want          metrics.Rate
	}{
		{10, 100, 5_000, 0, metrics.Rate{Busy: 0.5, Idle: 0.5, In: 10}},
		{11, 110, 6_000, 0, metrics.Rate{Busy: 5. / 11, Idle: 6. / 11, In: 10}},
		{20, 300, 6_000, 10_000, metrics.Rate{Idle: 0.1, Blocked: 1, In: 20}},
		{30, 300, 6_000, 20_000, metrics.Rate{Blocked: 1, In: 0}},
	} {
		got := r.Of("j", rpc.Count{In: c.in, IdleMillis: c.idle, BlockedMillis: c.blocked}, start, at(c.at))
		if fmt.Sprintf("%.3f", got) != fmt.Sprintf("%.3f", c.want) {
			t.Errorf("at %v: %.3f, want %.3f", c.at, got, c.want)
		}
	}
	if got := r.Of("j", rpc.Count{}, at(40), at(44)); got.Busy != 1 {
		t.Errorf("a new attempt: %v", got)
	}
}

// chained is a job of one task: a source that a sink is chained to.
func chained() (metrics.Job, metrics.Running) {
	g := &job.Graph{
		Name: "j", Vertices: []job.Vertex{
			{ID: 0, UID: "source-a", Name: "a[1]", Kind: job.KindSource, Parallelism: 1}, {ID: 1, UID: "sink-b", Name: "b[2]", Kind: job.KindSink, Parallelism: 1},
		},
		Edges: []job.Edge{{From: 0, To: 1}},
	}
	pending := int64(7)
	counts := []rpc.Count{
		{Vertex: 0, Out: 30, Watermark: 4_000, Pending: &pending, Letters: 2, IdleMillis: 2_500, Counters: map[string]int64{"numRecordsInErrors": 2}},
		{Vertex: 1, In: 30, Watermark: stream.Start, Sent: rpc.Traffic{}},
	}
	return metrics.Job{ID: "aa", Graph: g, Counts: counts}, metrics.Running{Chain: g.Chains()[0], Attempt: 3, Started: time.UnixMilli(0)}
}

func TestGroups(t *testing.T) {
	var r metrics.Rates
	j, task := chained()
	var text strings.Builder
	for _, g := range r.Groups(j, task, "w", "h", time.UnixMilli(5_000)) {
		labels := make([]string, 0, len(g.Labels))
		for _, l := range g.Labels[4:] {
			labels = append(labels, l.Name+"="+l.Value)
		}
		fmt.Fprintf(&text, "%v %s\n", g.Scope, strings.Join(labels, " "))
		for _, m := range g.Metrics {
			if m.Value != 0 {
				fmt.Fprintf(&text, "  %s %v\n", m.Name, m)
			}
		}
	}
	a, b := metrics.ID("source-a"), metrics.ID("sink-b")
	task0 := "task_id=" + a + " task_name=a[1] -> b[2] subtask_index=0 task_attempt_num=3"
	want := `flink_taskmanager_job_task ` + task0 + `
  busyTimeMsPerSecond 500
  idleTimeMsPerSecond 500
  accumulatedIdleTimeMs 2500
  currentInputWatermark 4000
flink_taskmanager_job_task_operator ` + task0 + ` operator_id=` + a + ` operator_name=a[1]
  numRecordsOut 30
  numRecordsOutPerSecond 6
  currentOutputWatermark 4000
  watermarkLag 1000
  pendingRecords 7
  numRecordsInErrors 2
wadi ` + task0 + ` operator_id=` + a + ` operator_name=a[1]
  dead_letters_total 2
flink_taskmanager_job_task_operator ` + task0 + ` operator_id=` + b + ` operator_name=b[2]
  numRecordsIn 30
  numRecordsInPerSecond 6
  numRecordsSend 30
  numRecordsSendPerSecond 6
`
	if got := text.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestEveryMetricIsDefinedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range metrics.Definitions() {
		if seen[d.FullName()] || !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s: defined twice, or without a sentence", d.FullName())
		}
		seen[d.FullName()] = true
	}
	var r metrics.Rates
	j, task := chained()
	groups := append(r.Groups(j, task, "w", "h", time.UnixMilli(5_000)), metrics.Group{Scope: metrics.TaskManager, Metrics: metrics.OfProcess(metrics.ReadProcess())})
	for _, g := range groups {
		for _, m := range g.Metrics {
			if !seen[metrics.FullName(g.Scope, m.Name)] {
				t.Errorf("%v: %s is not defined", g.Scope, m.Name)
			}
		}
	}
}

func TestProcess(t *testing.T) {
	now := time.UnixMilli(0)
	p := metrics.Process{Total: 5, Now: func() time.Time { return now }}
	first := p.Read()
	if first.HeapUsed <= 0 || first.HeapCommitted < first.HeapUsed || first.Goroutines < 1 || first.CPUMillis <= 0 || first.ManagedTotal != 5 {
		t.Errorf("%+v", first)
	}
	now = now.Add(time.Hour)
	if again := p.Read(); again.Load < 0 || again.Load > 0.01 {
		t.Errorf("load %v", again.Load)
	}
}

// TestCountersAreDefined: what operators and connectors count is explained.
func TestCountersAreDefined(t *testing.T) {
	counter := regexp.MustCompile(`\.Counter\("(\w+)"\)`)
	found := 0
	for _, dir := range []string{"ops", "connect", "lakehouse"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			for _, m := range counter.FindAllSubmatch(data, -1) {
				found++
				if d := metrics.Define(metrics.Operator, string(m[1])); !slices.Contains(metrics.Definitions(), d) {
					t.Errorf("%s counts %s, which engine/metrics/definitions.go does not define", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 10 {
		t.Errorf("%d counters", found)
	}
}
