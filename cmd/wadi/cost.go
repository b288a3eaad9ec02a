package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// costCommand is wadi cost.
type costCommand struct {
	env       environment
	rate      float64
	freshness string
	speed     float64
	state     string
	memory    string
	measure   time.Duration
	asJSON    bool
}

func newCost() *cobra.Command {
	var x costCommand
	c := &cobra.Command{
		Use: "cost FILE.sql --events-per-second N --freshness T", Short: "Predict what the jobs of a script cost in each gear",
		Long: `Cost predicts what each job of a script costs in an hour and in a month of 730 hours,
pipelined, staged and in functions, by the list of prices in cost.prices. No job runs,
and no row is read or written. What the script creates or sets is created and set, in
catalogs too; what it drops, alters, deletes, calls or stops is left out.

How fast the operators are is measured now, over rows that are made (--measure), or
said (--rows-per-core-second); what Kafka and Iceberg take beside is what was measured
of them. Freshness is how old a row may be when the sinks show it. Free tiers,
discounts, traffic between regions and what brokers cost are not in it.`,
		Example: "  wadi cost job.sql --events-per-second 1000 --freshness 1min\n  wadi cost job.sql --events-per-second 5e6 --freshness 1s -D cost.prices=azure --json",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, a []string) error { return x.run(c, a[0]) },
	}
	x.env.flags(c)
	c.Flags().Float64Var(&x.rate, "events-per-second", 0, "how many rows come at the sources")
	c.Flags().StringVar(&x.freshness, "freshness", "1 min", "how old a row may be when it is visible")
	c.Flags().Float64Var(&x.speed, "rows-per-core-second", 0, "how many rows a core carries, instead of measuring it")
	c.Flags().DurationVar(&x.measure, "measure", 2*time.Second, "for how long the speed is measured")
	c.Flags().StringVar(&x.state, "state-size", "0", "how large the job's state is, such as 2gb")
	c.Flags().StringVar(&x.memory, "function-memory", "", "how much memory a function has (cost.function-memory)")
	c.Flags().BoolVar(&x.asJSON, "json", false, "print JSON, a line for each job")
	if err := c.MarkFlagRequired("events-per-second"); err != nil {
		panic(err)
	}
	return c
}

// costReport is what is said of one job.
type costReport struct {
	Job           string          `json:"job"`
	RowsPerSecond float64         `json:"eventsPerSecond"`
	Freshness     string          `json:"freshness"`
	Speed         float64         `json:"rowsPerCoreSecond"`
	SpeedFrom     string          `json:"speedFrom"`
	Stages        int             `json:"stages"`
	Tasks         int             `json:"tasks"`
	Prices        cost.Prices     `json:"prices"`
	Gears         []forecastEntry `json:"gears"`
}

// forecastEntry is a forecast with its sums.
type forecastEntry struct {
	Gear string `json:"gear"`
	cost.Forecast
	USDPerHour  float64 `json:"usdPerHour"`
	USDPerMonth float64 `json:"usdPerMonth"`
}

func (x *costCommand) run(c *cobra.Command, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read the script: %w", err)}
	}
	fresh, err := units.ParseDuration(x.freshness)
	if err != nil || fresh <= 0 || !(x.rate >= 0) {
		return usageError{fmt.Errorf("want --events-per-second of 0 or more, and --freshness such as '10 s'")}
	}
	e, err := x.env.open()
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // nothing runs any more
	statements, err := parse.Script(string(text))
	if err != nil {
		return err
	}
	jobs := 0
	for _, s := range statements {
		if changes(s) {
			continue
		}
		o, err := e.Statement(c.Context(), s, string(text))
		if err != nil {
			return err
		}
		if o.Record != nil {
			o.Record.Release()
		}
		if o.Pipeline == nil {
			continue
		}
		jobs++
		if err := x.job(c, e, o.Pipeline, cost.Load{RowsPerSecond: x.rate, Freshness: fresh}); err != nil {
			return err
		}
	}
	if jobs == 0 {
		return usageError{fmt.Errorf("%s has no INSERT, so no job", file)}
	}
	return nil
}

