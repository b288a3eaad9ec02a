package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/lambda/local"
)

// CostOptions say how to compare what functions are predicted to use with what is
// then counted.
type CostOptions struct {
	// Queries are names of NexmarkQueries; none means q0, q5 and q12.
	Queries []string
	// Tasks are the parallelisms; none means 1, 2 and 4.
	Tasks []int
	// Rows are how many rows each source task reads in an epoch; none means 10,000 and 1 million.
	Rows []int64
	// Epochs is how many are run of each; 0 means 6.
	Epochs int
	// Memory is that of a function; 0 means cost.DefaultFunctionMemory, which is a core.
	Memory int64
	// Program is the wadi binary; "" means this one.
	Program string
}

// CostResult is one comparison: of an epoch, in the mean.
type CostResult struct {
	Query     string     `json:"query"`
	Gear      string     `json:"gear"`
	Tasks     int        `json:"tasks"`
	Epochs    int        `json:"epochs"`
	Rows      int64      `json:"rows"`
	Predicted cost.Usage `json:"predicted"`
	Counted   cost.Usage `json:"counted"`
	// USD are what both cost, Ratio is counted through predicted.
	PredictedUSD float64 `json:"predictedUSD"`
	CountedUSD   float64 `json:"countedUSD"`
	Ratio        float64 `json:"ratio"`
}

func (o CostOptions) withDefaults() (CostOptions, error) {
	if len(o.Queries) == 0 {
		o.Queries = []string{"q0", "q5", "q12"}
	}
	if len(o.Tasks) == 0 {
		o.Tasks = []int{1, 2, 4}
	}
	if len(o.Rows) == 0 {
		o.Rows = []int64{10_000, 1_000_000}
	}
	if o.Epochs == 0 {
		o.Epochs = 6
	}
	if o.Memory == 0 {
		o.Memory = cost.DefaultFunctionMemory
	}
	if o.Program == "" {
		var err error
		if o.Program, err = os.Executable(); err != nil {
			return o, fmt.Errorf("find this program: %w", err)
		}
	}
	return o, nil
}

// Cost runs Nexmark queries in functions, as processes of this machine that are
// asked by AWS Lambda's runtime API, and compares what the accounting counts for an
// epoch with what is predicted from the plan and from the query's speed, which is
// measured first. The first and the last epoch of a run do not count.
func Cost(ctx context.Context, o CostOptions, report func(CostResult) error) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	queries, err := choose(NexmarkQueries, o.Queries)
	if err != nil {
		return err
	}
	platform := local.New(local.Options{Command: []string{o.Program, "function"}, Memory: o.Memory, Timeout: 15 * time.Minute, Keep: 64})
	defer func() { _ = platform.Close() }() // nothing runs any more
	for _, q := range queries {
		for _, tasks := range o.Tasks {
			for _, rows := range o.Rows {
				r, err := o.compare(ctx, platform, q, tasks, rows)
				if err == nil {
					err = report(r)
				}
				if err != nil {
					return fmt.Errorf("%s with %d tasks: %w", q.Name, tasks, err)
				}
			}
		}
	}
	return nil
}

func (o CostOptions) compare(ctx context.Context, platform *local.Platform, q Query, tasks int, rows int64) (r CostResult, err error) {
	r = CostResult{Query: q.Name, Gear: "functions", Tasks: tasks}
	dir, err := os.MkdirTemp("", "wadi-cost-")
	if err != nil {
		return r, fmt.Errorf("make a directory for checkpoints: %w", err)
	}
	defer os.RemoveAll(dir)
	n, err := NexmarkOptions{Events: rows * int64(tasks*o.Epochs), Parallelism: tasks, Rate: 10_000}.withDefaults()
	if err != nil {
		return r, err
	}
	env, err := wadi.Local(wadi.Options{
		Parallelism: tasks, Invokers: wadi.Invokers{"local": func(context.Context, string) (lambda.Invoker, error) { return platform, nil }},
		Config: map[string]string{
			"execution.checkpointing.dir": "file://" + dir, "execution.gear": "functions", "execution.functions.target": "local:", "wadi.staged.rows-per-epoch": fmt.Sprint(rows),
		},
	})
	if err != nil {
		return r, err
	}
	defer func() { _ = env.Close() }() // its job has ended
	prices, err := env.Prices()
	if err != nil {
		return r, err
	}
	script, remove, err := n.script(q)
	if err != nil {
		return r, err
	}
	defer remove()
	return r, env.Execute(ctx, script, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		return o.one(ctx, out.Pipeline, prices, &r)
	})
}

func (o CostOptions) one(ctx context.Context, p *wadi.Pipeline, prices cost.Prices, r *CostResult) error {
	speed, err := p.Calibrate(ctx, time.Second)
	if err != nil {
		return err
	}
	plan, err := p.CostPlan(speed)
	if err != nil {
		return err
	}
	plan.FunctionMemory, plan.RequestTime = o.Memory, 0
	run, err := p.Start(ctx, wadi.RestoreNone)
	if err != nil {
		return err
	}
	if _, err := run.Wait(); err != nil {
		return err
	}
	epochs := run.Cost().Epochs
	if len(epochs) < 3 {
		return errors.New("there were too few epochs to compare")
	}
	epochs = epochs[1 : len(epochs)-1]
	var sum cost.Usage
	for _, e := range epochs {
		sum = sum.Plus(e.Usage)
	}
	r.Epochs = len(epochs)
	r.Rows = sum.Rows / int64(r.Epochs)
	each := plan.FunctionsEpoch(float64(r.Rows), r.Tasks, prices)
	sum.CoordinatorSeconds, sum.CoreSeconds = 0, 0 // that time passes anyway
	count := float64(r.Epochs)
	r.Counted, r.Predicted = mean(sum, r.Epochs), each
	r.CountedUSD, r.PredictedUSD = prices.Of(sum).USD()/count, prices.Of(each).USD()
	r.Ratio = r.CountedUSD / r.PredictedUSD
	return nil
}

// mean is a usage through a number of epochs.
func mean(u cost.Usage, n int) cost.Usage {
	k := int64(n)
	return cost.Usage{
		Rows: u.Rows / k, Epochs: u.Epochs / k, Invocations: u.Invocations / k, GBSeconds: u.GBSeconds / float64(n),
		Puts: u.Puts / k, Gets: u.Gets / k, Written: u.Written / k, Read: u.Read / k,
	}
}

// CostTable reports comparisons as a table, at the end.
func CostTable(out io.Writer) (report func(CostResult) error, end func()) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.AppendHeader(table.Row{"query", "tasks", "rows", "invocations", "GB-s", "writes", "reads", "USD an epoch", "counted / predicted"})
	pair := func(format string, a, b any) string { return fmt.Sprintf(format+" of "+format, a, b) }
	return func(r CostResult) error {
		c, p := r.Counted, r.Predicted
		t.AppendRow(table.Row{
			r.Query, r.Tasks, r.Rows, pair("%d", c.Invocations, p.Invocations), pair("%.2f", c.GBSeconds, p.GBSeconds), pair("%d", c.Puts, p.Puts), pair("%d", c.Gets, p.Gets),
			pair("%s", cost.USD(r.CountedUSD), cost.USD(r.PredictedUSD)), fmt.Sprintf("%.2f", r.Ratio),
		})
		return nil
	}, func() { t.Render() }
}

// CostJSON reports a comparison as a line.
func CostJSON(out io.Writer) func(CostResult) error {
	return func(r CostResult) error { return json.NewEncoder(out).Encode(r) }
}
