package main

import (
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchCluster() *cobra.Command {
	var o bench.ClusterOptions
	var m measuring
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Compare workers of their own with one process",
		Long: `Runs queries of Nexmark in one process, and then with their tasks on workers that
are processes of their own and exchange rows over TCP, with the same parallelism. The
ratio is events per second of CPU time, of all processes, through those of the one.`,
		Example: "  wadi bench cluster --queries q5 --events 20000000",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Cluster(c.Context(), o, r) })
		},
	}
	m.flags(c)
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; q0, q3, q5 and q8 without it")
	c.Flags().Int64Var(&o.Events, "events", 20_000_000, "events per run")
	c.Flags().IntVar(&o.Workers, "workers", 2, "processes with one slot each")
	return c
}
