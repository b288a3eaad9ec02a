package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchCost() *cobra.Command {
	var o bench.CostOptions
	var format string
	var study bool
	c := &cobra.Command{
		Use:   "cost",
		Short: "Compare what an epoch in functions is predicted to use with what is counted",
		Long: `Runs queries of Nexmark in functions, which are processes of this machine that are
asked by AWS Lambda's runtime API, and compares invocations, GB-seconds and requests of
an epoch with what wadi cost predicts, from the query's speed that is measured first.

--study prints instead what two jobs cost at three rates and three freshnesses in each
gear, and on Flink, from speeds in bench/RESULTS.md and list prices: nothing runs.`,
		Example: "  wadi bench cost --queries q5 --tasks 1,4\n  wadi bench cost --study",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if study {
				return bench.CostStudy(c.OutOrStdout())
			}
			report, end := bench.CostTable(c.OutOrStdout())
			switch format {
			case "table":
			case "json":
				report, end = bench.CostJSON(c.OutOrStdout()), func() {}
			default:
				return usageError{fmt.Errorf("--format %s: want table or json", format)}
			}
			defer end()
			return bench.Cost(c.Context(), o, report)
		},
	}
	formatFlag(c.Flags(), &format, "table, or json: one object per run")
	c.Flags().BoolVar(&study, "study", false, "print the study of two jobs, as Markdown")
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; q0, q5 and q12 without it")
	c.Flags().IntSliceVar(&o.Tasks, "tasks", nil, "tasks per vertex, separated by commas; 1, 2 and 4 without it")
	c.Flags().Int64SliceVar(&o.Rows, "rows", nil, "rows of each source task in an epoch; 10,000 and 1 million without it")
	c.Flags().IntVar(&o.Epochs, "epochs", 6, "epochs of each run")
	return c
}