// changes reports whether a statement changes something that is not of the session,
// and that planning the jobs behind it can do without.
func changes(s ast.Statement) bool {
	switch s.(type) {
	case *ast.Drop, *ast.Alter, *ast.AlterFunction, *ast.Update, *ast.Delete, *ast.Truncate, *ast.CallProcedure, *ast.StopJob, *ast.Analyze, *ast.CreateMaterializedTable:
		return true
	default:
		return false
	}
}

// job says what a job costs.
func (x *costCommand) job(c *cobra.Command, e *wadi.Env, p *wadi.Pipeline, l cost.Load) error {
	r, err := x.predict(c, e, p, l)
	if err != nil {
		return err
	}
	if x.asJSON {
		return printJSON(c.OutOrStdout(), r)
	}
	return r.print(c.OutOrStdout())
}

func (x *costCommand) predict(c *cobra.Command, e *wadi.Env, p *wadi.Pipeline, l cost.Load) (r costReport, err error) {
	prices, err := e.Prices()
	if err != nil {
		return r, err
	}
	speed := wadi.Speed{RowsPerCoreSecond: x.speed, From: fmt.Sprintf("%.3g million rows per core-second, as it was said", x.speed/1e6)}
	if x.speed <= 0 {
		if speed, err = p.Calibrate(c.Context(), x.measure); err != nil {
			return r, err
		}
	}
	plan, err := p.CostPlan(speed)
	if err != nil {
		return r, err
	}
	memory := x.memory
	if memory == "" {
		memory = e.Config("cost.function-memory")
	}
	for text, at := range map[string]*int64{x.state: &plan.StateBytes, memory: &plan.FunctionMemory} {
		if *at, err = units.ParseSize(text); err != nil {
			return r, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	r = costReport{
		Job: p.Name(), RowsPerSecond: l.RowsPerSecond, Freshness: l.Freshness.String(), Speed: speed.RowsPerCoreSecond, SpeedFrom: speed.From,
		Stages: len(plan.Stages), Tasks: plan.Tasks(), Prices: prices,
	}
	all := cost.Predict(plan, l, prices)
	for _, g := range []struct {
		name string
		of   cost.Forecast
	}{{"pipelined", all.Pipelined}, {"staged", all.Staged}, {"functions", all.Functions}} {
		r.Gears = append(r.Gears, forecastEntry{g.name, g.of, g.of.PerHour(), g.of.PerMonth()})
	}
	return r, nil
}

// print shows a forecast as a table, and what it assumes.
func (r costReport) print(out io.Writer) error {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"gear", "per hour", "per month", "most of it", "epochs/h", "cores", "invocations/h", "GB-s/h", "writes/h", "reads/h", "as fresh"})
	for _, g := range r.Gears {
		fresh := "yes"
		if !g.Holds {
			fresh = "no: " + g.Why
		}
		most := g.Bill.Most()
		part := 0.0
		if g.USDPerHour > 0 {
			part = 100 * most.USD / g.USDPerHour
		}
		t.AppendRow(table.Row{
			g.Gear, cost.USD(g.USDPerHour), cost.USD(g.USDPerMonth), fmt.Sprintf("%s, %.0f %%", most.What, part), thousands(g.Usage.Epochs), g.Cores,
			thousands(g.Usage.Invocations), thousands(int64(g.Usage.GBSeconds)), thousands(g.Usage.Puts), thousands(g.Usage.Gets), fresh,
		})
	}
	_, err := fmt.Fprintf(out, "%s: %g rows per second, seen after %s at the most\n%s\n%s\nAssumed: %s. %d stages, %d tasks.\nPrices: %s, %s, %s (%s).\n",
		r.Job, r.RowsPerSecond, r.Freshness, t.Render(), r.cheapest(), r.SpeedFrom, r.Stages, r.Tasks, r.Prices.Name, r.Prices.Region, r.Prices.Date, r.Prices.Source)
	return err
}

// cheapest says which gear costs least of those that are as fresh as asked.
func (r costReport) cheapest() string {
	var best *forecastEntry
	for i := range r.Gears {
		if g := &r.Gears[i]; g.Holds && (best == nil || g.USDPerHour < best.USDPerHour) {
			best = g
		}
	}
	if best == nil {
		return "No gear is as fresh as that."
	}
	return fmt.Sprintf("The cheapest that is as fresh: %s, %s in a month.", best.Gear, cost.USD(best.USDPerMonth))
}
