package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
)

func newStateExport() *cobra.Command {
	var env environment
	var to string
	var asJSON bool
	c := &cobra.Command{
		Use: "export CHECKPOINT OPERATOR TABLE", Short: "Write the rows of a table of a checkpoint to a file",
		Example: "  wadi state export /data/checkpoints/6f1c…/chk-42 group-agg-9f9591f3ba9050b3 groups -o groups.parquet",
		Args:    args(cobra.ExactArgs(3)),
		RunE: func(c *cobra.Command, a []string) error {
			format := strings.TrimPrefix(strings.ToLower(filepath.Ext(to)), ".")
			if !slices.Contains(wadi.StateFormats, format) {
				return usageError{fmt.Errorf("-o %s: want a name that ends in .%s", to, strings.Join(wadi.StateFormats, ", ."))}
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs
			rows, err := exportState(c, e, a, format, to)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]any{"file": to, "rows": rows})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s rows in %s\n", thousands(rows), to)
			return nil
		},
	}
	env.flags(c)
	c.Flags().StringVarP(&to, "output", "o", "", "the `file`: .parquet, .csv or .jsonl")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("output") // it is there
	return c
}

// exportState writes the file, which is there only when it is whole.
func exportState(c *cobra.Command, e *wadi.Env, a []string, format, to string) (rows int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(to), ".export-*")
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", to, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	rows, err = e.ExportState(c.Context(), a[0], a[1], a[2], format, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return rows, err
	}
	return rows, os.Rename(f.Name(), to)
}
