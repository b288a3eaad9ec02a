package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchFunctions() *cobra.Command {
	var o bench.FunctionsOptions
	var m measuring
	c := &cobra.Command{
		Use:   "functions",
		Short: "Measure the functions gear, with processes of this program as the functions",
		Long: `Invocations are processes by AWS Lambda's runtime API, and storage is a directory.

  cold      from the start of a process to the reply of its first invocation
  warm      an epoch of few rows
  gears     queries of Nexmark, beside the pipelined gear, by CPU time of all processes
  requests  what an epoch asks of storage, with 4, 16 and 64 tasks to a chain
  change    from asking for another gear to the first epoch in it`,
		Example: "  wadi bench functions --parts cold,warm --format json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Functions(c.Context(), o, r) })
		},
	}
	c.Flags().StringSliceVar(&o.Parts, "parts", nil, fmt.Sprintf("`names` of %s; all if not set", strings.Join(bench.FunctionsParts(), ", ")))
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names` for gears; q1, q5, q8 and q9 if not set")
	c.Flags().Int64Var(&o.Events, "events", 5_000_000, "events of an epoch of gears")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 1, "tasks per vertex of gears")
	c.Flags().Int64Var(&o.State, "state", 100_000_000, "bytes of state for cold")
	c.Flags().StringVar(&o.Program, "program", "", "the `file` that runs as the function; this program if not set")
	c.Flags().StringVar(&o.Dir, "dir", "", "where checkpoints go")
	m.flags(c)
	return c
}
