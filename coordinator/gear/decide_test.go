package gear_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/gear"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// dear costs 5 pipelined, and 1 as functions, in which rows are late.
type dear struct{}

func (dear) At(g job.Gear, _ float64) gear.Forecast {
	if g == job.Pipelined {
		return gear.Forecast{PerHour: 5, Holds: true}
	}
	return gear.Forecast{PerHour: 1, Why: "an epoch takes 3s"}
}

// TestCeiling: what an hour may cost comes before freshness, and the job says so.
func TestCeiling(t *testing.T) {
	for _, c := range []struct {
		at      job.Gear
		ceiling float64
		to      job.Gear
		reason  string
	}{
		{job.Pipelined, 2, job.Functions, "costs $5 in the pipelined gear, more than $2, and $1 in the functions gear"},
		{job.Functions, 2, job.Functions, "an hour costs $5 in the pipelined gear, more than $2"},
		{job.Functions, 0, job.Pipelined, "(an epoch takes 3s), and fresh in the pipelined gear for $5 an hour"},
		{job.Pipelined, 9, job.Pipelined, ""},
	} {
		p := gear.Policy{Gears: []job.Gear{job.Pipelined, job.Functions}, Costs: dear{}, Freshness: time.Second, MaxPerHour: c.ceiling, MinTime: time.Minute}
		o := gear.Observation{Gear: c.at, Pending: -1}
		var past gear.Past
		var d gear.Decision
		for s := range 100 {
			o.At, o.Read, o.Epoch = time.UnixMilli(0).Add(time.Duration(s)*time.Second), int64(s), uint64(s)
			if d, past = gear.Decide(o, p, past); d.Gear != c.at {
				break
			}
		}
		if d.Gear != c.to || !strings.Contains(d.Reason, c.reason) || (d.Reason == "") != (c.reason == "") {
			t.Errorf("%s with a ceiling of %v: %+v, want %s, %s", c.at, c.ceiling, d, c.to, c.reason)
		}
	}
}

// TestPredicted: what is predicted of a job is what it is told by.
func TestPredicted(t *testing.T) {
	prices, err := cost.Table("aws-arm64")
	if err != nil {
		t.Fatal(err)
	}
	g := &job.Graph{KeyGroups: 1, Vertices: []job.Vertex{{Kind: job.KindSource, Parallelism: 1}}}
	c := gear.Predicted{Plan: cost.PlanOf(g, 1e6), Prices: prices, Freshness: 10 * time.Minute}
	want := cost.Predict(c.Plan, cost.Load{RowsPerSecond: 3, Freshness: c.Freshness}, prices)
	for g, f := range map[job.Gear]cost.Forecast{job.Pipelined: want.Pipelined, job.Staged: want.Staged, job.Functions: want.Functions} {
		if got := c.At(g, 3); got.PerHour != f.PerHour() || got.PerHour <= 0 || got.Holds != f.Holds || got.Why != f.Why {
			t.Errorf("%s: %+v", g, got)
		}
	}
}
