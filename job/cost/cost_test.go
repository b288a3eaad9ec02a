package cost_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

func prices(t *testing.T, name string) cost.Prices {
	t.Helper()
	p, err := cost.Table(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// grouped is a job of two stages: a source, and a GROUP BY with its sink.
func grouped(parallelism int) *job.Graph {
	by := job.ByKey
	if parallelism == 1 {
		by = job.Forward
	}
	return &job.Graph{KeyGroups: 128, Vertices: []job.Vertex{
		{ID: 0, Name: "Source", Kind: job.KindSource, Parallelism: parallelism},
		{ID: 1, Name: "Calc", Kind: "calc", Parallelism: parallelism},
		{ID: 2, Name: "Group", Kind: "group", Parallelism: parallelism},
		{ID: 3, Name: "Sink", Kind: job.KindSink, Parallelism: parallelism, Config: []byte(`{"table":{"connector":"iceberg"}}`)},
	}, Edges: []job.Edge{
		{From: 0, To: 1}, {From: 1, To: 2, Partitioning: by, Wide: job.ByKey, Keys: []int{0}}, {From: 2, To: 3},
	}}
}

func TestPlanOf(t *testing.T) {
	p := cost.PlanOf(grouped(3), 1e6)
	want := []cost.Stage{
		{Name: "Source -> Calc", Tasks: 3, Source: true, Sends: true},
		{Name: "Group -> Sink", Tasks: 3, Stateful: true, Sink: "iceberg"},
	}
	if !slices.Equal(p.Stages, want) || !slices.Equal(p.Wide, want) || p.Tasks() != 6 {
		t.Errorf("%+v", p)
	}
	one := cost.PlanOf(grouped(1), 1e6)
	if len(one.Stages) != 1 || one.Stages[0].Tasks != 1 || !one.Stages[0].Stateful || len(one.Wide) != 2 {
		t.Errorf("with one task: %+v", one)
	}
}

// TestBill: each item is what its price says.
func TestBill(t *testing.T) {
	p := cost.Prices{MillionInvocations: 1, GBSecond: 2, MillionPuts: 3, MillionGets: 4, GBWritten: 5, GBRead: 6, GBMonth: 730, CoreHour: 7, CoordinatorHour: 8}
	u := cost.Usage{
		Rows: 2e6, Invocations: 1e6, GBSeconds: 1, Puts: 1e6, Gets: 1e6, Written: 1e9, Read: 1e9, CoreSeconds: 3600, CoordinatorSeconds: 3600, StoredGBHours: 9,
	}
	b := p.Of(u)
	if b.USD() != 1+2+3+4+5+6+7+8+9 || b.Most().What != cost.ItemBytes {
		t.Errorf("%v %+v", b.USD(), b)
	}
	if usd, ok := p.PerMillionRows(u); !ok || usd != b.USD()/2 {
		t.Error(usd, ok)
	}
	if back := u.Plus(u).Minus(u); back != u {
		t.Errorf("%+v", back)
	}
	if got := cost.Invoked(1500*time.Microsecond, 512<<20); got.Invocations != 1 || got.GBSeconds != 0.001 {
		t.Errorf("%+v", got)
	}
}

// TestGears: functions cost least when little comes and may be late, workers
// when much comes.
func TestGears(t *testing.T) {
	for _, table := range cost.Tables() {
		plan := cost.PlanOf(grouped(1), 5e6)
		quiet := cost.Predict(plan, cost.Load{RowsPerSecond: 1.0 / 60, Freshness: 10 * time.Minute}, prices(t, table))
		if quiet.Functions.PerHour() > quiet.Pipelined.PerHour()/8 || !quiet.Functions.Holds || quiet.Functions.Usage.CoordinatorSeconds != 0 {
			t.Errorf("%s: quiet: %+v", table, quiet)
		}
		busy := cost.Predict(plan, cost.Load{RowsPerSecond: 5e6, Freshness: time.Second}, prices(t, table))
		if busy.Functions.PerHour() < 2*busy.Pipelined.PerHour() || !busy.Pipelined.Holds || busy.Pipelined.Cores != 2 {
			t.Errorf("%s: busy: %+v", table, busy)
		}
		if fresh := cost.Predict(plan, cost.Load{RowsPerSecond: 1, Freshness: 100 * time.Millisecond}, prices(t, table)); fresh.Functions.Holds || fresh.Functions.Why == "" {
			t.Errorf("%s: waves in 100 ms: %+v", table, fresh.Functions)
		}
	}
}

// TestWhoCoordinates: a process that coordinates is paid where there is one, and a
// source whose end nobody knows keeps its reader busy.
func TestWhoCoordinates(t *testing.T) {
	plan, l := cost.PlanOf(grouped(1), 5e6), cost.Load{RowsPerSecond: 1, Freshness: 10 * time.Minute}
	alone := cost.Predict(plan, l, prices(t, "aws-arm64")).Functions
	plan.Coordinated = true
	led := cost.Predict(plan, l, prices(t, "aws-arm64")).Functions
	plan.Endless = true
	busy := cost.Predict(plan, l, prices(t, "aws-arm64")).Functions
	if alone.Usage.CoordinatorSeconds != 0 || led.Usage.CoordinatorSeconds != 3600 || led.Usage.Invocations >= alone.Usage.Invocations {
		t.Errorf("%+v, %+v", alone.Usage, led.Usage)
	}
	if s := busy.Usage.GBSeconds / (float64(cost.DefaultFunctionMemory) / (1 << 30)); s < 3500 || s > 3700 {
		t.Errorf("a reader that waits: %v seconds of an hour", s)
	}
}

// TestMore: more rows never cost less, nor does fresher, and no forecast is
// without an amount.
func TestMore(t *testing.T) {
	plan := cost.PlanOf(grouped(2), 1e6)
	plan.StateBytes = 100e6
	of := func(rate float64, fresh time.Duration) [3]cost.Forecast {
		p := cost.Predict(plan, cost.Load{RowsPerSecond: rate, Freshness: fresh}, prices(t, "aws-arm64"))
		return [3]cost.Forecast{p.Pipelined, p.Staged, p.Functions}
	}
	for _, fresh := range []time.Duration{0, time.Second, time.Minute, 10 * time.Minute, 24 * time.Hour} {
		var last [3]float64
		for rate := 0.0; rate < 1e8; rate = 3*rate + 0.01 {
			for gear, f := range of(rate, fresh) {
				usd := f.PerHour()
				if !f.Holds { // as far as it gets
					usd = max(usd, last[gear])
				}
				if math.IsNaN(usd) || math.IsInf(usd, 0) || usd <= 0 || usd < 0.98*last[gear] {
					t.Errorf("%v rows per second, %v: gear %d: %v behind %v", rate, fresh, gear, usd, last[gear])
				}
				last[gear] = usd
			}
		}
	}
}

func TestNoTable(t *testing.T) {
	if _, err := cost.Table("moon"); err == nil {
		t.Error("no error")
	}
}
