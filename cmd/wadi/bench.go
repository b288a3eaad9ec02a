package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/bench"
)

func newBench() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench nexmark|flights|tpch|memory|ingest|cluster|checkpoint|cost|functions",
		Short: "Measure the engine",
		Long: `Bench measures events per second of CPU time of this process, user and system,
which stays comparable on a machine that has other work.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBenchNexmark(), newBenchFlights(), newBenchTPCH(), newBenchMemory(), newBenchIngest(), newBenchCluster(), newBenchCheckpoint(), newBenchCost(), newBenchFunctions())
	return c
}

// measuring is the flags of every benchmark.
type measuring struct{ format, profile string }

func (m *measuring) flags(c *cobra.Command) {
	formatFlag(c.Flags(), &m.format, "table, or json: one object per run")
	c.Flags().StringVar(&m.profile, "cpuprofile", "", "write a CPU profile to this `file`, for go tool pprof")
}

// run calls f with where its results go.
func (m *measuring) run(out io.Writer, f func(bench.Report) error) (err error) {
	report := bench.Table(out)
	switch m.format {
	case "table":
	case "json":
		report = bench.JSON(out)
	default:
		return usageError{fmt.Errorf("--format %s: want table or json", m.format)}
	}
	if m.profile == "" {
		return f(report)
	}
	file, err := os.Create(m.profile)
	if err != nil {
		return usageError{fmt.Errorf("write the profile: %w", err)}
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	err = f(report)
	pprof.StopCPUProfile()
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

func newBenchNexmark() *cobra.Command {
	var o bench.NexmarkOptions
	var m measuring
	c := &cobra.Command{
		Use:   "nexmark",
		Short: "Run queries of Nexmark into a blackhole",
		Long: `The queries are q0 to q23, tumble (TUMBLE of 10 s with count, sum and maximum by
auction) and q5count (the counts by HOP of 10 s in q5). --queries cep runs cep0 to
cep3, those with MATCH_RECOGNIZE, which are not among all. All kinds of event count as
events, and making them is part of the time.`,
		Example: "  wadi bench nexmark --queries q0,q1 --events 50000000 -p 1 --format json",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.run(c.OutOrStdout(), func(r bench.Report) error {
				return bench.Nexmark(c.Context(), o, func(ctx context.Context, res bench.Result) error {
					if o.Checkpoints > 0 && res.Checkpoints < 5 {
						fmt.Fprintf(os.Stderr, "%s: only %d checkpoints were completed: more --events give a better measure\n", res.Query, res.Checkpoints)
					}
					return r(ctx, res)
				})
			})
		},
	}
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; all if not set")
	c.Flags().Int64Var(&o.Events, "events", 50_000_000, "events per run")
	c.Flags().Int64Var(&o.Rate, "rate", 100_000, "events per second of event time")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 1, "tasks per vertex")
	c.Flags().StringVar(&o.Mode, "mode", "streaming", "streaming or batch")
	c.Flags().BoolVar(&o.Verify, "verify", false, "sum up every value that reaches the sink; slow")
	c.Flags().DurationVar(&o.Checkpoints, "checkpoints", 0, "take checkpoints at this `interval`, such as 1s, to a temporary directory")
	m.flags(c)
	return c
}

func newBenchFlights() *cobra.Command {
	var o bench.FlightsOptions
	var m measuring
	c := &cobra.Command{
		Use:   "flights --file FILE",
		Short: "Compare queries over flights with DuckDB, one thread each",
		Long: `The queries are filter, groupby, parquet and iceberg (writing all rows, with zstd).
Each is run in both engines in turn, results are compared, and the medians of five
warm runs are reported. It needs python3 with duckdb and pyarrow.`,
		Example: "  wadi bench flights --file flights-3m.parquet",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !bench.DuckDB(c.Context()) {
				fmt.Fprintln(os.Stderr, "skipped: no python3 with duckdb and pyarrow")
				return nil
			}
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.Flights(c.Context(), o, r) })
		},
	}
	c.Flags().StringVar(&o.File, "file", "../shared/data/flights-3m.parquet", "a Parquet `file` with date, delay, distance, origin and destination")
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; all if not set")
	m.flags(c)
	return c
}

func newBenchTPCH() *cobra.Command {
	var o bench.TPCHOptions
	var m measuring
	var scale string
	c := &cobra.Command{
		Use:   "tpch --data DIRECTORY",
		Short: "Compare the 22 queries of TPC-H with DuckDB, over the same Parquet files",
		Long: `Each query is run in both engines, with as many threads each, and the medians of
five warm runs are reported; planning and reading the files are part of the time.
The files are made by tpchgen-cli (from PyPI):

  tpchgen-cli parquet -s 1 --output-dir=tpch-1`,
		Example: "  wadi bench tpch --data tpch-1 --queries q01,q05 -p 2",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !bench.DuckDB(c.Context()) {
				fmt.Fprintln(os.Stderr, "skipped: no python3 with duckdb and pyarrow")
				return nil
			}
			if o.Dir == "" {
				o.Dir = "tpch-" + scale
			}
			return m.run(c.OutOrStdout(), func(r bench.Report) error { return bench.TPCH(c.Context(), o, r) })
		},
	}
	c.Flags().StringVar(&o.Dir, "data", "", "the `directory` of the tables (default \"tpch-\" and the scale)")
	c.Flags().StringVar(&scale, "scale", "1", "the scale, in the name of the directory")
	c.Flags().StringSliceVar(&o.Queries, "queries", nil, "`names`, separated by commas; all if not set")
	c.Flags().IntVarP(&o.Parallelism, "parallelism", "p", 1, "tasks per vertex, and threads of DuckDB")
	m.flags(c)
	return c
}
