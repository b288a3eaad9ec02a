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
	var asJSON bool
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
			o := demo.Options{Dir: abs, Binary: self, Out: c.OutOrStdout()}
			if asJSON {
				o.Out = c.ErrOrStderr()
			}
			if err := demo.Run(c.Context(), o); err != nil || !asJSON {
				return err
			}
			return printJSON(c.OutOrStdout(), map[string]any{"directory": abs, "proven": true})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where the tables go; a new temporary directory by default")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON when all is proven, and the story to standard error")
	return c
}
