package main

import (
	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newFork starts a what-if copy of a job.
func newFork() *cobra.Command {
	var at cluster
	var f rest.Fork
	c := &cobra.Command{
		Use: "fork JOB", Short: "Start a copy of a job of a cluster beside it, from a checkpoint, with other targets",
		Long: `Fork starts a copy of a job beside it: the same plan, from one of its checkpoints or
a savepoint. Every table, topic and directory that the copy writes to has the name of
the job's with a suffix, so that the two can be compared. A job with a sink whose target
has no such name is refused.`,
		Example: "  wadi fork 136c3e9978b7e87355f5b34ec6997dfa --sink-suffix _whatif\n" +
			"  wadi fork 136c3e9978b7e87355f5b34ec6997dfa --sink-suffix _tuesday --from s3://bucket/checkpoints/136c…/chk-42",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			of, err := at.client().Fork(c.Context(), a[0], f)
			if err != nil {
				return err
			}
			at.say(c, "Job %s has been forked with JobID %s, named %s.", a[0], of.ID, of.Name)
			return at.object(c, of)
		},
	}
	at.flags(c)
	c.Flags().StringVar(&f.From, "from", "", "the `path` of a checkpoint or savepoint; the job's newest checkpoint without it")
	c.Flags().StringVar(&f.Suffix, "sink-suffix", "", "what the names of the targets get at their `end`")
	c.Flags().StringVar(&f.Name, "name", "", "the `name` of the copy; the job's with the suffix without it")
	_ = c.MarkFlagRequired("sink-suffix") // it is there
	return c
}
