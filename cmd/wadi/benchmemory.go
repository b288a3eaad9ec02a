package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchMemory() *cobra.Command {
	var o bench.MemoryOptions
	var m measuring
	c := &cobra.Command{
		Use:   "memory",
		Short: "Run queries whose state is larger than their memory",
		Long: `The queries are group (count and sum by key), join (LEFT JOIN of two streams), topn
(the first two rows of each key), over (sums of two rows of each key), window (count
and sum by key and window) and interval (a join of rows whose times are close). Each runs in a process of its own
with taskmanager.memory.process.size; what that
takes is measured from outside. It fails when a process has more resident than its
limit and a quarter, or is slower than --least.`,
		Example: "  wadi bench memory --events 100000000 --limit 512m --format json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			o.Binary = self
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Memory(c.Context(), o, r) })
		},
	}
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; group and join if not set")
	c.Flags().Int64Var(&o.Events, "events", 100_000_000, "rows per run; half as many keys are distinct")
	c.Flags().StringVar(&o.Limit, "limit", "512m", "taskmanager.memory.process.size of the runs; \"\" for none")
	c.Flags().StringVar(&o.Backend, "backend", "", "state.backend.type of the runs")
	c.Flags().StringVar(&o.Dir, "dir", "", "where state goes that does not fit")
	c.Flags().Float64Var(&o.Least, "least", 0, "events per second of CPU time that are asked for")
	c.Flags().DurationVar(&o.Checkpoints, "checkpoints", 0, "take checkpoints at this `interval`")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 1, "tasks per vertex")
	m.flags(c)
	return c
}
