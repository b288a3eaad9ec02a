package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// Cost is the reply of /api/jobs/:jobid/cost: what the job has used since this
// coordinator runs it, and what that costs by a list of prices, in US dollars.
type Cost struct {
	ID     job.ID      `json:"jid"`
	Prices cost.Prices `json:"prices"`
	Usage  cost.Usage  `json:"usage"`
	USD    float64     `json:"usd"`
	Items  []cost.Item `json:"items"`
	// PerMillionRows is missing until rows were read.
	PerMillionRows float64 `json:"usdPerMillionRows,omitempty"`
	// Epochs are the newest, the oldest first.
	Epochs []EpochCost `json:"epochs"`
}

// EpochCost is what was used from the end of one epoch to that of the next.
type EpochCost struct {
	Epoch uint64     `json:"epoch"`
	Usage cost.Usage `json:"usage"`
	USD   float64    `json:"usd"`
}

func (s *Server) cost(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	c := j.Cost()
	bill := c.Prices.Of(c.Usage)
	reply := Cost{ID: j.ID(), Prices: c.Prices, Usage: c.Usage, USD: bill.USD(), Items: bill.Items, Epochs: []EpochCost{}}
	if reply.Items == nil {
		reply.Items = []cost.Item{}
	}
	reply.PerMillionRows, _ = c.Prices.PerMillionRows(c.Usage)
	for _, e := range c.Epochs {
		reply.Epochs = append(reply.Epochs, EpochCost{e.Number, e.Usage, c.Prices.Of(e.Usage).USD()})
	}
	return reply, nil
}

// costs are the metrics of what a job uses and costs.
func costs(c cost.Statement, labels []metrics.Label) []metrics.Group {
	u := c.Usage
	groups := []metrics.Group{{Scope: metrics.Own, Labels: labels, Metrics: []metrics.Metric{
		number("job_invocations_total", u.Invocations),
		{Name: "job_function_byte_seconds_total", Value: u.GBSeconds * (1 << 30)},
		number("job_storage_puts_total", u.Puts), number("job_storage_gets_total", u.Gets),
		number("job_storage_written_bytes_total", u.Written), number("job_storage_read_bytes_total", u.Read),
		{Name: "job_core_seconds_total", Value: u.CoreSeconds},
		{Name: "job_coordinator_seconds_total", Value: u.CoordinatorSeconds},
	}}}
	for _, i := range c.Prices.Of(u).Items {
		groups = append(groups, metrics.Group{
			Scope: metrics.Own, Labels: append(labels[:len(labels):len(labels)], metrics.Label{Name: "item", Value: i.What}),
			Metrics: []metrics.Metric{{Name: "job_cost_dollars_total", Value: i.USD}},
		})
	}
	return groups
}
