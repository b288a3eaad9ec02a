package wadi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/internal/await"
)

// dashboard is as much of a dashboard of Grafana as is looked at.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Type  string
			Query any
		}
	}
}

// queried finds the names of metrics in a query.
var queried = regexp.MustCompile(`\b(?:flink|wadi|go|process)_\w+`)

// TestDashboard: every metric that deploy/grafana/wadi.json asks for is served
// while jobs run, or is one of Kafka's, which these jobs do not read.
func TestDashboard(t *testing.T) {
	data, err := os.ReadFile("deploy/grafana/wadi.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := serve(t, nil)
	s.submit(fmt.Sprintf(`
SET 'execution.checkpointing.dir' = '%s/checkpoints';
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE g (a INT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE f (a INT) WITH ('connector' = 'filesystem', 'path' = '%[1]s/out', 'format' = 'parquet');
CREATE TABLE b (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO f SELECT a FROM g;
INSERT INTO b SELECT COUNT(*) FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end;`, dir))
	const commits, lag = "wadi_sink_commits_total", "flink_taskmanager_job_task_operator_watermarkLag"
	var served map[string][]string
	await.That(t, "a commit", func() bool {
		served = s.series()
		return len(served[commits]) > 0 && len(served[lag]) > 0
	})
	for _, def := range metrics.Definitions() {
		if def.Name == "pendingRecords" {
			served[def.FullName()] = []string{"of Kafka"}
		}
	}
	asked := 0
	check := func(where, query string) {
		for _, name := range queried.FindAllString(query, -1) {
			asked++
			if len(served[name]) == 0 {
				t.Errorf("%s asks for %s, which nobody serves", where, name)
			}
		}
	}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			check(p.Title, q.Expr)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies over %q, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for _, v := range d.Templating.List {
		check("a variable", fmt.Sprint(v.Query))
	}
	if asked < 40 {
		t.Errorf("%d names in the queries", asked)
	}
}
