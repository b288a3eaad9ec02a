package main

import (
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newCancel is flink cancel.
func newCancel() *cobra.Command {
	var at cluster
	c := &cobra.Command{
		Use: "cancel JOB", Short: "End a job of a cluster at once", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			at.say(c, "Cancelling job %s.", a[0])
			if err := at.client().Cancel(c.Context(), a[0]); err != nil {
				return err
			}
			at.say(c, "Cancelled job %s.", a[0])
			if at.json {
				return printJSON(c.OutOrStdout(), map[string]string{"jobid": a[0]})
			}
			return nil
		},
	}
	at.flags(c)
	return c
}

// newStop is flink stop.
func newStop() *cobra.Command {
	var at cluster
	c := &cobra.Command{
		Use: "stop JOB", Short: "End a job of a cluster with a savepoint", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			at.say(c, "Suspending job \"%s\" with a savepoint.", a[0])
			path, err := at.client().Stop(c.Context(), a[0], rest.StopRequest{})
			if err != nil {
				return err
			}
			at.say(c, "Savepoint completed. Path: %s", path)
			if at.json {
				return printJSON(c.OutOrStdout(), map[string]string{"jobid": a[0], "location": path})
			}
			return nil
		},
	}
	at.flags(c)
	return c
}
