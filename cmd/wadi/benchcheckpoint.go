package main

import (
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchCheckpoint() *cobra.Command {
	var o bench.CheckpointOptions
	var m measuring
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Take checkpoints of large state of which little changes, and recover from one",
		Long: `A query keeps the newest value and the count of each of very many keys. It measures the
first checkpoint, which writes everything, those after some of the keys have changed, and
how long the tasks take to go on from the last one when they have failed, until all have
their state and run.`,
		Example: "  wadi bench checkpoint --state 1000000000 --changed 1,10 --format json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Checkpoint(c.Context(), o, r) })
		},
	}
	c.Flags().Int64Var(&o.State, "state", 1_000_000_000, "bytes of keys and values")
	c.Flags().Float64SliceVar(&o.Changed, "changed", nil, "`percent` of the keys that change before each checkpoint; 1,1,1,10,0.1 if not set")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 2, "tasks per vertex")
	c.Flags().StringVar(&o.Dir, "dir", "", "where checkpoints go")
	m.flags(c)
	return c
}
