package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// submission is what run -m sends to a cluster.
type submission struct {
	at               cluster
	detached         bool
	restore          string
	claim            string
	allowNonRestored bool
}

// submit starts the jobs of a script on a cluster and, unless it is detached,
// waits for their end.
func (s submission) submit(c *cobra.Command, env *environment, script string) error {
	o, err := env.options()
	if err != nil {
		return err
	}
	client := s.at.client()
	jobs, err := client.Submit(c.Context(), rest.SQLRequest{
		Statement: script, Detached: true, Options: o.Config, Parallelism: env.parallelism, Restore: s.restore, ClaimMode: s.claim, AllowNonRestored: s.allowNonRestored,
	})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		s.at.say(c, "Job has been submitted with JobID %s", j.JobID)
	}
	if s.detached {
		if s.at.json {
			return printJSON(c.OutOrStdout(), jobs)
		}
		return nil
	}
	for _, j := range jobs {
		r, err := client.Wait(c.Context(), string(j.JobID))
		if err != nil {
			return err
		}
		if s.at.json {
			if err := printJSON(c.OutOrStdout(), r.Result); err != nil {
				return err
			}
		}
		if r.Result.Failure != nil {
			return failedError{fmt.Errorf("job %s failed: %s", j.JobID, r.Result.Failure.Stack)}
		}
		s.at.say(c, "Program execution finished\nJob with JobID %s has finished.\nJob Runtime: %d ms", j.JobID, r.Result.RunMillis)
	}
	return nil
}
