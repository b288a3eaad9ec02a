package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newInfo is flink info.
func newInfo() *cobra.Command {
	var env environment
	var json bool
	c := &cobra.Command{
		Use: "info FILE.sql", Short: "Print the execution plan of a script's first job", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			script, err := os.ReadFile(a[0])
			if err != nil {
				return usageError{fmt.Errorf("read the script: %w", err)}
			}
			o, err := env.options()
			if err != nil {
				return err
			}
			s, err := wadi.NewSession(o)
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }() // nothing runs
			g, err := s.Plan(c.Context(), rest.Submission{Script: string(script)})
			if err != nil {
				return err
			}
			if !json {
				fmt.Fprintln(c.OutOrStdout(), "----------------------- Execution Plan -----------------------")
				defer fmt.Fprintln(c.OutOrStdout(), "--------------------------------------------------------------")
			}
			return printJSON(c.OutOrStdout(), rest.PlanOf(g, "", false))
		},
	}
	env.flags(c)
	c.Flags().BoolVar(&json, "json", false, "print nothing but the plan")
	return c
}
