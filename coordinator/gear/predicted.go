package gear

import (
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// Predicted are the costs that package cost predicts.
type Predicted struct {
	Plan      cost.Plan
	Prices    cost.Prices
	Freshness time.Duration
}

var _ Costs = Predicted{}

// At implements Costs.
func (c Predicted) At(g job.Gear, rowsPerSecond float64) Forecast {
	p := cost.Predict(c.Plan, cost.Load{RowsPerSecond: rowsPerSecond, Freshness: c.Freshness}, c.Prices)
	f := p.Pipelined
	switch g {
	case job.Pipelined:
	case job.Staged:
		f = p.Staged
	case job.Functions:
		f = p.Functions
	}
	return Forecast{PerHour: f.PerHour(), Holds: f.Holds, Why: f.Why}
}
