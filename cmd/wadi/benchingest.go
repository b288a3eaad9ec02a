package main

import (
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBenchIngest() *cobra.Command {
	var o bench.IngestOptions
	var m measuring
	c := &cobra.Command{
		Use:   "ingest",
		Short: "Measure the way from Kafka into Iceberg",
		Long: `Fills a topic of four partitions with bids of 260 bytes as JSON, unless an earlier
run has left it there, and measures: decode (JSON to nowhere), append (into an Iceberg
table), upsert (the newest bid of each bidder, with deletion vectors), scan (of the
appended table), nexmark (bids of Nexmark into a table, without Kafka; all
events count) and fresh (how long rows take from their making into a snapshot, at a
hundred thousand per second, for a minute). The broker is not part of what is measured.`,
		Example: "  wadi bench ingest --brokers localhost:9092 --rows 30000000 --format json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Ingest(c.Context(), o, r) })
		},
	}
	m.flags(c)
	c.Flags().StringVar(&o.Brokers, "brokers", "localhost:9092", "addresses of Kafka")
	c.Flags().StringSliceVar(&o.Cases, "cases", nil, "which to measure; all without it")
	c.Flags().Int64Var(&o.Rows, "rows", 30_000_000, "how many rows the topic has")
	c.Flags().Int64Var(&o.Keys, "keys", 1_000_000, "how many bidders there are")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 1, "tasks")
	c.Flags().DurationVar(&o.Commit, "commit", 0, "interval of checkpoints and commits; 10s without it")
	c.Flags().StringVar(&o.Dir, "dir", "", "where the warehouse is made; a temporary `directory` without it")
	return c
}
