package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/cmd/wadi/demo"
)

func newDemo() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "A backfill, a stream, a crash, and the proof that every row is there once",
		Long: `Demo copies real flights from Parquet into an Iceberg table, then streams the bids of
the Nexmark benchmark into a second one and their windows into a third. In the middle
it kills the streaming process with SIGKILL, lets it go on, reads the tables back and
compares them with their input. It takes less than a minute, and leaves the tables in
a directory for you to look at.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if dir == "" {
				d, err := os.MkdirTemp("", "wadi-demo-")
				if err != nil {
					return fmt.Errorf("make a directory: %w", err)
				}
				dir = d
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return usageError{err}
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			return demo.Run(c.Context(), demo.Options{Dir: abs, Binary: self, Out: c.OutOrStdout()})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where the tables go; a new temporary directory by default")
	return c
}
