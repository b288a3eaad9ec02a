package bench

import (
	"fmt"
	"io"
	"time"

	"github.com/wadi-engine/wadi/job/cost"
)

// studied is a job of the study, with the speeds of both engines on a core as
// bench/RESULTS.md has them.
type studied struct {
	name    string
	stages  []cost.Stage
	speed   float64
	flink   float64
	stateOf func(rowsPerSecond float64) int64
}

// studies are q5, whose events are made in place, and reading Kafka into Iceberg.
var studies = []studied{
	{
		name: "Nexmark q5", speed: 14.8e6, flink: 0.44e6,
		stages: []cost.Stage{
			{Name: "source", Tasks: 1, Source: true, Sends: true}, {Name: "counts", Tasks: 1, Stateful: true, Sends: true}, {Name: "join", Tasks: 1, Stateful: true, Sink: "blackhole"},
		},
		stateOf: func(rate float64) int64 { return int64(rate * 10 * 6) },
	},
	{
		name: "Kafka → Iceberg", speed: 0.89e6, flink: 0.31e6,
		stages:  []cost.Stage{{Name: "copy", Tasks: 1, Source: true, Sink: "iceberg"}},
		stateOf: func(float64) int64 { return 0 },
	},
}

var (
	studyRates = []struct {
		name string
		rate float64
	}{{"1 row/min", 1.0 / 60}, {"1 k/s", 1e3}, {"1 M/s", 1e6}}
	studyFreshness = []time.Duration{time.Second, time.Minute, 10 * time.Minute}
)

// CostStudy writes, as Markdown, what the studied jobs cost in a month at each rate
// and freshness, in each gear and on the smallest Flink cluster that keeps up. It
// is computed: speeds were measured, and requests of epochs.
func CostStudy(out io.Writer) error {
	prices, err := cost.Table("aws-arm64")
	if err != nil {
		return err
	}
	for _, s := range studies {
		if _, err := fmt.Fprintf(out, "| %s | fresh to | pipelined | staged | functions | of that most is | Flink | cores: Wadi, Flink |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n", s.name); err != nil {
			return err
		}
		for _, r := range studyRates {
			for _, fresh := range studyFreshness {
				if _, err := fmt.Fprintln(out, s.line(r.name, cost.Load{RowsPerSecond: r.rate, Freshness: fresh}, prices)); err != nil {
					return err
				}
			}
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

func (s studied) line(rate string, l cost.Load, prices cost.Prices) string {
	plan := cost.Plan{
		Stages: s.stages, Wide: s.stages, RowsPerCoreSecond: s.speed, StateBytes: s.stateOf(l.RowsPerSecond), RequestTime: cost.TypicalRequestTime,
	}
	if len(s.stages) > 1 { // with one task all of it is one
		plan.Stages = []cost.Stage{{Name: "all", Tasks: 1, Source: true, Stateful: true, Sink: s.stages[len(s.stages)-1].Sink}}
	}
	p := cost.Predict(plan, l, prices)
	flink, cores := s.onFlink(plan, l, prices)
	shown := func(f cost.Forecast) string {
		text := cost.USD(f.PerMonth())
		if !f.Holds {
			text += " (not as fresh)"
		}
		return text
	}
	most := p.Functions.Bill.Most()
	return fmt.Sprintf("| %s | %v | %s | %s | %s | %s, %.0f %% | %s | %d, %d |", rate, l.Freshness, shown(p.Pipelined), shown(p.Staged), shown(p.Functions),
		most.What, 100*most.USD/p.Functions.PerHour(), cost.USD(flink), p.Pipelined.Cores, cores)
}

// onFlink is what a month costs on the smallest cluster that keeps up: task managers
// with a core and 2 GB each, and a job manager of the same size. Checkpoints come
// as often, and ask storage for as much.
func (s studied) onFlink(plan cost.Plan, l cost.Load, prices cost.Prices) (perMonth float64, cores int) {
	cores, u := cost.Machines(l, s.flink, false)
	u.CoreSeconds += time.Hour.Seconds()
	u.CoordinatorSeconds = 0
	each, epochs := plan.PipelinedEpoch(cores), cost.Predict(plan, l, prices).Pipelined.Usage.Epochs
	u.Puts, u.Gets = epochs*each.Puts, epochs*each.Gets
	return cost.Forecast{Bill: prices.Of(u)}.PerMonth(), cores + 1
}
