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
	var asJSON, functions bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "A backfill, a stream, a crash, and the proof that every row is there once",
		Long: `Demo copies real flights from Parquet into an Iceberg table, then streams the bids of
the Nexmark benchmark into a second one and their windows into a third. In the middle
it kills the streaming process with SIGKILL, lets it go on, reads the tables back and
compares them with their input. It takes less than a minute, and leaves the tables in
a directory for you to look at.

With --functions it is another job: it runs as functions when files come, not at all when
none do, and as workers while many do, by its own choice, and says what each part costs.`,
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
			run := demo.Run
			if functions {
				run = demo.RunGears
			}
			if err := run(c.Context(), o); err != nil || !asJSON {
				return err
			}
			return printJSON(c.OutOrStdout(), map[string]any{"directory": abs, "proven": true})
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where the tables go; a new temporary directory by default")
	c.Flags().BoolVar(&functions, "functions", false, "show a job that is functions, nothing, or workers, as it has to do")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON when all is proven, and the story to standard error")
	return c
}
