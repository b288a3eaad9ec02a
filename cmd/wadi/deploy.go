package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
)

// newDeploy puts jobs into storage, where triggers find them.
func newDeploy() *cobra.Command {
	var env environment
	var restore string
	var asJSON bool
	c := &cobra.Command{
		Use: "deploy FILE.sql", Short: "Make the jobs of a script ones that triggers run, with no process in between",
		Long: `Deploy plans the jobs of a script, checks their options, and writes them to their
checkpoint directory. Nothing runs before a trigger: a schedule, new files, waiting rows,
or wadi trigger. Between two epochs of such a job there is no process.

  SET 'execution.checkpointing.dir' = 's3://bucket/checkpoints';
  SET 'execution.functions.target' = 'aws-lambda:wadi';
  SET 'execution.functions.schedule' = '*/5 * * * *';
  SET 'pipeline.name' = 'bids';

What the functions are sent has the secrets of tables. In storage they are sealed with
'wadi.cluster.secret', if it is set, here and for the functions.`,
		Example: "  wadi deploy job.sql\n  wadi deploy job.sql --restore latest      (in place of the one that is there, with its state)",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			text, err := os.ReadFile(a[0])
			if err != nil {
				return usageError{fmt.Errorf("read the script: %w", err)}
			}
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs in it
			x := &executor{env: e, out: c.OutOrStdout(), quiet: env.verbosity() == 0}
			return e.Execute(c.Context(), string(text), func(o wadi.Outcome) error {
				if o.Pipeline == nil {
					return x.outcome(c.Context(), o)
				}
				d, err := o.Pipeline.Deploy(c.Context(), wadi.Restore(restore))
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), d)
				}
				fmt.Fprintf(os.Stderr, "Job %s is deployed with JobID %s\n", d.Name, d.Job)
				return nil
			})
		},
	}
	env.flags(c)
	c.Flags().StringVar(&restore, "restore", "", "`latest`, none, or the path of a checkpoint, as for wadi run")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// newUndeploy takes a job out of storage.
func newUndeploy() *cobra.Command {
	var env environment
	var asJSON bool
	c := &cobra.Command{
		Use: "undeploy JOB", Short: "Let triggers run a job no more",
		Long: "Undeploy lets triggers run a job no more. Its checkpoints stay, from which it\nmay be deployed again; what an open epoch has done until then does not count.",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs in it
			if err := e.Undeploy(c.Context(), a[0]); err != nil || !asJSON {
				return err
			}
			return printJSON(c.OutOrStdout(), map[string]any{"job": a[0], "deployed": false})
		},
	}
	env.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// newDeployments lists jobs that are deployed.
func newDeployments() *cobra.Command {
	var env environment
	var asJSON bool
	c := &cobra.Command{
		Use: "deployments", Short: "List the jobs that triggers run", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := env.open()
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // nothing runs in it
			all, err := e.Deployments(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			t := table.NewWriter()
			t.SetStyle(table.StyleLight)
			t.AppendHeader(table.Row{"Job", "JobID", "Deployed", "Schedule", "Target"})
			for _, d := range all {
				target := cmp.Or(d.Config["execution.functions.target"], "the process that is triggered")
				t.AppendRow(table.Row{d.Name, d.Job, d.Deployed.Format(time.RFC3339), d.Config["execution.functions.schedule"], target})
			}
			fmt.Fprintln(c.OutOrStdout(), t.Render())
			return nil
		},
	}
	env.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
